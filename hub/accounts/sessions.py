"""Browsers in which people are logged in: noting them, and ending them. Signed-in tools are in `sign_in.py`."""

import ipaddress
import re
import time
from dataclasses import dataclass

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from hub.accounts.models import BrowserSession, User
from hub.core import callers
from hub.core.models import record

SEEN = "seen"  # in the session: when it was last noted, in seconds since the epoch
STEP = 600  # seconds; a write for each request would cost more than it tells
LOGGED_IN = "logged-in"  # in the session: when that was, in seconds since the epoch
FRESH_SECONDS = 1800  # a log-in of the same browser for so long shows that it is still the same person

# The first that is found: most browsers also call themselves by the names of others.
_BROWSERS = [("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari")]
_SYSTEMS = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
]


@dataclass(frozen=True)
class Device:
    """browser, system: their names; empty where they are not known."""

    browser: str
    system: str


def device_of(agent: str) -> Device:
    """Read what a browser calls itself."""
    browser = next((name for word, name in _BROWSERS if re.search(rf"\b{word}\w*/", agent)), "")
    return Device(browser, next((name for word, name in _SYSTEMS if word in agent), ""))


def network_of(address: str) -> str:
    """Return the part of an address that tells a provider or a town, not a house: of IPv4 three numbers, of IPv6 the first 48
    bits; nothing of what is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def note_session(request: HttpRequest, user: User) -> None:
    """Note that somebody is logged in by this session, and from where."""
    session = request.session
    session[SEEN] = int(time.time())
    if session.session_key is None:
        session.create()
    # The session's row may have been ended since this request began: then there is nothing to note.
    if Session.objects.filter(pk=session.session_key).exists():
        BrowserSession.objects.update_or_create(
            session_id=session.session_key,
            defaults={
                "user": user,
                "agent": request.headers.get("User-Agent", "")[:200],
                "network": network_of(callers.address_of(request)),
                "seen_at": timezone.now(),
            },
        )


def note_log_in(request: HttpRequest, user: User) -> None:
    """Note that somebody has just logged in by this session."""
    request.session[LOGGED_IN] = int(time.time())
    note_session(request, user)


def is_fresh(request: HttpRequest) -> bool:
    """Whether somebody has logged in by this session a short while ago."""
    return time.time() - int(request.session.get(LOGGED_IN, 0)) < FRESH_SECONDS


def is_due(request: HttpRequest) -> bool:
    """Whether it is time to note again that this session is used."""
    return bool(time.time() - request.session.get(SEEN, 0) > STEP)


def sessions_of(user: User) -> QuerySet[BrowserSession]:
    """Those that are not over, the one that was used last first."""
    return user.browser_sessions.filter(session__expire_date__gt=timezone.now()).order_by("-seen_at")


@transaction.atomic
def end_session(*, user: User, browser_id: int) -> None:
    """Log one of the user's browsers out; doing it twice changes nothing."""
    gone, _counts = Session.objects.filter(browser__pk=browser_id, browser__user=user).delete()
    if gone:
        record(actor=user, verb="sessions.end", target=user.username, count=1)


@transaction.atomic
def end_sessions(*, user: User, but: str | None = None) -> int:
    """Log all browsers of `user` out, but the one with this session key; returns how many."""
    doomed = Session.objects.filter(browser__user=user).exclude(pk=but or "")
    count = doomed.count()
    doomed.delete()
    if count:
        record(actor=user, verb="sessions.end", target=user.username, count=count)
    return count


def prune() -> int:
    """Delete sessions that are over, of members and of visitors; returns how many. Can run twice."""
    gone = Session.objects.filter(expire_date__lt=timezone.now()).delete()[1]
    return gone.get("sessions.Session", 0)
