"""Notifications by mail: at once, and what has gathered once a day.

A mail goes out while its notification's row is locked, and is written down as sent in the same transaction: two tasks send it
once, and one that dies, or a mail server that is away, leaves it to the next.
"""

import logging
import smtplib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import mail, signing
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.mails import send_mail
from hub.accounts.models import User
from hub.community.errors import UnsubscribeLinkInvalid
from hub.community.models import (
    Activity,
    ActivityKind,
    Discussion,
    Notification,
    NotificationSettings,
    Reason,
    Subscription,
)
from hub.community.notifications.subscriptions import settings_of, stop_mail, subscribe
from hub.community.wording import said
from hub.core.links import base_url
from hub.repos.models import Repository

log = logging.getLogger(__name__)

Mail = Notification.Mail
Delivery = NotificationSettings.Delivery

# For so long a mail is tried again where the mail server does not take it. The notification stays on the site.
KEEP_TRYING = timedelta(days=3)
# What a sweep leaves to the task that was queued for it.
_OWN_TASK = timedelta(minutes=1)
# Things that a daily mail tells of one by one.
MAX_DIGEST = 50
# Mails that one task sends, and refusals after which it leaves the rest to the next.
_BATCH = 2000
_MAX_ERRORS = 5
_SALT = "hub.community.unsubscribe"
DIGEST = "digest"


# --- at once ------------------------------------------------------------------------------------------------------------


def send_for(activity_id: int, *, seconds: float) -> int:
    """Send the mails about one activity; returns how many went out."""
    return _send(Notification.objects.filter(activity=activity_id, mail=Mail.NOW), seconds)


def send_waiting(*, seconds: float) -> int:
    """Send what was not queued or could not be sent before; returns how many went out."""
    now = timezone.now()
    waiting = Notification.objects.filter(mail=Mail.NOW)
    waiting.filter(created_at__lt=now - KEEP_TRYING).update(mail=Mail.NONE)
    return _send(waiting.filter(created_at__lt=now - _OWN_TASK), seconds)


def _send(waiting: Any, seconds: float) -> int:
    end = time.monotonic() + seconds
    sent = 0
    with _line() as line:
        for pk in list(waiting.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
            if time.monotonic() > end or line.failed:
                break
            with line.errors():
                sent += _send_one(pk, line.connection)
    return sent


@transaction.atomic
def _send_one(pk: int, connection: BaseEmailBackend) -> bool:
    found = Notification.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk, mail=Mail.NOW)
    notification = found.select_related("user").first()
    if notification is None:
        return False
    user = notification.user
    activity = _still_wanted(notification, Delivery.MAIL)
    # Of what moderators decided about them, the suspended hear as well: they may appeal.
    if activity is None or (user.suspended and activity.kind != ActivityKind.MODERATION):
        notification.mail = Mail.NONE
    else:
        done = send_mail(
            user,
            "notification",
            _facts(notification, activity),
            headers=_headers(activity, _token(user, notification.reason, activity.discussion)),
            connection=connection,
        )
        notification.mail = Mail.SENT if done else Mail.NONE
    notification.save(update_fields=["mail"])
    return notification.mail == Mail.SENT


def _still_wanted(notification: Notification, delivery: str) -> Activity | None:
    """Return what a notification tells of, None where it is not to be mailed any more: read, taken away, switched off, or of
    what they may not see now."""
    mine = Notification.objects.visible_to(notification.user).unread().filter(pk=notification.pk)
    if not mine.exists() or getattr(settings_of(notification.user), notification.reason) != delivery:
        return None
    activity = Activity.objects.with_details().get(pk=notification.activity_id)
    return None if activity.event is not None and activity.event.hidden else activity


def _facts(notification: Notification, activity: Activity) -> dict[str, Any]:
    return {
        "activity": activity,
        "text": activity.opening.strip() or _decision(activity),
        "reason": notification.reason,
        "discussion": activity.discussion,
        "repository": activity.repository,
        "address": f"{base_url()}{activity.get_absolute_url()}",
        "settings": f"{base_url()}/settings/notifications",
        "unsubscribe": unsubscribe_url(_token(notification.user, notification.reason, activity.discussion)),
    }


