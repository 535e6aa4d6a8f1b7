"""Telling a discussion that a comment elsewhere names it. It brings nothing to the top of a list, and notifies nobody."""

from django.db import transaction

from hub.accounts.models import User
from hub.community.models import Discussion, DiscussionEvent, EventKind
from hub.community.permissions import check_may_join
from hub.community.writing.references import referenced_discussions
from hub.core.errors import Forbidden

# Discussions that one comment tells that it names them; comments elsewhere that one discussion tells of.
MAX_TARGETS = 10
MAX_SOURCES = 200


def follow_references(comment: DiscussionEvent, actor: User) -> None:
    """Once the caller's transaction is through, tell the discussions that a comment names, and those no more that it named.

    Each in a transaction of its own: otherwise two that name each other would wait for each other's row.
    """
    # Not a partial: Django asks what fails for its __qualname__.
    transaction.on_commit(lambda: _follow(comment.pk, actor), robust=True)


def _follow(comment_id: int, actor: User) -> None:
    comment = (
        DiscussionEvent.objects.select_related("discussion__repository__namespace")
        .filter(pk=comment_id, hidden_at=None)
        .first()
    )
    if comment is None:
        return
    found = referenced_discussions(comment.text, repo=comment.discussion.repository, user=actor)
    named = [each for each in found if each.pk != comment.discussion_id][:MAX_TARGETS]
    comment.references.filter(kind=EventKind.REFERENCE).exclude(discussion__in=named).delete()
    for discussion in named:
        _tell(discussion, comment, actor)


@transaction.atomic
def _tell(discussion: Discussion, comment: DiscussionEvent, actor: User) -> None:
    """Write the event, unless it is there, or whoever wrote the comment could say nothing in that discussion."""
    if not Discussion.objects.select_for_update().filter(pk=discussion.pk).exists():
        return
    try:
        check_may_join(actor, discussion)
    except Forbidden:
        return
    told = discussion.events.filter(kind=EventKind.REFERENCE)
    if told.filter(source=comment).exists() or told.count() >= MAX_SOURCES:
        return
    DiscussionEvent.objects.create(discussion=discussion, kind=EventKind.REFERENCE, author=actor, source=comment)
