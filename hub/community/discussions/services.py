"""Every change to what is said in discussions: open, comment, edit, take away, close, reopen, rename. Pull requests are opened
and merged in `pull_requests.py`, questions answered in `questions.py`; what only maintainers do is in `maintaining.py`.

The caller has passed get_repo_for_posting; who may change what is decided here. Each change locks the discussion's row,
so what happens in it has one order.
"""

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.discussions.cross_references import follow_references
from hub.community.discussions.indexing import forget_texts, index_comment, index_title
from hub.community.errors import (
    DiscussionFull,
    DiscussionNotFound,
    NothingChanged,
    NotYourComment,
    NotYourDiscussion,
)
from hub.community.limits import Act, check_pace, check_words
from hub.community.models import ActivityKind, CommentEdit, Discussion, DiscussionEvent, EventKind, Status
from hub.community.models.discussion import MAX_TITLE
from hub.community.permissions import (
    check_may_edit,
    check_may_join,
    check_not_blocked,
    check_there,
    may_steer,
    may_take_away,
)
from hub.community.writing.text import MAX_TEXT
from hub.core.errors import Conflict, Invalid
from hub.core.models import record
from hub.core.text import clean_text, clean_title
from hub.core.throttles import check_rate
from hub.repos.models import Repository
from hub.repos.permissions import may_write
from hub.repos.services import next_number

# Of one discussion: pages and answers of the API stay readable.
MAX_EVENTS = 1000
# What is said, and changes of the title, keep to that number; so a discussion that is full can still be closed or locked.
MAX_CHANGES = 2 * MAX_EVENTS
# What does not bring a discussion to the top of the lists.
_QUIET = (EventKind.LOCK, EventKind.PIN)
# Of one comment: each keeps the text before it.
MAX_EDITS = 100


@transaction.atomic
def open_discussion(*, repo: Repository, actor: User, title: str, text: str, is_question: bool = False) -> Discussion:
    """Begin a discussion, or ask a question, with an opening text (Markdown). Raises Invalid, TooMany, Blocked."""
    title = clean_title(title, limit=MAX_TITLE)
    text = clean_text(text, field="text", limit=MAX_TEXT)
    check_not_blocked(actor, repo.namespace.user_id)
    count_post(actor, f"{title}\n{text}")
    check_pace(actor, Act.DISCUSSION)
    discussion = begin(repo, actor, title, text, is_question=is_question)
    opening = opening_of(discussion)
    note(
        ActivityKind.QUESTION if is_question else ActivityKind.DISCUSSION,
        actor=actor,
        discussion=discussion,
        event=opening,
    )
    follow_references(opening, actor)
    return discussion


def begin(
    repo: Repository, actor: User, title: str, text: str, status: str = Status.OPEN, *, is_question: bool = False
) -> Discussion:
    """Make the rows of a discussion, or of what a pull request shares with one, in the caller's transaction."""
    discussion = Discussion.objects.create(
        repository=repo, number=next_number(repo), title=title, author=actor, status=status, is_question=is_question
    )
    opening = DiscussionEvent.objects.create(
        discussion=discussion,
        kind=EventKind.COMMENT,
        author=actor,
        text=text,
        is_opening=True,
        created_at=discussion.created_at,
    )
    index_comment(opening)
    return discussion


def opening_of(discussion: Discussion) -> DiscussionEvent:
    """Return the event that holds a discussion's opening text."""
    opening = discussion.events.get(is_opening=True)
    opening.discussion = discussion
    return opening


@transaction.atomic
def post_comment(*, discussion: Discussion, actor: User, text: str) -> DiscussionEvent:
    """Say something in a discussion, open or closed. Raises Invalid, TooMany, DiscussionFull, DiscussionLocked, Blocked."""
    text = clean_text(text, field="text", limit=MAX_TEXT)
    discussion = lock_discussion(discussion)
    check_may_join(actor, discussion)
    count_post(actor, text)
    comment = add_event(discussion, actor, kind=EventKind.COMMENT, text=text)
    index_comment(comment)
    note(ActivityKind.COMMENT, actor=actor, discussion=discussion, event=comment)
    follow_references(comment, actor)
    return comment


