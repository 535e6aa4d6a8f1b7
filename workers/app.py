"""The workers' Celery app. `celery --app=workers.app worker --queues=...` becomes the worker that its key says it is.

From the environment, all of it set by `make run` for its own two:

GROVE_HUB_URL, GROVE_WORKER_KEY    the hub, and the key that `manage.py create_worker` printed
GROVE_WORKER_NAME                  the name that was given there
GROVE_WORKER_DATA                  a folder for fetched files and scratch (./worker-data)
GROVE_WORKER_REDIS_URL             the workers' database, with their own user, as redis-py spells it
GROVE_WORKER_BROKER_URL            the same as Celery spells it, where that differs: sockets
GROVE_MODEL_MEMORY                 bytes that loaded models may take (half of the machine's, or 9/10 of the accelerator's)
GROVE_WORKER_DISK                  bytes of disk for fetched files (100 GB)
GROVE_ALIVE_FILE                   a file to touch while the hub hears of this worker, for health checks

Each may come from a file instead: with _FILE behind its name, such as GROVE_WORKER_KEY_FILE.
"""

import logging
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import redis
from celery import Celery, signals

from workers import logs, machine
from workers.client import Hub
from workers.contracts import KEY_PREFIX
from workers.environment import setting
from workers.presence import Presence
from workers.snapshots import Snapshots

log = logging.getLogger(__name__)

# Files come over plain HTTP: what was fetched lies in its folder once, and nowhere in a cache beside it.
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

REDIS_URL = setting("GROVE_WORKER_REDIS_URL", "redis://127.0.0.1:6379/1")
BROKER_URL = setting("GROVE_WORKER_BROKER_URL", REDIS_URL)
NAME = setting("GROVE_WORKER_NAME", "worker")
DATA = Path(setting("GROVE_WORKER_DATA", "worker-data")).absolute()
# The longest job, and then some: a message that comes back earlier would start the job a second time.
VISIBILITY_SECONDS = 36 * 3600

app = Celery("workers", broker=BROKER_URL, include=["workers.tasks.demo", "workers.tasks.job"])
app.conf.update(
    broker_transport_options={
        "global_keyprefix": KEY_PREFIX,
        "visibility_timeout": VISIBILITY_SECONDS,
        # kombu looks for lost messages only at every tenth tick unless told otherwise.
        "unacked_restore_throttle": 1,
    },
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
)


# With a receiver, Celery leaves the log alone.
signals.setup_logging.connect(logs.configure)


@cache
def hub() -> Hub:
    """The hub that this worker works for."""
    return Hub(setting("GROVE_HUB_URL"), setting("GROVE_WORKER_KEY"))


@cache
def connection() -> redis.Redis:
    """The workers' database, for streams and stops."""
    # Longer than the longest blocking read.
    return redis.Redis.from_url(REDIS_URL, socket_timeout=60, socket_connect_timeout=5, health_check_interval=30)


@cache
def presence() -> Presence:
    return Presence(hub(), connection(), NAME)


@cache
def snapshots() -> Snapshots:
    return Snapshots(DATA / "snapshots", setting("GROVE_HUB_URL"), int(setting("GROVE_WORKER_DISK", str(10**11))))


def scratch_folder() -> Path:
    """Return the folder for what children write; each makes one of its own in it."""
    return DATA / "scratch"


@signals.worker_init.connect
def _begin(**_kwargs: Any) -> None:
    """Before the first message is read: what a killed worker left in its scratch goes, and the hub hears of this one."""
    shutil.rmtree(scratch_folder(), ignore_errors=True)
    scratch_folder().mkdir(parents=True, mode=0o700)
    about = machine.describe()
    if not about["loads_models"]:
        log.error("Nothing can confine a model here, so this worker loads none. See workers/sandbox.py.")
    presence().begin(about)


@signals.worker_shutting_down.connect
def _leave(**_kwargs: Any) -> None:
    presence().leave()
