"""Blocking somebody. What a block forbids asks `check_not_blocked` before it is done.

Reviews stay possible: nobody chooses their critics.
"""

from django.db import transaction
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.models import Block, Follow
from hub.core.errors import Conflict, Invalid
from hub.repos.permissions import check_may_act

# People that one person blocks.
MAX_BLOCKS = 1000


@transaction.atomic
def block_user(*, user: User, other: User) -> None:
    """Block `other`; neither follows the other any more, nor the other's repositories. A second time changes nothing.

    Raises Invalid for oneself, Conflict for one too many, ReadOnlyToken, Suspended.
    """
    check_may_act(user)
    if user.pk == other.pk:
        raise Invalid(_("You cannot block yourself."), field="name")
    if user.blocks.count() >= MAX_BLOCKS:
        raise Conflict(_("One person blocks at most %(max)d people. Unblock some first.") % {"max": MAX_BLOCKS})
    Block.objects.get_or_create(blocker=user, blocked=other)
    for follower, followed in ((user, other), (other, user)):
        Follow.objects.filter(follower=follower, namespace__user=followed).delete()
        Follow.objects.filter(follower=follower, repository__namespace__user=followed).delete()


@transaction.atomic
def unblock_user(*, user: User, other: User) -> None:
    """Hear from `other` again; what the block ended stays ended. Raises ReadOnlyToken."""
    check_may_act(user)
    Block.objects.filter(blocker=user, blocked=other).delete()
