"""Telling people what happened, and what becomes of it in their hands: read, or gone after a while."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.errors import NotificationNotFound
from hub.community.models import Activity, ActivityKind, Discussion, Notification
from hub.community.models.notification import NotificationQuerySet
from hub.community.notifications.audience import Delivery, audience_of

Mail = Notification.Mail

_MAIL = {Delivery.SITE: Mail.NONE, Delivery.DIGEST: Mail.DIGEST, Delivery.MAIL: Mail.NOW}
# What was read so long ago is forgotten.
KEEP_READ = timedelta(days=90)
# Unread ones of one person that are counted, and that are marked at once.
MAX_COUNT = 100
_BATCH = 10_000


@transaction.atomic
def tell(activity_id: int) -> list[Notification]:
    """Notify whom one activity concerns; returns what they were sent. A second call for the same activity does nothing."""
    waiting = Activity.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=activity_id, told_at=None)
    activity = waiting.select_related("repository__namespace", "namespace", "discussion", "event", "review").first()
    if activity is None:
        return []
    told = audience_of(activity)
    for user in _told_of_commits(activity, told):
        del told[user]
    rows = [
        Notification(
            user_id=user, activity=activity, reason=reason, mail=_MAIL[delivery], created_at=activity.created_at
        )
        for user, (reason, delivery) in told.items()
    ]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    activity.told_at = timezone.now()
    activity.save(update_fields=["told_at"])
    return rows


def _told_of_commits(activity: Activity, users: Iterable[int]) -> list[int]:
    """Return who knows already that a pull request has commits that they have not looked at: however many pushes follow, one
    notification waits for them."""
    if activity.kind != ActivityKind.COMMITS:
        return []
    waiting = Notification.objects.unread().filter(
        activity__kind=activity.kind, activity__discussion=activity.discussion
    )
    return list(waiting.filter(user__in=users).order_by().values_list("user", flat=True).distinct())


def head_last_seen(user: User, discussion: Discussion) -> str | None:
    """Return the head that a pull request had when `user` last looked at it, None where it has got no commits since, as far as
    they are told of them."""
    waiting = user.notifications.unread().filter(activity__discussion=discussion, activity__kind=ActivityKind.COMMITS)
    oldest = waiting.order_by("pk").select_related("activity").first()
    return oldest.activity.data["before"] if oldest is not None else None


def untold() -> list[int]:
    """Return the activities that nobody has been told of yet, oldest first."""
    return list(Activity.objects.filter(told_at=None).order_by("pk").values_list("pk", flat=True)[:1000])


def load_activities(rows: Iterable[Notification]) -> list[Notification]:
    """Give each notification the activity that it tells of, with what it takes to say it. One query."""
    listed = list(rows)
    activities = Activity.objects.with_details().in_bulk([row.activity_id for row in listed])
    standing = [row for row in listed if row.activity_id in activities]
    for row in standing:
        row.activity = activities[row.activity_id]
    return standing


def by_thread(rows: Iterable[Notification]) -> list[list[Notification]]:
    """Return the entries that `rows` make on a page, each newest first: comments on one thread stand together where the newest
    of them is, as far as they have one reason and are all read or all unread. load_activities has loaded them."""
    entries: dict[tuple[object, ...], list[Notification]] = {}
    for row in rows:
        told = row.activity
        thread = (told.discussion_id, row.reason, row.read_at is None)
        entries.setdefault(thread if told.kind == ActivityKind.COMMENT else (row.pk,), []).append(row)
    return list(entries.values())


def unread_count(user: User) -> int:
    """Return how many notifications wait for `user`, MAX_COUNT at most. One query."""
    return Notification.objects.visible_to(user).unread().order_by()[:MAX_COUNT].count()


def get_notification(user: User, notification_id: int) -> Notification:
    """Return one of the user's notifications, of what they may still see. Raises NotificationNotFound."""
    found = Notification.objects.visible_to(user).filter(pk=notification_id).first()
    if found is None:
        raise NotificationNotFound(
            _("There is no such notification. It may be about something that you cannot see any more.")
        )
    return found


def mark_read(user: User, ids: Iterable[int]) -> datetime:
    """Mark some of the user's notifications as read; returns the moment, by which it can be taken back."""
    return _mark(user.notifications.filter(pk__in=list(ids)))


def mark_all_read(user: User, *, up_to: int) -> datetime:
    """Mark everything as read that was there when the page was shown, up to the notification of that id; returns as mark_read
    does."""
    return _mark(user.notifications.filter(pk__lte=up_to))


def _mark(rows: NotificationQuerySet) -> datetime:
    now = timezone.now()
    rows.unread().update(read_at=now)
    return now


def mark_unread(user: User, moment: datetime) -> int:
    """Take back what was marked as read at that moment; returns how many."""
    return user.notifications.filter(read_at=moment).update(read_at=None)


def mark_thread_read(user: User, discussion: Discussion) -> int:
    """Mark as read what tells of this thread: they are looking at it."""
    return user.notifications.unread().filter(activity__discussion=discussion).update(read_at=timezone.now())


def prune() -> int:
    """Forget what was read long ago; returns how many, _BATCH at most."""
    old = Notification.objects.filter(read_at__lt=timezone.now() - KEEP_READ).order_by("pk")
    many, _by_table = Notification.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_BATCH])).delete()
    return many
