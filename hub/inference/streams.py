"""Reading a demo's answer as it comes: one async generator over the job's Valkey stream, with its place in the queue before.

It holds no database connection between its looks at the job's row. A reader that went away resumes after the last event
that it has seen.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from hub.core.errors import Unavailable
from hub.jobs.models import Job, State
from hub.jobs.services import place_in_queue
from workers.contracts import LAST_EVENTS, Failure, FailureCode, StreamEvent, stream_key

# How long the first event may take before the reader is told where the request stands in the queue.
FIRST_LOOK_SECONDS = 0.4
LOOK_SECONDS = 1.0
# A worker that is silent for so long may be gone; then the row knows.
SILENCE_SECONDS = 5.0
_READ_AT_ONCE = 500
BEGINNING = "0"
# Both parts are numbers of 64 bits.
_ENTRY = re.compile(r"\d{1,19}(-\d{1,19})?", re.ASCII)


@dataclass(frozen=True)
class Event:
    """Something to tell the reader. id: where to resume after it; empty for what the stream does not hold.

    data: an event of `contracts.StreamEvent`, or `{"type": "queued", "place": N}`.
    """

    id: str
    data: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.data.get("type"))

    @property
    def last(self) -> bool:
        return self.type in LAST_EVENTS


def resume_after(given: str) -> str:
    """Return the id to resume after, as a reader gave it; the beginning for what is no id."""
    return given if _ENTRY.fullmatch(given) else BEGINNING


async def events_of(job_id: str, *, after: str = BEGINNING) -> AsyncIterator[Event]:
    """Yield the events of a demo, from the one after `after` to its last. Raises Unavailable where Valkey is away."""
    store = redis.asyncio.Redis.from_url(settings.WORKER_REDIS_URL, socket_timeout=30, socket_connect_timeout=2)
    heard_at, place, wait = time.monotonic(), 0, FIRST_LOOK_SECONDS
    # What has been read before was running then.
    running = after != BEGINNING
    try:
        while True:
            entries = await _read(store, job_id, after, wait)
            for after, data in entries:
                yield (event := Event(after, data))
                if event.last:
                    return
            if entries:
                heard_at, running = time.monotonic(), True
                wait = SILENCE_SECONDS
                continue
            look = await asyncio.to_thread(_look, job_id)
            if look.ended is not None:
                # Whatever was written in the meantime comes first.
                for number, data in await _read(store, job_id, after, 0):
                    yield (event := Event(number, data))
                    if event.last:
                        return
                yield Event("", look.ended)
                return
            if look.place and look.place != place:
                place = look.place
                yield Event("", {"type": "queued", "place": place})
            wait = SILENCE_SECONDS if running and time.monotonic() - heard_at > LOOK_SECONDS else LOOK_SECONDS
    except redis.RedisError as error:
        raise Unavailable(_("The answer cannot be read at the moment. Try again in a few seconds.")) from error
    finally:
        await store.aclose()


async def _read(
    store: "redis.asyncio.Redis", job_id: str, after: str, seconds: float
) -> list[tuple[str, dict[str, Any]]]:
    """Return what came after an entry, waiting for it."""
    block = max(1, round(seconds * 1000)) if seconds else None
    found = await store.xread({stream_key(job_id): after}, count=_READ_AT_ONCE, block=block)
    # By the version of the protocol, a list of pairs or a table.
    streams = found.values() if isinstance(found, dict) else [entries for _name, entries in found or []]
    flat = [entry for entries in streams for entry in _flat(entries)]
    return [(number.decode(), json.loads(fields[b"e"])) for number, fields in flat]


def _flat(entries: list[Any]) -> list[Any]:
    return [one for entry in entries for one in (entry if isinstance(entry, list) else [entry])]


@dataclass(frozen=True)
class _Look:
    """place: in the queue, 0 where it does not wait. ended: the last event as the row knows it."""

    place: int = 0
    ended: dict[str, Any] | None = None


def _look(job_id: str) -> _Look:
    """Look at the job's row, and give the database connection back."""
    try:
        job = Job.objects.filter(pk=job_id).first()
        if job is None:
            return _Look(
                ended=_failed(Failure(FailureCode.INTERNAL, {"detail": _("the request is not kept any more")}))
            )
        if job.state == State.QUEUED:
            return _Look(place=place_in_queue(job))
        return _Look(ended=_end_of(job))
    finally:
        connection.close()


def _end_of(job: Job) -> dict[str, Any] | None:
    match job.state:
        case State.FAILED:
            return _failed(job.failed_with or Failure(FailureCode.INTERNAL))
        case State.CANCELLED:
            return {"type": StreamEvent.DONE, "finish": ["cancelled"]}
        case State.DONE:
            return _failed(Failure(FailureCode.INTERNAL, {"detail": _("the answer is not kept any more")}))
    return None


def _failed(failure: Failure) -> dict[str, Any]:
    return {"type": StreamEvent.FAILED, **failure.to_json()}