def _decision(activity: Activity) -> str:
    """Return until when, and why, where moderators decided something."""
    if activity.kind != ActivityKind.MODERATION:
        return ""
    return "\n\n".join(part for part in (said(activity).changes, activity.data.get("reason", "")) if part)


def _headers(activity: Activity, token: str) -> dict[str, str]:
    """Return what mail programs thread by, and what they offer to unsubscribe by (RFC 5322, 8058, 2919)."""
    host = urlsplit(base_url()).hostname or "localhost"
    headers = _unsubscribe_headers(token)
    if activity.discussion is None:
        return {"Message-ID": f"<activity-{activity.pk}@{host}>", **headers}
    thread = f"<discussion-{activity.discussion.pk}@{host}>"
    if activity.event is not None and activity.event.is_opening:
        headers["Message-ID"] = thread
    else:
        headers |= {
            "Message-ID": f"<discussion-{activity.discussion.pk}-{activity.pk}@{host}>",
            "In-Reply-To": thread,
            "References": thread,
        }
    if activity.repository is not None:
        owner, name = activity.repository.full_name.split("/")
        headers["List-ID"] = f"<{name}.{owner}.{host}>"
    return headers


def _unsubscribe_headers(token: str) -> dict[str, str]:
    return {
        "List-Unsubscribe": f"<{unsubscribe_url(token)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
    }


# --- once a day ---------------------------------------------------------------------------------------------------------


@dataclass
class Group:
    """What a daily mail tells of one repository; `repository` is None for what is about none. Each: activity, address."""

    repository: Repository | None
    lines: list[tuple[Activity, str]] = field(default_factory=list)


def send_digests(*, seconds: float) -> int:
    """Send the daily mails that are due; returns how many went out. One a day at most goes to anybody."""
    end = time.monotonic() + seconds
    since = _last_hour()
    waiting = Notification.objects.filter(mail=Mail.DIGEST, created_at__lt=since)
    people = waiting.exclude(user__notification_settings__digested_at__gte=since).order_by("user")
    sent = 0
    with _line() as line:
        for user_id in list(people.values_list("user", flat=True).distinct()[:_BATCH]):
            if time.monotonic() > end or line.failed:
                break
            with line.errors():
                sent += _send_digest(user_id, since, line.connection)
    return sent


