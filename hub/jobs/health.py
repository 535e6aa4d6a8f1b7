"""The workers' part of the health report: their broker, the reaper, and who is there to work."""

from django.utils import timezone

from hub.core.health import Check, Weight, attempt, sign_of_life
from hub.jobs import broker
from hub.jobs.models import Worker
from hub.jobs.presence import WorkerState, worker_state
from hub.jobs.tasks import REAPED_KEY
from workers.contracts import WorkerKind

# It runs every five seconds; one behind a long task may be late.
REAPER_SECONDS = 60
_SHOWN_VERSIONS = ("torch", "transformers")
_WHY = {
    WorkerState.STARTING: "is being started",
    WorkerState.INSTALLING: "is being installed",
    WorkerState.FAILED: "could not be installed: see the log of the last start",
    WorkerState.ABSENT: "none is heard of: see `manage.py list_workers` and the log",
}


def check_workers() -> list[Check]:
    """Look at everything that jobs need beyond the site itself."""
    return [
        attempt("broker", _broker, "takes the workers' messages", Weight.LAGS),
        _reaper(),
        *(_kind(kind) for kind in WorkerKind),
    ]


def _broker() -> None:
    broker.connection().ping()


def _reaper() -> Check:
    return sign_of_life("reaper", REAPED_KEY, REAPER_SECONDS, never="has not run yet", last="last ran")


def _kind(kind: WorkerKind) -> Check:
    """Whether a worker of that kind is there, and what those are."""
    try:
        state = worker_state(kind)
        workers = list(Worker.objects.live().filter(kind=kind).order_by("name"))
    except Exception:  # Said by the check of the database already.
        return Check(kind, ok=False, detail="unknown", weight=Weight.WARNS)
    if state == WorkerState.OFF:
        return Check(
            kind, ok=True, detail="off: GROVE_WORKERS=off, or the line in the log says why", weight=Weight.WARNS
        )
    detail = "; ".join(_describe(worker) for worker in workers) or _WHY.get(state, "has just gone")
    # Whoever runs models of strangers wants to know where nothing confines them.
    confined = all(worker.about.get("sandbox", "none") != "none" for worker in workers)
    return Check(kind, ok=bool(workers) and confined, detail=detail, weight=Weight.WARNS)


def _describe(worker: Worker) -> str:
    seen = (timezone.now() - worker.seen_at).total_seconds() if worker.seen_at else 0
    versions = worker.about.get("versions", {})
    said = [
        f"{worker.name} last seen {seen:.0f} s ago",
        f"sandbox {worker.about.get('sandbox', 'unknown')}",
        str(worker.about.get("device", "")),
        *(f"{name} {versions[name]}" for name in _SHOWN_VERSIONS if name in versions),
    ]
    return ", ".join(part for part in said if part)
