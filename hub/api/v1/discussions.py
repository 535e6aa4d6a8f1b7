"""Discussions and questions: what the calls of the client family lack. Those open them and say something in them."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.permissions import check_may_read_hub
from hub.api.edge import writer
from hub.api.v1.bodies import Body
from hub.api.v1.operations import REPO, answer, operation
from hub.api.v1.paging import Paged, page
from hub.community.discussions import maintaining, questions
from hub.community.discussions.reactions import set_reaction
from hub.community.discussions.search import Excerpt, search
from hub.community.errors import CommentHidden
from hub.community.models import Discussion, DiscussionEvent, Emoji, Status
from hub.community.models.discussion import DiscussionQuerySet
from hub.community.permissions import get_comment, get_discussion, get_repo_for_posting, may_read_history
from hub.core.errors import Invalid
from hub.core.links import base_url
from hub.core.words import MAX_QUERY
from hub.repos.models import VERSIONED
from hub.repos.permissions import get_repo_for_read, may_write

TYPES = ("discussion", "question", "pull_request")
ONE = (*REPO, "number")
COMMENT = (*ONE, "comment_id")


class DiscussionShape(serializers.ModelSerializer[Discussion]):
    """A discussion. `repository` is owner/name; `answer` the id of the comment that was accepted; `comments` how many there are
    to read below the opening text."""

    repository = serializers.CharField(source="repository.full_name")
    kind = serializers.ChoiceField(choices=VERSIONED, source="repository.kind")
    type = serializers.SerializerMethodField()
    author = serializers.CharField(source="author.username", allow_null=True, default=None)
    answer = serializers.CharField(source="answer_id", allow_null=True)
    locked = serializers.SerializerMethodField()
    pinned = serializers.SerializerMethodField()
    comments = serializers.IntegerField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Discussion
        fields = (
            *("repository", "kind", "number", "type", "title", "status", "author", "answer", "locked", "pinned"),
            *("comments", "created_at", "active_at", "url"),
        )

    def get_type(self, row: Discussion) -> str:
        return "pull_request" if row.is_pull_request else "question" if row.is_question else "discussion"

    def get_locked(self, row: Discussion) -> bool:
        return row.locked_at is not None

    def get_pinned(self, row: Discussion) -> bool:
        return row.pinned_at is not None

    def get_url(self, row: Discussion) -> str:
        return base_url(self.context["request"]._request) + row.get_absolute_url()


class MatchShape(serializers.Serializer[Any]):
    """The part of a comment that says what was searched for, as plain text."""

    comment = serializers.CharField(help_text=_("Its id."))
    text = serializers.CharField()
    url = serializers.CharField()


class ListedDiscussionShape(DiscussionShape):
    """A discussion in a list. `match` is null where nothing was searched for, or the title alone says it."""

    match = serializers.SerializerMethodField()

    class Meta(DiscussionShape.Meta):
        fields = (*DiscussionShape.Meta.fields, "match")  # type: ignore[assignment]

    @extend_schema_field(MatchShape(allow_null=True))
    def get_match(self, row: Discussion) -> dict[str, str] | None:
        excerpt: Excerpt | None = self.context["excerpts"].get(row.pk)
        if excerpt is None:
            return None
        comment = excerpt.comment
        url = f"{self.get_url(row)}?event={comment.pk}#{comment.anchor}"
        return {"comment": str(comment.pk), "text": excerpt.text, "url": url}


class ReactionShape(serializers.Serializer[Any]):
    """A sign under a comment, and how many people put it there."""

    emoji = serializers.ChoiceField(choices=Emoji.values)
    count = serializers.IntegerField()


class CommentShape(serializers.Serializer[DiscussionEvent]):
    """A comment with what stands under it. `votes` counts who holds it for a good answer."""

    id = serializers.CharField(source="pk")
    author = serializers.CharField(source="author.username", allow_null=True, default=None)
    text = serializers.SerializerMethodField()
    hidden = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)
    accepted = serializers.SerializerMethodField()
    votes = serializers.SerializerMethodField()
    reactions = serializers.SerializerMethodField()

    def get_text(self, comment: DiscussionEvent) -> str:
        return "" if comment.hidden else comment.text

    def get_accepted(self, comment: DiscussionEvent) -> bool:
        return comment.discussion.answer_id == comment.pk

    def get_votes(self, comment: DiscussionEvent) -> int:
        return 0 if comment.hidden else comment.votes.count()

    @extend_schema_field(ReactionShape(many=True))
    def get_reactions(self, comment: DiscussionEvent) -> list[dict[str, Any]]:
        emojis = [] if comment.hidden else list(comment.reactions.values_list("emoji", flat=True))
        return [{"emoji": emoji, "count": emojis.count(emoji)} for emoji in Emoji.values if emoji in emojis]


class VersionShape(serializers.Serializer[Any]):
    """What a comment said from `at` on; `text` is null where it was not kept."""

    at = serializers.DateTimeField()
    text = serializers.CharField(allow_null=True)


class HistoryShape(serializers.Serializer[Any]):
    """All versions of a comment, oldest first; the last one is what it says now."""

    versions = VersionShape(many=True)


class DiscussionsQuery(Paged):
    """Which discussions, the newest first; with `search`, the best match first."""

    search = serializers.CharField(
        max_length=MAX_QUERY,
        default="",
        allow_blank=True,
        help_text=_(
            "Words that the title says, or the title and one comment together; the last one may be a beginning."
        ),
    )
    sort = serializers.ChoiceField(choices=("newest", "relevance"), required=False)

    type = serializers.ChoiceField(choices=TYPES, required=False)
    status = serializers.ChoiceField(
        choices=("open", "closed", "all"), default="all", help_text=_("Drafts are open; what is merged is closed.")
    )
    unanswered = serializers.BooleanField(default=False, help_text=_("Questions alone that no answer is accepted for."))
    author = serializers.CharField(max_length=100, default="", allow_blank=True, help_text=_("Who opened them."))


class Change(Body):
    """What becomes of a discussion. Those who opened it may turn it into a question and back; the rest is for maintainers."""

    locked = serializers.BooleanField()
    pinned = serializers.BooleanField()
    question = serializers.BooleanField()


class Answer(Body):
    """The comment that answers a question."""

    comment = serializers.CharField(max_length=20)


def _page(request: Request, rows: DiscussionQuerySet, query: dict[str, Any]) -> Response:
    match query.get("type"):
        case "pull_request":
            rows = rows.pull_requests()
        case "question":
            rows = rows.filter(is_question=True)
        case "discussion":
            rows = rows.pull_requests(False).filter(is_question=False)
    if query["unanswered"]:
        rows = rows.unanswered()
    if query["status"] != "all":
        rows = rows.open() if query["status"] == Status.OPEN else rows.closed()
    if query["author"]:
        rows = rows.by(query["author"])
    order = ["-pk"]
    found = None
    if query["search"].strip():
        found = search(rows, query["search"])
        rows = found.discussions
        order = order if query.get("sort") == "newest" else ["-relevance", *order]
    elif query.get("sort") == "relevance":
        raise Invalid(gettext("Relevance is an order of what was searched for: say what by “search”."), field="sort")
    rows = rows.with_comment_count().select_related("author", "pull_request", "repository__namespace").order_by(*order)
    return page(
        request,
        rows,
        ListedDiscussionShape,
        query,
        context=lambda shown: {"excerpts": found.excerpts(shown) if found else {}},
    )


@operation(
    "GET",
    tag="discussions",
    summary=_("Discussions of the whole hub"),
    description=_("Questions that wait for an answer: ?unanswered=true&status=open."),
    lists=ListedDiscussionShape,
    query=DiscussionsQuery,
)
def list_all_discussions(request: Request, query: dict[str, Any]) -> Response:
    check_may_read_hub(request.user)
    return _page(request, Discussion.objects.visible_to(request.user), query)


@operation(
    "GET",
    tag="discussions",
    summary=_("The discussions of a repository"),
    lists=ListedDiscussionShape,
    query=DiscussionsQuery,
    parts=REPO,
)
def list_discussions(request: Request, kind: str, namespace: str, name: str, query: dict[str, Any]) -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    return _page(request, Discussion.objects.filter(repository=repo), query)


@operation("GET", tag="discussions", summary=_("One discussion"), answer=DiscussionShape, parts=ONE)
def read_discussion(
    request: Request, kind: str, namespace: str, name: str, number: int, query: dict[str, Any]
) -> Response:
    return _answer(request, get_discussion(get_repo_for_read(request.user, kind, namespace, name), number))


@operation(
    "PATCH",
    tag="discussions",
    summary=_("Lock or pin a discussion, or make it a question"),
    description=_("What is so already stays so. At most five discussions of a repository are pinned."),
    answer=DiscussionShape,
    body=Change,
    partial=True,
    parts=ONE,
)
def change_discussion(
    request: Request, kind: str, namespace: str, name: str, number: int, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    found = get_discussion(get_repo_for_posting(request.user, kind, namespace, name), number)
    actor = writer(request)
    if body.get("question", found.is_question) != found.is_question:
        questions.set_question(discussion=found, actor=actor, is_question=body["question"])
    if body.get("pinned", found.pinned_at is not None) != (found.pinned_at is not None):
        maintaining.set_pinned(discussion=found, actor=actor, pinned=body["pinned"])
    if body.get("locked", found.locked_at is not None) != (found.locked_at is not None):
        maintaining.set_locked(discussion=found, actor=actor, locked=body["locked"])
    return _answer(request, found)


def _answer(request: Request, discussion: Discussion) -> Response:
    row = Discussion.objects.with_comment_count().select_related("author", "pull_request").get(pk=discussion.pk)
    row.repository = discussion.repository
    return answer(request, DiscussionShape, row)


@operation(
    "PUT",
    tag="discussions",
    summary=_("Accept an answer"),
    description=_("For whoever asked, and for maintainers. It takes the place of another one."),
    answer=DiscussionShape,
    body=Answer,
    parts=ONE,
)
def accept_an_answer(
    request: Request, kind: str, namespace: str, name: str, number: int, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    found = get_discussion(get_repo_for_posting(request.user, kind, namespace, name), number)
    comment = get_comment(found, body["comment"])
    if found.answer_id != comment.pk:
        questions.accept_answer(comment=comment, actor=writer(request))
    return _answer(request, found)


@operation("DELETE", tag="discussions", summary=_("Take an accepted answer back"), answer=None, status=204, parts=ONE)
def take_an_answer_back(
    request: Request, kind: str, namespace: str, name: str, number: int, query: dict[str, Any]
) -> Response:
    found = get_discussion(get_repo_for_posting(request.user, kind, namespace, name), number)
    questions.take_answer_back(discussion=found, actor=writer(request))
    return Response(status=204)


@operation("GET", tag="discussions", summary=_("One comment"), answer=CommentShape, parts=COMMENT)
def read_comment(
    request: Request, kind: str, namespace: str, name: str, number: int, comment_id: str, query: dict[str, Any]
) -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    return answer(request, CommentShape, get_comment(get_discussion(repo, number), comment_id))


@operation("GET", tag="discussions", summary=_("What a comment said before"), answer=HistoryShape, parts=COMMENT)
def read_comment_history(
    request: Request, kind: str, namespace: str, name: str, number: int, comment_id: str, query: dict[str, Any]
) -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    found = get_comment(get_discussion(repo, number), comment_id)
    if not may_read_history(request.user, found, maintains=may_write(request.user, repo)):
        raise CommentHidden("This comment has been taken away. What it said before is not shown.")
    return answer(request, HistoryShape, {"versions": [{"at": at, "text": text} for at, text in found.versions()]})


@operation(
    "PUT",
    tag="discussions",
    summary=_("Hold a comment for a good answer"),
    description=_("One vote of each person, and none for an answer of one's own. A second time changes nothing."),
    answer=CommentShape,
    parts=COMMENT,
)
def vote_for_answer(
    request: Request, kind: str, namespace: str, name: str, number: int, comment_id: str, query: dict[str, Any]
) -> Response:
    found = _comment(request, kind, namespace, name, number, comment_id)
    questions.vote(comment=found, actor=writer(request), wanted=True)
    return answer(request, CommentShape, found)


@operation("DELETE", tag="discussions", summary=_("Take a vote back"), answer=None, status=204, parts=COMMENT)
def take_vote_back(
    request: Request, kind: str, namespace: str, name: str, number: int, comment_id: str, query: dict[str, Any]
) -> Response:
    found = _comment(request, kind, namespace, name, number, comment_id)
    questions.vote(comment=found, actor=writer(request), wanted=False)
    return Response(status=204)


@operation(
    "PUT",
    tag="discussions",
    summary=_("Put a sign under a comment"),
    description=_("A second time changes nothing."),
    answer=CommentShape,
    parts=(*COMMENT, "emoji"),
)
def add_reaction(
    request: Request,
    kind: str,
    namespace: str,
    name: str,
    number: int,
    comment_id: str,
    emoji: str,
    query: dict[str, Any],
) -> Response:
    found = _comment(request, kind, namespace, name, number, comment_id)
    set_reaction(comment=found, actor=writer(request), emoji=emoji, wanted=True)
    return answer(request, CommentShape, found)


@operation(
    "DELETE", tag="discussions", summary=_("Take a sign away"), answer=None, status=204, parts=(*COMMENT, "emoji")
)
def remove_reaction(
    request: Request,
    kind: str,
    namespace: str,
    name: str,
    number: int,
    comment_id: str,
    emoji: str,
    query: dict[str, Any],
) -> Response:
    found = _comment(request, kind, namespace, name, number, comment_id)
    set_reaction(comment=found, actor=writer(request), emoji=emoji, wanted=False)
    return Response(status=204)


@operation(
    "DELETE",
    tag="discussions",
    summary=_("Show a hidden comment again"),
    description=_("For maintainers. What its author deleted is gone, and what moderators hid is theirs to show."),
    answer=None,
    status=204,
    parts=COMMENT,
)
def show_comment_again(
    request: Request, kind: str, namespace: str, name: str, number: int, comment_id: str, query: dict[str, Any]
) -> Response:
    found = _comment(request, kind, namespace, name, number, comment_id)
    maintaining.show_comment_again(comment=found, actor=writer(request))
    return Response(status=204)


def _comment(request: Request, kind: str, namespace: str, name: str, number: int, comment_id: str) -> DiscussionEvent:
    """Return the comment for somebody who is about to do something with it."""
    return get_comment(get_discussion(get_repo_for_posting(request.user, kind, namespace, name), number), comment_id)