def _last_hour() -> datetime:
    """Return when daily mails last were due."""
    now = timezone.now()
    today = now.replace(hour=settings.DIGEST_HOUR % 24, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


@transaction.atomic
def _send_digest(user_id: int, since: datetime, connection: BaseEmailBackend) -> bool:
    NotificationSettings.objects.get_or_create(user_id=user_id)
    locked = NotificationSettings.objects.select_for_update(skip_locked=True, of=("self",)).select_related("user")
    chosen = locked.filter(user=user_id).first()
    if chosen is None or (chosen.digested_at is not None and chosen.digested_at >= since):
        return False
    user = chosen.user
    reasons = [reason for reason in Reason if getattr(chosen, reason) == Delivery.DIGEST]
    waiting = user.notifications.filter(mail=Mail.DIGEST)
    newest = waiting.order_by("-pk").values_list("pk", flat=True).first() or 0
    wanted = (
        Notification.objects.visible_to(user)
        .unread()
        .filter(mail=Mail.DIGEST, pk__lte=newest, reason__in=reasons)
        .exclude(activity__event__hidden_at__isnull=False)
    )
    count = 0 if user.suspended else wanted.count()
    sent = bool(count) and send_mail(
        user,
        "digest",
        {
            "groups": _groups(wanted),
            "count": count,
            "more": max(0, count - MAX_DIGEST),
            "address": f"{base_url()}/notifications",
            "settings": f"{base_url()}/settings/notifications",
            "unsubscribe": unsubscribe_url(_token(user, DIGEST)),
        },
        headers=_unsubscribe_headers(_token(user, DIGEST)),
        connection=connection,
    )
    if sent:
        chosen.digested_at = timezone.now()
        chosen.save(update_fields=["digested_at"])
    waiting.filter(pk__lte=newest).update(mail=Mail.SENT if sent else Mail.NONE)
    return sent


def _groups(wanted: Any) -> list[Group]:
    """Return the newest of what waits by repository, each in its order."""
    newest = list(wanted.order_by("-pk").values_list("activity", flat=True)[:MAX_DIGEST])
    groups: dict[int | None, Group] = {}
    for activity in Activity.objects.with_details().filter(pk__in=newest).order_by("pk"):
        group = groups.setdefault(activity.repository_id, Group(activity.repository))
        group.lines.append((activity, f"{base_url()}{activity.get_absolute_url()}"))
    return list(groups.values())


# --- unsubscribing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    """What a link in a mail stops. reason: of Reason, or DIGEST for daily mails; discussion: the thread that it was about."""

    user: User
    reason: str
    discussion: Discussion | None


def _token(user: User, reason: str, discussion: Discussion | None = None) -> str:
    said: dict[str, Any] = {"u": user.pk, "r": str(reason)}
    if discussion is not None:
        said["d"] = discussion.pk
    return signing.dumps(said, salt=_SALT)


def unsubscribe_url(token: str) -> str:
    return f"{base_url()}/unsubscribe/{token}"


def open_link(token: str) -> Link:
    """Return what a link stops. It names one person and works without signing in, for as long as the mail is kept. Raises
    UnsubscribeLinkInvalid."""
    try:
        said = signing.loads(token, salt=_SALT)
    except signing.BadSignature as error:
        raise _bad_link() from error
    user = User.objects.filter(pk=said["u"], is_active=True).first()
    if user is None:
        raise _bad_link()
    discussion = None
    if "d" in said:
        # Whoever may not see it any more stops the mails without reading its title.
        discussion = (
            Discussion.objects.visible_to(user).filter(pk=said["d"]).select_related("repository__namespace").first()
        )
    return Link(user, said["r"], discussion)


def _bad_link() -> UnsubscribeLinkInvalid:
    return UnsubscribeLinkInvalid(
        _("This link is not complete. Open it from the mail again, or change it under Settings, Notifications.")
    )


def stop(link: Link) -> None:
    """Send no more mails of this sort; the site goes on telling."""
    if link.reason == DIGEST:
        stop_mail(user=link.user, reasons=list(Reason), what=Delivery.DIGEST)
    else:
        stop_mail(user=link.user, reasons=[Reason(link.reason)], what=Delivery.MAIL)


def mute(link: Link) -> None:
    """Tell them nothing more of the thread."""
    if link.discussion is not None:
        subscribe(user=link.user, discussion=link.discussion, level=Subscription.Level.MUTED)


# --- the line to the mail server ----------------------------------------------------------------------------------------


class _Line:
    """One connection for many mails. failed: the server is away, or refuses too much; the next task tries again."""

    def __init__(self) -> None:
        self.connection: BaseEmailBackend = mail.get_connection()
        self.failed = False
        self._errors = 0

    @contextmanager
    def errors(self) -> Iterator[None]:
        try:
            yield
        except (smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError, smtplib.SMTPAuthenticationError) as error:
            self._away(error)
        except smtplib.SMTPException as error:
            self._errors += 1
            log.warning("A mail was not taken: %s", error)
            self.failed = self._errors >= _MAX_ERRORS
        except OSError as error:
            self._away(error)

    def _away(self, error: OSError) -> None:
        log.warning("The mail server does not answer; mails wait for it: %s", error)
        self.failed = True


@contextmanager
def _line() -> Iterator[_Line]:
    line = _Line()
    with line.errors():
        line.connection.open()
    try:
        yield line
    finally:
        line.connection.close()
