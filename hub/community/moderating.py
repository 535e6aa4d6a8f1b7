"""What moderators take away, and put back, of what people say and put together. Who may do so is decided above.

The text of what is hidden stays in its row: a decision can be wrong.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.discussions.services import add_event, drop_answer, lock_discussion, target_of
from hub.community.errors import NothingChanged
from hub.community.models import Attachment, Collection, Discussion, DiscussionEvent, EventKind, Review
from hub.community.signals import reviews_changed
from hub.core.models import record


@transaction.atomic
def hide_comment(*, comment: DiscussionEvent, actor: User) -> None:
    """Have nobody read a comment. Raises NothingChanged where it is gone already."""
    _set_comment(comment, actor, hidden=True)


@transaction.atomic
def unhide_comment(*, comment: DiscussionEvent, actor: User) -> None:
    """Show a comment again. Raises NothingChanged where it is shown, or where its author has deleted it for good."""
    _set_comment(comment, actor, hidden=False)


def _set_comment(comment: DiscussionEvent, actor: User, *, hidden: bool) -> None:
    discussion = lock_discussion(comment.discussion)
    comment.refresh_from_db(fields=["hidden_at", "hidden_by", "text"])
    if comment.hidden == hidden or (comment.hidden and comment.deleted_by_author):
        raise NothingChanged(_("It is so already, or its author has deleted it."))
    comment.hidden_at, comment.hidden_by = (timezone.now(), actor) if hidden else (None, None)
    comment.save(update_fields=["hidden_at", "hidden_by"])
    if hidden and discussion.answer_id == comment.pk:
        drop_answer(discussion, actor)
    verb = "comment.hide" if hidden else "comment.unhide"
    author = comment.author.username if comment.author else None
    record(actor=actor, verb=verb, target=target_of(discussion), comment=comment.pk, author=author)


@transaction.atomic
def set_locked(*, discussion: Discussion, actor: User, locked: bool) -> None:
    """Let only maintainers write in a discussion, or everybody again. Raises NothingChanged."""
    discussion = lock_discussion(discussion)
    if (discussion.locked_at is not None) == locked:
        raise NothingChanged(_("It is so already."))
    discussion.locked_at = timezone.now() if locked else None
    discussion.save(update_fields=["locked_at"])
    before, after = ("unlocked", "locked") if locked else ("locked", "unlocked")
    add_event(discussion, actor, kind=EventKind.LOCK, before=before, after=after)
    record(actor=actor, verb="discussion.lock" if locked else "discussion.unlock", target=target_of(discussion))


@transaction.atomic
def set_review_hidden(*, review: Review, actor: User, hidden: bool) -> None:
    """Have nobody read a review, nor count it, or have both again. Raises NothingChanged."""
    changed = Review.objects.filter(pk=review.pk, hidden_at__isnull=hidden)
    if not changed.update(hidden_at=timezone.now() if hidden else None, hidden_by=actor if hidden else None):
        raise NothingChanged(_("It is so already."))
    verb = "review.hide" if hidden else "review.unhide"
    record(actor=actor, verb=verb, target=f"{review.repository.audit_name} review {review.pk}")
    reviews_changed.send(Review, repository=review.repository)


@transaction.atomic
def set_collection_down(*, collection: Collection, actor: User, down: bool) -> None:
    """Take a collection from everybody, its owner too, or put it back. Raises NothingChanged."""
    changed = Collection.objects.filter(pk=collection.pk, taken_down_at__isnull=down)
    if not changed.update(taken_down_at=timezone.now() if down else None):
        raise NothingChanged(_("It is so already."))
    verb = "collection.take_down" if down else "collection.restore"
    record(actor=actor, verb=verb, target=f"collection {collection.key}", title=collection.title)


@transaction.atomic
def delete_attachment(*, attachment: Attachment, actor: User) -> None:
    """Delete a pasted image for good."""
    key, owner = attachment.key, attachment.owner
    attachment.delete()
    record(actor=actor, verb="attachment.delete", target=f"attachment {key}", owner=owner.username if owner else None)
