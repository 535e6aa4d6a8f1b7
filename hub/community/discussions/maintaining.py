"""What keeps the discussions of a repository in order: locking, pinning, showing again what was hidden. It is for maintainers.

The caller has passed get_repo_for_posting; who maintains is asked here.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community import moderating
from hub.community.discussions.services import add_event, count_post, lock_discussion, target_of
from hub.community.errors import NothingChanged, NotYourComment, NotYourDiscussion, TooManyPinned
from hub.community.models import Discussion, DiscussionEvent, EventKind
from hub.community.permissions import may_show_again
from hub.core.models import record
from hub.repos.models import Repository
from hub.repos.permissions import may_write

# Of one repository: more of them would be the list itself.
MAX_PINNED = 5


@transaction.atomic
def set_locked(*, discussion: Discussion, actor: User, locked: bool) -> None:
    """Let only maintainers write in a discussion, or everybody again. Raises NotYourDiscussion, NothingChanged, TooMany."""
    _check_maintains(actor, discussion.repository)
    count_post(actor)
    moderating.set_locked(discussion=discussion, actor=actor, locked=locked)


@transaction.atomic
def set_pinned(*, discussion: Discussion, actor: User, pinned: bool) -> DiscussionEvent:
    """Have a discussion stand above the others of its repository, or no more; returns the change.

    Raises NotYourDiscussion, NothingChanged, TooManyPinned, TooMany, DiscussionFull.
    """
    _check_maintains(actor, discussion.repository)
    # The repository's row before the discussion's: so that two that are pinned at once are counted one after the other.
    Repository.objects.select_for_update().get(pk=discussion.repository_id)
    discussion = lock_discussion(discussion)
    if (discussion.pinned_at is not None) == pinned:
        raise NothingChanged(_("This discussion is pinned already.") if pinned else _("This discussion is not pinned."))
    if pinned and discussion.repository.discussions.filter(pinned_at__isnull=False).count() >= MAX_PINNED:
        raise TooManyPinned(
            _("%(max)d discussions are pinned already. Let one of them go first.") % {"max": MAX_PINNED}
        )
    count_post(actor)
    discussion.pinned_at = timezone.now() if pinned else None
    discussion.save(update_fields=["pinned_at"])
    before, after = ("unpinned", "pinned") if pinned else ("pinned", "unpinned")
    event = add_event(discussion, actor, kind=EventKind.PIN, before=before, after=after)
    record(actor=actor, verb="discussion.pin" if pinned else "discussion.unpin", target=target_of(discussion))
    return event


@transaction.atomic
def show_comment_again(*, comment: DiscussionEvent, actor: User) -> None:
    """Take back that a comment was hidden. Raises NotYourComment, NothingChanged, TooMany.

    What its author deleted is gone, and what moderators of the hub hid is theirs to show.
    """
    _check_maintains(actor, comment.discussion.repository)
    if comment.hidden and not comment.deleted_by_author and not may_show_again(comment, maintains=True):
        raise NotYourComment(_("Moderators of this hub have hidden this comment. Only they show it again."))
    count_post(actor)
    moderating.unhide_comment(comment=comment, actor=actor)


def _check_maintains(actor: User, repo: Repository) -> None:
    if not may_write(actor, repo):
        raise NotYourDiscussion(_("Only maintainers of %(name)s can do this.") % {"name": repo.full_name})
