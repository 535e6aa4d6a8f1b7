"""Writing the events of a demo where the hub reads them: one Valkey stream a job, under the workers' own user."""

import json
from typing import Any

import redis

from workers.contracts import ENDED_SECONDS, LAST_EVENTS, STREAM_SECONDS, stream_key

# Of one stream. A continuation has a few thousand pieces at most; this only bounds what a mistake could fill.
MAX_ENTRIES = 100_000


class Stream:
    """The stream of one job."""

    def __init__(self, connection: redis.Redis, job: str) -> None:
        self._connection = connection
        self._key = stream_key(job)

    def write(self, *events: dict[str, Any]) -> None:
        """Append events, in one round trip. Raises redis.RedisError."""
        with self._connection.pipeline(transaction=False) as pipe:
            for event in events:
                entry: dict[Any, Any] = {"e": json.dumps(event, ensure_ascii=False, separators=(",", ":"))}
                pipe.xadd(self._key, entry, maxlen=MAX_ENTRIES, approximate=True)
            ended = events[-1]["type"] in LAST_EVENTS
            pipe.expire(self._key, ENDED_SECONDS if ended else STREAM_SECONDS)
            pipe.execute()
