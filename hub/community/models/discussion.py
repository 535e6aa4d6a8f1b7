"""Discussions of a repository and its pull requests, and what happened in each, in order."""

from datetime import datetime
from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Case, Count, Exists, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Someone, User
from hub.core.links import repo_path
from hub.repos.models import Repository

MAX_TITLE = 200  # characters
# The orders of lists. Those by number look at the MAX_SORTED discussions that were active last, however many there are.
ORDERS = ("active", "newest", "comments", "reactions")
MAX_SORTED = 2000


class Status(models.TextChoices):
    """The values are the words of the client protocol."""

    OPEN = "open", _("Open")
    CLOSED = "closed", _("Closed")
    # Of pull requests alone: not ready to be looked at, and taken in for good.
    DRAFT = "draft", _("Draft")
    MERGED = "merged", _("Merged")


# What lists call open and closed: a draft still waits for something, what was merged does not.
OPEN_STATES = (Status.OPEN, Status.DRAFT)
CLOSED_STATES = (Status.CLOSED, Status.MERGED)


class DiscussionQuerySet(models.QuerySet["Discussion"]):
    def visible_to(self, user: Someone) -> Self:
        """Those of the repositories that `user` may read."""
        return self.filter(repository__in=Repository.objects.visible_to(user))

    def open(self) -> Self:
        """Those that still wait for something, drafts among them."""
        return self.filter(status__in=OPEN_STATES)

    def closed(self) -> Self:
        """Those that are settled, one way or the other."""
        return self.filter(status__in=CLOSED_STATES)

    def counted(self) -> dict[str, int]:
        """Return how many are `open` and `closed`."""
        return self.aggregate(
            open=Count("pk", filter=Q(status__in=OPEN_STATES)), closed=Count("pk", filter=Q(status__in=CLOSED_STATES))
        )

    def pull_requests(self, wanted: bool = True) -> Self:
        """Pull requests alone, or everything but them."""
        return self.filter(pull_request__isnull=not wanted)

    def unanswered(self) -> Self:
        """Questions that no answer was accepted for."""
        return self.filter(is_question=True, answer=None)

    def by(self, name: str) -> Self:
        """Those that the user of that name opened."""
        return self.filter(author__namespace__name__iexact=name)

    def sorted_by(self, order: str) -> Self:
        """In one of ORDERS, the most recently active first among equals."""
        if order == "newest":
            return self.order_by("-pk")
        if order not in ("comments", "reactions"):
            return self.order_by("-active_at", "-pk")
        counted = self.lately(MAX_SORTED).with_comment_count().with_reaction_count()
        return counted.order_by(f"-{order}", "-active_at", "-pk")

    def lately(self, number: int) -> Self:
        """The `number` of them that were active last, in no order."""
        rows = self.order_by("-active_at", "-pk").values("pk")[:number]
        return type(self)(self.model).filter(pk__in=rows)

    def with_comment_count(self) -> Self:
        """Add `comments`: how many there are to read, the opening one left out."""
        said = DiscussionEvent.objects.filter(
            discussion=OuterRef("pk"), kind=EventKind.COMMENT, hidden_at=None, is_opening=False
        )
        # A sub-select: only the rows of the page that is shown are counted, not all of the repository's.
        count = said.order_by().values("discussion").annotate(count=Count("*")).values("count")
        return self.annotate(comments=Coalesce(Subquery(count), 0))

    def with_reaction_count(self) -> Self:
        """Add `reactions`: how many signs stand under what is to read in it."""
        signs = Reaction.objects.filter(comment__discussion=OuterRef("pk"), comment__hidden_at=None)
        count = signs.order_by().values("comment__discussion").annotate(count=Count("*")).values("count")
        return self.annotate(reactions=Coalesce(Subquery(count), 0))


