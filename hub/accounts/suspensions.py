"""Taking somebody's right to change anything here, for a time or until it is lifted. Who may do so is decided above."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.errors import NotSuspendable, NotSuspended
from hub.accounts.models import User
from hub.accounts.signals import standing_changed
from hub.core import locks
from hub.core.errors import Invalid
from hub.core.models import record

# Suspensions that one run of the sweep ends.
PIECE = 100
_NONE = {"suspended_at": None, "suspended_until": None, "suspension_reason": ""}


@transaction.atomic
def suspend_user(*, user: User, actor: User, reason: str, until: datetime | None = None) -> None:
    """Let `user` look and change nothing until then, or, without a time, until it is lifted. Again: with another reason or end.

    Raises Invalid, NotSuspendable for oneself and for the last administrator who could lift it.
    """
    if until is not None and until <= timezone.now():
        raise Invalid(_("That date has passed. Choose a later one."), field="until")
    if user.pk == actor.pk:
        raise NotSuspendable(_("You cannot suspend yourself."))
    if user.is_staff:
        # Two administrators could suspend each other at the same moment.
        locks.lock("administrators")
        others = User.objects.filter(is_staff=True, is_active=True).exclude(pk=user.pk)
        if not any(not other.suspended for other in others):
            raise NotSuspendable(_("This is the last administrator of this hub. Name another one first."))
    changed = {"suspended_at": timezone.now(), "suspended_until": until, "suspension_reason": reason}
    User.objects.filter(pk=user.pk).update(**changed)
    for name, value in changed.items():
        setattr(user, name, value)
    told = until.isoformat(timespec="seconds") if until else None
    record(actor=actor, verb="user.suspend", target=user.username, reason=reason, until=told)
    standing_changed.send(sender=User, user=user)


@transaction.atomic
def lift_suspension(*, user: User, actor: User) -> None:
    """Give `user` back what a suspension took. Raises NotSuspended."""
    if not User.objects.filter(pk=user.pk, suspended_at__isnull=False).update(**_NONE):
        raise NotSuspended(_("%(name)s is not suspended.") % {"name": user.username})
    for name, value in _NONE.items():
        setattr(user, name, value)
    record(actor=actor, verb="user.lift", target=user.username)
    standing_changed.send(sender=User, user=user)


def end_suspensions() -> int:
    """Write down that suspensions are over whose time has come, at most PIECE of them; return how many. They ended by
    themselves: this is for what was computed while they stood."""
    ended = 0
    over = User.objects.filter(suspended_until__lte=timezone.now()).order_by("suspended_until")
    for user in over[:PIECE]:
        with transaction.atomic():
            # A moderator may have suspended them anew meanwhile.
            if User.objects.filter(pk=user.pk, suspended_until__lte=timezone.now()).update(**_NONE):
                record(actor=None, verb="user.lift", target=user.username)
                standing_changed.send(sender=User, user=user)
                ended += 1
    return ended