@transaction.atomic
def edit_comment(*, comment: DiscussionEvent, actor: User, text: str) -> DiscussionEvent:
    """Put another text in place of one's own; the last edit wins.

    Raises Invalid, TooMany, CommentHidden, NotYourComment, DiscussionLocked, Blocked.
    """
    text = clean_text(text, field="text", limit=MAX_TEXT)
    comment = lock_comment(comment)
    check_may_edit(actor, comment)
    check_may_join(actor, comment.discussion)
    if text != comment.text:
        count_post(actor, text)
        if comment.edits.count() >= MAX_EDITS:
            raise Conflict(_("A comment can be edited %(max)d times. Write another one instead.") % {"max": MAX_EDITS})
        CommentEdit.objects.create(comment=comment, text=comment.text)
        comment.text = text
        comment.save(update_fields=["text"])
        index_comment(comment)
        follow_references(comment, actor)
    return comment


@transaction.atomic
def take_comment_away(*, comment: DiscussionEvent, actor: User) -> DiscussionEvent:
    """Delete one's own comment for good, or, as a maintainer, hide somebody's. A line stays where it was, and an answer
    that was accepted is one no more.

    Raises CommentHidden, NotYourComment. The opening comment only goes by a maintainer's hand: the others answer to it.
    """
    comment = lock_comment(comment)
    discussion = comment.discussion
    if not may_take_away(actor, comment, maintains=may_write(actor, discussion.repository)):
        if comment.is_opening and comment.author_id == actor.pk:
            raise NotYourComment(_("A discussion keeps its opening text. Edit it, or close the discussion."))
        raise NotYourComment(
            _("Only the person who wrote a comment, or a maintainer of the repository, can take it away.")
        )
    comment.hidden_at, comment.hidden_by = timezone.now(), actor
    if comment.author_id == actor.pk:
        comment.text = ""
    comment.save(update_fields=["hidden_at", "hidden_by", "text"])
    if comment.deleted_by_author:
        for rows in (comment.edits, comment.reactions, comment.votes):
            rows.all().delete()
        forget_texts(DiscussionEvent.objects.filter(pk=comment.pk))
    if discussion.answer_id == comment.pk:
        drop_answer(discussion, actor)
    record(
        actor=actor,
        verb="comment.delete" if comment.author_id == actor.pk else "comment.hide",
        target=target_of(discussion),
        comment=comment.pk,
        author=comment.author.username if comment.author else None,
    )
    return comment


def drop_answer(discussion: Discussion, actor: User) -> DiscussionEvent:
    """Have a question, whose row is locked, wait for an answer again; returns the change."""
    discussion.answer = None
    discussion.save(update_fields=["answer"])
    return add_event(discussion, actor, kind=EventKind.ANSWER)


@transaction.atomic
def set_status(*, discussion: Discussion, actor: User, status: str, text: str = "") -> DiscussionEvent:
    """Close or reopen a discussion, or publish a draft, saying why where there is something to say; returns the change.

    Raises Invalid, NotYourDiscussion, NothingChanged, TooMany, DiscussionLocked, Blocked, DiscussionFull for the text.
    """
    if status not in (Status.OPEN, Status.CLOSED):
        raise Invalid(_("A discussion is open or closed."), field="status")
    discussion = lock_discussion(discussion)
    check_steering(actor, discussion)
    if discussion.status == Status.MERGED:
        raise NothingChanged(_("This pull request is merged, and stays so. To undo it, commit the opposite change."))
    if discussion.status == status:
        raise NothingChanged(
            _("This discussion is open already.") if status == Status.OPEN else _("This discussion is closed already.")
        )
    if text.strip():
        post_comment(discussion=discussion, actor=actor, text=text)
    else:
        count_post(actor)
    before, discussion.status = discussion.status, status
    event = add_event(discussion, actor, kind=EventKind.STATUS, before=before, after=status)
    discussion.save(update_fields=["status"])
    verb = "discussion.reopen" if status == Status.OPEN else "discussion.close"
    record(actor=actor, verb=verb, target=target_of(discussion))
    if before != Status.DRAFT:
        note(ActivityKind.STATUS, actor=actor, discussion=discussion, event=event)
    elif status == Status.OPEN:
        # Nobody was told of it before.
        note(ActivityKind.PULL_REQUEST, actor=actor, discussion=discussion, event=opening_of(discussion))
    return event


