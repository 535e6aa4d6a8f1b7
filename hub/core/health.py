"""Whether this process lives and reaches its engines: for load balancers, the supervisor and `check_health`."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from hub.core import blobstore
from hub.core.middleware import GetResponse
from hub.core.tasks import HEARTBEAT_KEY

log = logging.getLogger(__name__)

# The hub worker leaves a sign of life every ten seconds; one that is busy may be late.
HEARTBEAT_SECONDS = 60


@dataclass(frozen=True)
class Check:
    """The state of one part. Without a `needed` part no request can be served; the others only lag behind."""

    name: str
    ok: bool
    detail: str
    needed: bool = True


def check_all() -> list[Check]:
    """Try every engine once."""
    return [
        _try("database", _database, "answers"),
        _try("queue", _queue, "takes writes"),
        _try("blobs", _blobs, "takes writes"),
        _worker(),
    ]


def _try(name: str, attempt: Callable[[], None], detail: str) -> Check:
    try:
        attempt()
    except Exception as error:  # Whatever an engine's client raises means that it is not reached.
        log.warning("%s: %s", name, error)
        return Check(name, ok=False, detail=" ".join(str(error).split()) or type(error).__name__)
    return Check(name, ok=True, detail=detail)


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _queue() -> None:
    cache.set("health", 1, timeout=10)


def _blobs() -> None:
    with blobstore.staging_file() as handle:
        handle.write(b"health")
        handle.flush()


def _worker() -> Check:
    try:
        seen = cache.get(HEARTBEAT_KEY)
    except Exception:  # Said by the check of the queue already.
        seen = None
    if seen is None:
        return Check("worker", ok=False, detail="no sign of life yet", needed=False)
    age = time.time() - seen
    return Check("worker", ok=age < HEARTBEAT_SECONDS, detail=f"last seen {age:.0f} s ago", needed=False)


def answer_health(get_response: GetResponse) -> GetResponse:
    """Middleware that answers /healthz and /readyz before any other: probes come by address, not by a name that
    ALLOWED_HOSTS knows, and need no session."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info == "/healthz":
            return _uncached(JsonResponse({"status": "ok"}))
        if request.path_info == "/readyz":
            checks = check_all()
            ready = all(check.ok for check in checks if check.needed)
            # What went wrong stands in the log: error texts carry addresses that are nobody else's business.
            parts = {check.name: "ok" if check.ok else "failing" for check in checks}
            body = {"status": "ready" if ready else "not ready", "checks": parts}
            return _uncached(JsonResponse(body, status=200 if ready else 503))
        return get_response(request)

    return middleware


def _uncached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
