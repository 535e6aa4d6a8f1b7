"""How many requests one principal may send in a window of time, told on every answer and kept before any work is done.

A principal is an account, however it speaks; without one, the network that the request comes from. Three kinds of requests
are counted apart: calls of the API, bytes of files ("resolvers": downloads, git, LFS, Xet), and pages. It costs one round trip
to Valkey; while that is away nobody is held up.
"""

import ipaddress
import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from redis import Redis, RedisError

from hub.accounts.models import RepoReader, Someone
from hub.api.authentication import user_of_request
from hub.api.errors import respond_to
from hub.core import callers, metrics
from hub.core.errors import HubError, TooMany
from hub.core.middleware import GetResponse
from hub.repos.xet.tokens import read_token

log = logging.getLogger(__name__)

WINDOW = 300  # seconds
API, RESOLVERS, PAGES = "api", "resolvers", "pages"
# Longer, and the request goes uncounted; and after that, so long none is counted.
_PATIENCE_SECONDS, _PAUSE_SECONDS = 0.25, 5.0
# Workers have keys of their own, and say something every other second.
_UNCOUNTED = re.compile(r"/api/worker/|/static/|/(robots\.txt|favicon\.ico)$")
_RESOLVERS = re.compile(r"/xet/|/[^/]+/.*(/resolve/|/raw/|/git-(upload|receive)-pack$|/info/(lfs/|refs$))")
_SIGNED = re.compile(r"/xet/data/")
_API = re.compile(r"/(api|v1)/|/uploads$|/oauth/(device|token|revoke|userinfo)$|/\.well-known/|/models/[^/]+/[^/]+$")
# One command, and no count that is left for ever: what begins one says when it ends.
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""


@dataclass(frozen=True)
class Principal:
    """Who is counted. known: whether it is an account, which may do more."""

    key: str
    known: bool


@dataclass(frozen=True)
class Quota:
    """Where somebody stands in the present window. reset: seconds until the next one."""

    bucket: str
    limit: int
    left: int
    reset: int

    def tell(self, response: HttpResponse) -> None:
        """Put it on an answer, in the fields of draft-ietf-httpapi-ratelimit-headers."""
        response["RateLimit"] = f'"{self.bucket}";r={max(0, self.left)};t={self.reset}'
        response["RateLimit-Policy"] = f'"fixed window";"{self.bucket}";q={self.limit};w={WINDOW}'


class Counters:
    """The counts of this hub's windows."""

    def __init__(self) -> None:
        self._away_until = 0.0

    def count(self, bucket: str, principal: Principal) -> Quota | None:
        """Count one more request; None where it is not limited, or cannot be counted."""
        limit = settings.RATE_LIMITS[bucket][0 if principal.known else 1]
        now = time.time()
        if not limit or now < self._away_until:
            return None
        window, passed = divmod(int(now), WINDOW)
        key = f"rate:{bucket}:{principal.key}:{window}"
        try:
            count = int(_valkey().eval(_COUNT, 1, key, WINDOW))
        except RedisError as error:
            log.warning("Requests are not counted for a moment: %s", error)
            self._away_until = now + _PAUSE_SECONDS
            return None
        return Quota(bucket, limit, limit - count, WINDOW - passed)


def limit(get_response: GetResponse) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: count the request, refuse it where it is one too many, and tell on the answer what is left."""
    counters = Counters()

    def middleware(request: HttpRequest) -> HttpResponse:
        bucket = bucket_of(request.path)
        if bucket is None or not any(settings.RATE_LIMITS[bucket]):
            return get_response(request)
        principal = _principal(request, bucket)
        quota = counters.count(bucket, principal) if principal else None
        if quota is None:
            return get_response(request)
        if quota.left < 0:
            metrics.REFUSED.labels(bucket).inc()
        response = get_response(request) if quota.left >= 0 else _refused(request, quota)
        if bucket != PAGES or quota.left < 0:
            quota.tell(response)
        return response

    return middleware


def bucket_of(path: str) -> str | None:
    """Return what a request for this path counts as; None where it does not count."""
    if _UNCOUNTED.match(path):
        return None
    if _API.match(path):
        return API
    return RESOLVERS if _RESOLVERS.match(path) else PAGES


def _principal(request: HttpRequest, bucket: str) -> Principal | None:
    """Return whom to count; None for a worker that reads what its job needs."""
    user: Someone | int | None = None
    if "Authorization" in request.headers:
        with suppress(HubError, DatabaseError):  # The view says what is wrong with it.
            user = _holder(request) if request.path.startswith("/xet/") else _speaker(request)
    elif settings.SESSION_COOKIE_NAME in request.COOKIES:
        user = request.user
    if isinstance(user, RepoReader):
        return None
    number = user if isinstance(user, int) else user.pk if user is not None else None
    if number is not None:
        return Principal(f"user {number}", known=True)
    # What is signed was counted when it was given, to somebody who may be one of many behind this address. Nothing else is
    # opened by it, so that the word alone does not let a stranger ask for more.
    signed = _SIGNED.match(request.path) is not None and "signature" in request.GET
    return Principal(f"from {_network(request)}", known=signed)


def _speaker(request: HttpRequest) -> Someone:
    with translation.override("en"):
        return user_of_request(request)


def _holder(request: HttpRequest) -> int | None:
    return read_token(request.headers["Authorization"].partition(" ")[2].strip()).holder.user


def _network(request: HttpRequest) -> str:
    """Return the caller's address; of one of version 6 the half that a site has: it may have all addresses below it."""
    address = callers.address_of(request)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))


def _refused(request: HttpRequest, quota: Quota) -> HttpResponse:
    if quota.bucket == PAGES:
        response = render(request, "429.html", status=429)
        response["Retry-After"] = str(quota.reset)
        return response
    said = (
        f"That was more than {quota.limit} requests ({quota.bucket}) in {WINDOW // 60} minutes. "
        f"Try again in {quota.reset} seconds; with an access token you may send more."
    )
    return respond_to(TooMany(said, retry_after=quota.reset), request)


@cache
def _valkey() -> Redis:
    return Redis.from_url(
        str(settings.CACHES["default"]["LOCATION"]),
        socket_timeout=_PATIENCE_SECONDS,
        socket_connect_timeout=_PATIENCE_SECONDS,
    )