@transaction.atomic
def rename_discussion(*, discussion: Discussion, actor: User, title: str) -> DiscussionEvent:
    """Give a discussion another title; returns the change.

    Raises Invalid, NotYourDiscussion, NothingChanged, DiscussionFull, DiscussionLocked, Blocked, TooMany.
    """
    title = clean_title(title, limit=MAX_TITLE)
    discussion = lock_discussion(discussion)
    check_steering(actor, discussion)
    if discussion.title == title:
        raise NothingChanged(_("That is its title already."), field="title")
    count_post(actor)
    before, discussion.title = discussion.title, title
    event = add_event(discussion, actor, kind=EventKind.TITLE, before=before, after=title)
    discussion.save(update_fields=["title"])
    index_title(discussion)
    return event


def check_steering(actor: User, discussion: Discussion) -> None:
    """Refuse whoever neither opened a discussion nor maintains its repository, and whom it is closed to.

    Raises NotYourDiscussion, DiscussionLocked, Blocked.
    """
    if not may_steer(actor, discussion):
        raise NotYourDiscussion(
            _("Only the person who opened a discussion, or a maintainer of the repository, can change it.")
        )
    check_may_join(actor, discussion)


def add_event(
    discussion: Discussion, actor: User | None, *, kind: str, source: DiscussionEvent | None = None, **what: str
) -> DiscussionEvent:
    """Write the next event of a discussion whose row is locked. One that is full can still be closed. Raises DiscussionFull."""
    limit = MAX_EVENTS if kind in (EventKind.COMMENT, EventKind.TITLE) else MAX_CHANGES
    # An answer that is taken away was accepted once, and counted then.
    if _count(discussion) >= limit and not (kind == EventKind.ANSWER and source is None):
        raise DiscussionFull(_("This discussion is full. Open a new one and link to this one."))
    event = DiscussionEvent.objects.create(discussion=discussion, author=actor, kind=kind, source=source, **what)
    if kind not in _QUIET:
        discussion.active_at = event.created_at
        discussion.save(update_fields=["active_at"])
    return event


def lock_discussion(discussion: Discussion) -> Discussion:
    """Return the discussion as it is now, its row locked, with the repository that the caller has loaded."""
    locked = Discussion.objects.select_for_update().filter(pk=discussion.pk).first()
    if locked is None:
        raise DiscussionNotFound(_("This discussion has just been deleted, with its repository."))
    locked.repository = discussion.repository
    return locked


def room_in(discussion: Discussion) -> int:
    """Return how many more events a discussion takes."""
    return max(0, MAX_EVENTS - _count(discussion))


def _count(discussion: Discussion) -> int:
    # Whoever mentions a discussion elsewhere takes no room from those who talk in it.
    return discussion.events.exclude(kind=EventKind.REFERENCE).count()


def lock_comment(comment: DiscussionEvent) -> DiscussionEvent:
    """Return the comment as it is now, its discussion's row locked. Raises CommentHidden."""
    discussion = lock_discussion(comment.discussion)
    locked = DiscussionEvent.objects.select_related("author").get(pk=comment.pk)
    locked.discussion = discussion
    check_there(locked)
    return locked


def count_post(actor: User, text: str = "") -> None:
    """Count one more post, or change of one; of a new account, look at what it says, too. Raises TooMany, TooManyLinks."""
    check_words(actor, text)
    check_pace(actor, Act.POST)
    check_rate("post", actor.pk, limit=settings.POSTS_PER_MINUTE, seconds=60)


def target_of(discussion: Discussion) -> str:
    return f"{discussion.repository.audit_name}#{discussion.number}"
