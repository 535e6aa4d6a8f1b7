"""Whether there is a worker of a kind, and if not, why: for pages that tell people what to wait for."""

import time
from enum import StrEnum

from django.conf import settings

from hub.embedded.workers import Setup, noted
from hub.jobs.models import Worker
from workers.contracts import WorkerKind

# A worker that was started longer ago than this, in seconds, and is not heard of, is not just starting.
STARTING_SECONDS = 120


class WorkerState(StrEnum):
    """present: one is heard of just now. starting, installing: it takes moments, or minutes. failed: it could not be
    installed. off: the operator wants none. absent: none is heard of."""

    PRESENT = "present"
    STARTING = "starting"
    INSTALLING = "installing"
    FAILED = "failed"
    OFF = "off"
    ABSENT = "absent"


def worker_state(kind: WorkerKind) -> WorkerState:
    """Return how it stands with workers of that kind. One query."""
    if Worker.objects.live().filter(kind=kind).exists():
        return WorkerState.PRESENT
    match noted(settings.DATA_DIR):
        case (Setup.STARTING, since) if time.time() - since > STARTING_SECONDS:
            return WorkerState.ABSENT
        case (setup, _):
            return WorkerState(setup)
    return WorkerState.ABSENT
