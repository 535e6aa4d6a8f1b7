"""The hub's own Celery app: search rows, mail, counters, sweeps. Worker tasks have another app, in `workers`."""

import os
from typing import Any

from celery import Celery, Task, signals

from hub.core import request_ids
from hub.core.alive import note_alive
from workers.contracts import NO_REQUEST

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")

app = Celery("hub")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# An app of several parts has tasks in each of them.
app.autodiscover_tasks([f"hub.community.{part}" for part in ("discussions", "notifications", "webhooks")])

# Of a message: the id of the request that queued it.
_HEADER = "request_id"


@signals.before_task_publish.connect
def _send_request_id(headers: dict[str, Any], **_kwargs: Any) -> None:
    if request_ids.current() != NO_REQUEST:
        headers[_HEADER] = request_ids.current()


@signals.task_prerun.connect
def _take_request_id(task_id: str, task: Task, **_kwargs: Any) -> None:
    """A task logs under the id of the request that queued it; what the clock queues, under its own."""
    request_ids.begin(getattr(task.request, _HEADER, None) or f"task-{task_id}")


@signals.task_postrun.connect
def _drop_request_id(**_kwargs: Any) -> None:
    request_ids.begin(NO_REQUEST)


@signals.heartbeat_sent.connect
def _note_alive(**_kwargs: Any) -> None:
    note_alive()


@signals.setup_logging.connect
def _log_as_the_site(**_kwargs: Any) -> None:
    """Django has configured the log; connected, this keeps Celery from putting a format of its own over it."""
