"""Having work done in the background: once what it is about is committed, and never in the way of it."""

import logging
from functools import partial
from typing import Any

from celery import Task
from django.db import transaction

log = logging.getLogger(__name__)


def queue_on_commit(task: "Task[..., Any]", *args: Any, seconds: int = 0) -> None:
    """Queue a task when the caller's transaction commits. seconds: how much later it begins.

    What was done stands even where the broker is away. So each task that is queued so has a sweep, or a later run, that makes
    up for one that was not.
    """
    transaction.on_commit(partial(queue, task, *args, seconds=seconds))


def queue(task: "Task[..., Any]", *args: Any, seconds: int = 0) -> None:
    """Queue a task now, and only write into the log where that fails."""
    try:
        task.apply_async(args, countdown=seconds, retry=False)
    except Exception:
        log.exception("%s%r was not queued; the next sweep makes up for it", task.name, args)
