"""The workers' side of Valkey, as the hub uses it: ringing for a job, telling a worker to stop, and reading streams.

It is a database of its own under one prefix, which is all that the workers' user reaches. No result backend: what became of
a job stands in its row.
"""

import json
import logging
from functools import cache
from typing import Any

import redis
import redis.asyncio
from celery import Celery
from django.conf import settings

from workers.contracts import KEY_PREFIX, RUN_DEMO, RUN_JOB, STREAM_SECONDS, WorkerKind, queue_of, stops_key, stream_key

log = logging.getLogger(__name__)

TASKS = {WorkerKind.DEMO: RUN_DEMO, WorkerKind.JOB: RUN_JOB}
# While this key stands, no message has been lost with the broker's data.
EPOCH_KEY = f"{KEY_PREFIX}epoch"


@cache
def _app() -> Celery:
    app = Celery("workers", broker=settings.WORKER_BROKER_URL, set_as_current=False)
    app.conf.update(
        broker_transport_options={
            "global_keyprefix": KEY_PREFIX,
            # Whoever starts a job does not wait for a broker that is away: the reaper sends it later.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
        },
        task_ignore_result=True,
    )
    return app


@cache
def connection() -> redis.Redis:
    """The workers' database, for short commands."""
    return redis.Redis.from_url(settings.WORKER_REDIS_URL, socket_connect_timeout=2)


def ring(kind: WorkerKind, job: str, *, worker: str = "", expires: float | None = None) -> None:
    """Put a job's id on the queue of a kind of worker, or of one worker. `expires`: seconds. Raises OSError and kombu's
    OperationalError where the broker is away."""
    _app().send_task(TASKS[kind], args=(job,), queue=queue_of(kind, worker), expires=expires, retry=False)


def tell_to_stop(worker: str, job: str) -> None:
    """Tell a worker at once that a job is cancelled. If this is lost, its next heartbeat says so."""
    try:
        with connection().pipeline() as pipe:
            pipe.rpush(stops_key(worker), job)
            pipe.expire(stops_key(worker), STREAM_SECONDS)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("worker %s was not told to stop job %s: %s", worker, job, error)


def end_stream(job: str, event: dict[str, Any]) -> None:
    """Write the last event of a stream whose worker cannot."""
    try:
        with connection().pipeline() as pipe:
            pipe.xadd(stream_key(job), {"e": json.dumps(event)})
            pipe.expire(stream_key(job), STREAM_SECONDS)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("the stream of job %s was not ended: %s", job, error)


def messages_were_lost() -> bool:
    """Tell, once, whether the broker has been emptied since this was last asked; no where it is away."""
    try:
        return bool(connection().set(EPOCH_KEY, "1", nx=True))
    except redis.RedisError as error:
        log.warning("the workers' broker is away: %s", error)
        return False
