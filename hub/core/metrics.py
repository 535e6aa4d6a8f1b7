"""What the hub tells Prometheus at `/metrics`, to who has GROVE_METRICS_TOKEN. Without a token there is no such address.

Each process counts for itself in files that the processes of one server share (`share`), so whichever of them is asked answers
for all of them. What is true of the whole hub (jobs, storage) is asked of the engines, at most once in so many seconds whoever
asks, and is the same on every web node. Labels are names of views and of states, never addresses or people.
"""

import hmac
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache as once
from typing import Any, NamedTuple

import redis
from django.conf import settings
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import connection
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from hub.core.metrics_folder import FOLDER_VARIABLE, lives
from hub.core.middleware import GetResponse
from hub.core.tasks import HEARTBEAT_KEY

log = logging.getLogger(__name__)

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600)

REQUESTS = Counter(
    "grove_requests", "Requests that were answered, by what answered them.", ["view", "method", "status"]
)
SECONDS = Histogram(
    "grove_request_seconds", "Seconds until an answer began, with what was received for it.", ["view"], buckets=_BUCKETS
)
RECEIVED = Counter(
    "grove_received_bytes", "Bytes of request bodies, of which callers said how long they are.", ["view"]
)
OPEN = Gauge("grove_requests_open", "Requests that are being answered.", multiprocess_mode="livesum")
REFUSED = Counter("grove_rate_limited", "Requests that were one too many, by what they count as.", ["bucket"])
STREAMS = Gauge("grove_streams_open", "Token streams that are open.", multiprocess_mode="livesum")
GIT = Gauge("grove_git_open", "Fetches and pushes that are running.", multiprocess_mode="livesum")
CONNECTIONS = Gauge(
    "grove_database_connections", "Connections of the pools, by what they do.", ["state"], multiprocess_mode="livesum"
)
WAITING = Gauge("grove_database_waiting", "Threads that wait for a connection.", multiprocess_mode="livesum")


class Value(NamedTuple):
    """One number that is true of the whole hub. labels: a few, of few values each."""

    name: str
    help: str
    value: float
    labels: dict[str, str] = {}


_more: list[tuple[str, Callable[[], Iterable[Value]], int]] = []


def add(name: str, values: Callable[[], Iterable[Value]], *, seconds: int) -> None:
    """Let an app above add what it knows; it is asked at most once in so many `seconds`. It may raise."""
    _more.append((name, values, seconds))


def measure(get_response: GetResponse) -> GetResponse:
    """Middleware: answer /metrics, and count what else is asked. It stands before what looks at names and sessions."""
    if not settings.METRICS_TOKEN:
        return get_response

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info == "/metrics":
            return _answer(request)
        began = time.perf_counter()
        response = get_response(request)
        match = getattr(request, "resolver_match", None)
        view = match.view_name if match else "-"
        REQUESTS.labels(view, request.method if request.method in _METHODS else "other", response.status_code).inc()
        SECONDS.labels(view).observe(time.perf_counter() - began)
        length = request.META.get("CONTENT_LENGTH") or ""
        if length.isdecimal() and length != "0":
            RECEIVED.labels(view).inc(int(length))
        return response

    return middleware


def _answer(request: HttpRequest) -> HttpResponse:
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    if os.environ.get(FOLDER_VARIABLE):
        forget_the_dead()
        MultiProcessCollector(registry)
    else:
        registry.register(REGISTRY)
    registry.register(_Hub())
    return HttpResponse(
        generate_latest(registry), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
    )


# --- one process ------------------------------------------------------------------------------------------------------


@receiver(request_started)
def _begin(**_kwargs: Any) -> None:
    if settings.METRICS_TOKEN:
        OPEN.inc()


@receiver(request_finished)
def _end(**_kwargs: Any) -> None:
    if settings.METRICS_TOKEN:
        OPEN.dec()
        _note_connections()


_noted = 0.0


def _note_connections() -> None:
    """The pool of each process is known to that process alone, so it leaves word of it, at most once a second."""
    global _noted
    now = time.monotonic()
    if now - _noted < 1 or not settings.DATABASES["default"].get("OPTIONS", {}).get("pool"):
        return
    _noted = now
    stats = connection.pool.get_stats()  # type: ignore[attr-defined]
    size, free = stats.get("pool_size", 0), stats.get("pool_available", 0)
    CONNECTIONS.labels("busy").set(size - free)
    CONNECTIONS.labels("idle").set(free)
    WAITING.set(stats.get("requests_waiting", 0))


def forget_the_dead() -> None:
    """What only lives as long as its process goes with it; what it has counted stays."""
    folder = os.environ[FOLDER_VARIABLE]
    for pid in {
        int(found[1]) for name in os.listdir(folder) if (found := re.fullmatch(r"gauge_live\w+_(\d+)\.db", name))
    }:
        if not lives(pid):
            mark_process_dead(pid, folder)


# --- the whole hub ----------------------------------------------------------------------------------------------------


class _Hub:
    """What the engines know, as the library collects it."""

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        failed = GaugeMetricFamily(
            "grove_unknown", "1 where a part could not be asked for its numbers.", labels=["part"]
        )
        for part, values, seconds in [("queue", _queue, 5), *_more]:
            try:
                found = _asked(part, values, seconds)
            except Exception as error:  # An engine that is away takes its own numbers along, and no others.
                log.warning("%s tells no numbers: %s", part, error)
                failed.add_metric([part], 1)
                continue
            failed.add_metric([part], 0)
            for value in found:
                if value.name not in families:
                    families[value.name] = GaugeMetricFamily(value.name, value.help, labels=sorted(value.labels))
                families[value.name].add_metric([value.labels[label] for label in sorted(value.labels)], value.value)
        yield from families.values()
        yield failed


def _asked(part: str, values: Callable[[], Iterable[Value]], seconds: int) -> list[Value]:
    """Return the values, which other nodes may have asked for already."""
    key = f"metrics:{part}"
    try:
        kept = cache.get(key)
    except redis.RedisError:
        return list(values())
    if kept is None:
        kept = [list(value) for value in values()]
        cache.set(key, kept, timeout=seconds)
    return [Value(*value) for value in kept]


def _queue() -> Iterator[Value]:
    waiting = _valkey().llen(settings.CELERY_TASK_DEFAULT_QUEUE)
    yield Value("grove_hub_tasks_waiting", "Tasks that wait for a hub worker.", int(waiting))
    seen = cache.get(HEARTBEAT_KEY)
    if seen is not None:
        yield Value("grove_hub_worker_seen_timestamp_seconds", "When a hub worker last did what beat asks of it.", seen)


@once
def _valkey() -> redis.Redis:
    url = str(settings.CACHES["default"]["LOCATION"])
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
