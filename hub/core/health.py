"""Whether this process lives and reaches its engines: for load balancers, the supervisor and `check_health`."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from hub.core.blobs import store
from hub.core.middleware import GetResponse
from hub.core.tasks import HEARTBEAT_KEY

log = logging.getLogger(__name__)

# The hub worker leaves a sign of life every ten seconds; one that is busy may be late.
HEARTBEAT_SECONDS = 60


class Weight(Enum):
    """What it means where a part is not well: no request can be served, or work stays undone, or something is not offered."""

    NEEDED = "needed"
    LAGS = "lags"
    WARNS = "warns"


@dataclass(frozen=True)
class Check:
    """The state of one part."""

    name: str
    ok: bool
    detail: str
    weight: Weight = Weight.NEEDED

    @property
    def word(self) -> str:
        if self.ok:
            return "ok"
        return "missing" if self.weight is Weight.WARNS else "failing"


_more: list[Callable[[], list[Check]]] = []


def add(checks: Callable[[], list[Check]]) -> None:
    """Let an app above add its parts to the report. What it calls may not raise."""
    _more.append(checks)


def check_all() -> list[Check]:
    """Try every engine once."""
    return [
        attempt("database", _database, "answers"),
        attempt("queue", _queue, "takes writes"),
        attempt("blobs", _blobs, "takes writes"),
        _worker(),
        *(check for checks in _more for check in checks()),
    ]


def attempt(name: str, call: Callable[[], None], detail: str, weight: Weight = Weight.NEEDED) -> Check:
    """Return the check of a part that is well where `call` returns."""
    try:
        call()
    except Exception as error:  # Whatever an engine's client raises means that it is not reached.
        log.warning("%s: %s", name, error)
        return Check(name, ok=False, detail=" ".join(str(error).split()) or type(error).__name__, weight=weight)
    return Check(name, ok=True, detail=detail, weight=weight)


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _queue() -> None:
    cache.set("health", 1, timeout=10)


def _blobs() -> None:
    store().try_out()


def _worker() -> Check:
    return sign_of_life("worker", HEARTBEAT_KEY, HEARTBEAT_SECONDS, never="no sign of life yet", last="last seen")


def sign_of_life(name: str, key: str, seconds: float, *, never: str, last: str) -> Check:
    """Check what leaves the time (seconds since the epoch) under a key of the cache: it is well for `seconds` after.

    never, last: how it is said that there is no such time, and how long ago it was.
    """
    try:
        seen = cache.get(key)
    except Exception:  # Said by the check of the queue already.
        seen = None
    if seen is None:
        return Check(name, ok=False, detail=never, weight=Weight.LAGS)
    age = time.time() - seen
    return Check(name, ok=age < seconds, detail=f"{last} {age:.0f} s ago", weight=Weight.LAGS)


def answer_health(get_response: GetResponse) -> GetResponse:
    """Middleware that answers /healthz and /readyz before any other: probes come by address, not by a name that
    ALLOWED_HOSTS knows, and need no session."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info == "/healthz":
            return _uncached(JsonResponse({"status": "ok"}))
        if request.path_info == "/readyz":
            checks = check_all()
            ready = all(check.ok for check in checks if check.weight is Weight.NEEDED)
            # What went wrong stands in the log: error texts carry addresses that are nobody else's business.
            parts = {check.name: check.word for check in checks}
            body = {"status": "ready" if ready else "not ready", "checks": parts}
            return _uncached(JsonResponse(body, status=200 if ready else 503))
        return get_response(request)

    return middleware


def _uncached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