class Discussion(models.Model):
    """A thread. Its opening text is the first of its events; its number comes from the repository's one counter."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="discussions", db_index=False)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=MAX_TITLE)
    # Null once the account is deleted: what was said stays, who said it does not.
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    status = models.CharField(max_length=16, choices=Status, default=Status.OPEN)
    created_at = models.DateTimeField(default=timezone.now)
    # When something last happened in it.
    active_at = models.DateTimeField(default=timezone.now)
    # A question waits for an answer: the comment that its author, or a maintainer, took for one.
    is_question = models.BooleanField(default=False)
    answer = models.ForeignKey(
        "community.DiscussionEvent", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    # Locked: only maintainers say something there.
    locked_at = models.DateTimeField(null=True)
    pinned_at = models.DateTimeField(null=True)  # stands above the others of its repository

    objects = DiscussionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "number"], name="discussion_number_once")]
        indexes = [
            models.Index(fields=["repository", "status", "-active_at"], name="discussion_by_activity"),
            models.Index(fields=["-active_at", "-id"], name="discussion_lately"),
            models.Index(
                fields=["-created_at"],
                condition=Q(is_question=True, answer=None, status="open"),
                name="discussion_unanswered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository.full_name}#{self.number}"

    def get_absolute_url(self) -> str:
        return repo_path(self.repository.kind, self.repository.full_name, "discussions", str(self.number))

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATES

    @property
    def is_pull_request(self) -> bool:
        return hasattr(self, "pull_request")


class EventKind(models.TextChoices):
    """What can happen in a discussion. The values are the words of the client protocol."""

    COMMENT = "comment", _("Comment")
    STATUS = "status-change", _("Change of status")
    TITLE = "title-change", _("Change of title")
    COMMIT = "commit", _("Commit")
    LOCK = "locking-change", _("Locked or unlocked")
    PIN = "pinning-change", _("Pinned or unpinned")
    ANSWER = "answer-change", _("Answer accepted or taken back")
    REFERENCE = "reference", _("Mentioned elsewhere")
    BASE = "base-change", _("Change of the branch that a pull request is for")


class EventQuerySet(models.QuerySet["DiscussionEvent"]):
    def readable_by(self, user: Someone) -> Self:
        """All but mentions in comments that `user`, who reads the discussion, may not read. Asked each time: a repository can
        be hidden later."""
        where = Repository.objects.visible_to(user).filter(pk=OuterRef("source__discussion__repository"))
        readable = Q(source__hidden_at=None) & Exists(where)
        return self.filter(~Q(kind=EventKind.REFERENCE) | readable)

    def in_order(self, discussion: Discussion) -> Self:
        """As they happened; the accepted answer of a question right below it."""
        if discussion.answer_id is None:
            return self.order_by("pk")
        place = Case(When(is_opening=True, then=0), When(pk=discussion.answer_id, then=1), default=2)
        return self.order_by(place, "pk")

    def answers_by_votes(self, discussion: Discussion) -> Self:
        """The question, its accepted answer, then the other comments: those first that most people hold for good."""
        votes = AnswerVote.objects.filter(comment=OuterRef("pk")).order_by().values("comment")
        count = Coalesce(Subquery(votes.annotate(count=Count("*")).values("count")), 0)
        place = Case(When(is_opening=True, then=0), When(pk=discussion.answer_id, then=1), default=2)
        return self.filter(kind=EventKind.COMMENT).order_by(place, count.desc(), "pk")


class DiscussionEvent(models.Model):
    """A comment or a change. Written under the discussion's row lock, so that ids rise in the order of what happened."""

    discussion = models.ForeignKey(Discussion, on_delete=models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=16, choices=EventKind)
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    # A commit of a pull request: its title here, its id in `after`.
    # A comment: Markdown, its earlier texts in CommentEdit, and who took it away. Its author's own deletion erases the text
    # and the earlier ones; a maintainer's only hides them.
    text = models.TextField(blank=True)
    is_opening = models.BooleanField(default=False)
    hidden_at = models.DateTimeField(null=True)
    hidden_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    # A change: the title, the status, or a branch's short name, before and after.
    before = models.CharField(max_length=MAX_TITLE, blank=True)
    after = models.CharField(max_length=MAX_TITLE, blank=True)
    # A reference: the comment elsewhere that mentions this discussion, for those who may read that one.
    # An accepted answer: the comment; null where it was taken back.
    source = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="references")

    objects = EventQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["discussion", "id"], name="discussion_events_in_order")]
        constraints = [
            models.UniqueConstraint(
                fields=["discussion"], condition=Q(is_opening=True), name="discussion_has_one_opening"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def is_comment(self) -> bool:
        return self.kind == EventKind.COMMENT

    @property
    def hidden(self) -> bool:
        return self.hidden_at is not None

    @property
    def deleted_by_author(self) -> bool:
        return self.hidden and self.hidden_by_id == self.author_id

    @property
    def edited_at(self) -> datetime | None:
        """When its text was last changed; None where it never was. Loaders of many prefetch `edits`."""
        return max((edit.at for edit in self.edits.all()), default=None)

    def versions(self) -> list[tuple[datetime, str | None]]:
        """Return what a comment has said, oldest first, each with when it began to; None for what was not kept."""
        edits = list(self.edits.all())
        return list(
            zip(
                [self.created_at, *(edit.at for edit in edits)],
                [*(edit.text for edit in edits), self.text],
                strict=True,
            )
        )

    @property
    def anchor(self) -> str:
        """What follows # in its address."""
        return f"{'comment' if self.is_comment else 'event'}-{self.pk}"


class CommentEdit(models.Model):
    """What a comment said before an edit. `text` is null for edits of a time when earlier texts were not kept."""

    comment = models.ForeignKey(DiscussionEvent, on_delete=models.CASCADE, related_name="edits")
    text = models.TextField(null=True)
    at = models.DateTimeField(default=timezone.now)  # when the next text took its place

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"edit of {self.comment_id}"


class CommentWords(models.Model):
    """What a comment is found by: its words and those of its discussion's title, in a table of their own, because they are
    larger than what lists and threads load. Whether it may be read is asked of the comment itself.

    Weights: A the title in the row of the opening text, C that text, D what the others say, and B the title in their rows, each
    term with a sign: so the index tells those that say something themselves from those that only stand below the title.
    """

    comment = models.OneToOneField(DiscussionEvent, primary_key=True, on_delete=models.CASCADE, related_name="words")
    discussion = models.ForeignKey(Discussion, on_delete=models.CASCADE, related_name="+")
    version = models.SmallIntegerField()  # of the code that made the row: hub.community.discussions.indexing.VERSION
    text = models.TextField(blank=True)  # what it says, without its marks, a line for each paragraph
    words = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["words"], name="comment_words")]

    def __str__(self) -> str:
        return f"words of {self.comment_id}"


class Emoji(models.TextChoices):
    """What can stand under a comment."""

    THUMBS_UP = "+1", "👍"
    THUMBS_DOWN = "-1", "👎"
    LAUGH = "laugh", "😄"
    HOORAY = "hooray", "🎉"
    CONFUSED = "confused", "😕"
    HEART = "heart", "❤️"
    ROCKET = "rocket", "🚀"
    EYES = "eyes", "👀"


class Reaction(models.Model):
    """Somebody's sign under a comment."""

    comment = models.ForeignKey(DiscussionEvent, on_delete=models.CASCADE, related_name="reactions", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    emoji = models.CharField(max_length=16, choices=Emoji)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["comment", "user", "emoji"], name="reaction_once")]

    def __str__(self) -> str:
        return f"{self.emoji} by {self.user}"


class AnswerVote(models.Model):
    """Somebody holds a comment for a good answer to its question."""

    comment = models.ForeignKey(DiscussionEvent, on_delete=models.CASCADE, related_name="votes", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["comment", "user"], name="answer_vote_once")]

    def __str__(self) -> str:
        return f"for {self.comment_id} by {self.user}"
