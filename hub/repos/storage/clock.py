"""The hub's own running time, by which content ages.

A machine's clock may be set to another day, and a hub may be switched off for a month: neither makes anything older than it is.
Each pass adds the time since the one before, and no more than MOST of it.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from hub.repos.models import StorageClock

# What one tick adds at most. The hub worker ticks several times as often.
MOST = timedelta(hours=2)

_ROW = 1


def now() -> int:
    """Return how long the hub has been running, in seconds, as of the last tick."""
    return StorageClock.objects.filter(pk=_ROW).values_list("seconds", flat=True).first() or 0


@transaction.atomic
def tick() -> int:
    """Add the time since the last tick, at most MOST and never less than nothing; return what `now` says from now on."""
    clock, _created = StorageClock.objects.select_for_update().get_or_create(pk=_ROW)
    # Read behind the lock, so that of two who tick at once the later one adds nothing twice.
    at = timezone.now()
    clock.seconds += int(min(max(at - clock.ticked_at, timedelta()), MOST).total_seconds())
    clock.ticked_at = at
    clock.save()
    return clock.seconds
