"""Every change to jobs and workers.

A job's row decides: whoever changes its state does so under the row's lock and from the state that the change begins at, so
each attempt has one worker, and each job one end. Messages and stop signals are sent on commit, may be lost and may come
twice; `reap` makes up for the lost ones, and the row for those that come twice.
"""

import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import redis
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerError

from hub.accounts.models import User, digest_of
from hub.core import request_ids
from hub.core.errors import Conflict, Invalid, NotFound
from hub.jobs import broker
from hub.jobs.errors import JobFinished, JobGone, JobNotFound, WorkerRefused
from hub.jobs.models import UNFINISHED, Job, JobEvent, State, Worker
from hub.jobs.signals import job_finished
from hub.repos.models import Repository
from workers.contracts import (
    LEASE_SECONDS,
    TEMPORARY,
    Failure,
    FailureCode,
    JobKind,
    StreamEvent,
    WorkerKind,
)

log = logging.getLogger(__name__)

KEY_PREFIX = "worker_"
# A message is sent again after so many seconds, doubled each time, for as long as nobody has claimed the job.
RESEND_SECONDS, LONGEST_RESEND_SECONDS = 30, 600
MAX_EVENTS = 2000  # of one job; what it logs beyond is not kept
MAX_EVENT_TEXT = 1000
# What has taken all the time that it may would take it again, and keep the others waiting meanwhile.
_TRIED_AGAIN = TEMPORARY - {FailureCode.TIMED_OUT}
# What a demo was asked is nobody's business for longer than people need to look at it again.
KEEP_DEMO_HOURS = 24


# --- workers ----------------------------------------------------------------------------------------------------------


def create_worker(*, name: str, kind: WorkerKind) -> tuple[Worker, str]:
    """Make a worker's key; returns the worker and the key, which is shown once. Raises Conflict for a name that is taken."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            return Worker.objects.create(name=name, kind=kind, digest=digest_of(key)), key
    except IntegrityError as error:
        raise Conflict(_("There is a worker “%(name)s” already.") % {"name": name}, field="name") from error


@transaction.atomic
def keep_worker(*, name: str, kind: WorkerKind, key: str) -> None:
    """See that there is a worker of that name whose key this is; one that was revoked with this key stays so. Raises Invalid
    for what is no key, Conflict for one that another worker has."""
    if not key.startswith(KEY_PREFIX) or len(key) < len(KEY_PREFIX) + 32:
        raise Invalid(
            _("A worker's key begins with %(prefix)s, and at least 32 signs follow.") % {"prefix": KEY_PREFIX},
            field="key",
        )
    if Worker.objects.filter(name=name, kind=kind, digest=digest_of(key)).exists():
        return
    values = {"kind": kind, "digest": digest_of(key), "revoked_at": None}
    try:
        with transaction.atomic():
            Worker.objects.update_or_create(name=name, defaults=values)
    except IntegrityError as error:
        raise Conflict(_("Another worker has this key already."), field="key") from error


def renew_worker_key(*, worker: Worker) -> str:
    """Give the worker a new key, and the old one up; returns the new one."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    Worker.objects.filter(pk=worker.pk).update(digest=digest_of(key), revoked_at=None)
    return key


@transaction.atomic
def revoke_worker(*, name: str) -> None:
    """Give the worker's key up and its jobs on. Raises NotFound for a name that no worker with a key has."""
    if not Worker.objects.filter(name=name, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        raise NotFound(_("There is no worker “%(name)s” with a key.") % {"name": name})
    for job in Job.objects.select_for_update(of=("self",)).filter(worker__name=name, state=State.RUNNING):
        _lose(job)


def worker_of_key(key: str) -> Worker:
    """Return the worker that a key speaks for. Raises WorkerRefused."""
    worker = Worker.objects.filter(digest=digest_of(key), revoked_at__isnull=True).first()
    if worker is None:
        raise WorkerRefused(_("This key belongs to no worker of this hub. Make one with manage.py create_worker."))
    return worker


@transaction.atomic
def start_worker(*, worker: Worker, about: dict[str, Any]) -> None:
    """Take note that the worker's process has started, and give on what its predecessor under that key left behind."""
    now = timezone.now()
    Worker.objects.filter(pk=worker.pk).update(about=about, loaded=[], started_at=now, seen_at=now)
    for job in Job.objects.select_for_update().filter(worker=worker, state=State.RUNNING):
        _lose(job)


def note_heartbeat(
    *, worker: Worker, running: Iterable[tuple[str, int]], loaded: list[list[str]], progress: dict[str, dict[str, Any]]
) -> list[str]:
    """Renew the leases of what the worker runs; returns which of it to stop, since it is not the worker's any more.

    running: (job, attempt). loaded: (full name, commit) of the models that it holds. progress: by job.
    """
    now = timezone.now()
    Worker.objects.filter(pk=worker.pk).update(loaded=loaded, seen_at=now)
    lost = []
    for job, attempt in running:
        changes: dict[str, Any] = {"lease_until": now + timedelta(seconds=LEASE_SECONDS)}
        if job in progress:
            changes["progress"] = progress[job]
        if not _held(worker, job, attempt).update(**changes):
            lost.append(job)
    return lost


# --- the life of a job ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asker:
    """Who asks for a job: somebody who is signed in, or the visitor of that name."""

    user: User | None
    visitor: str = ""


@transaction.atomic
def submit_job(
    *,
    asker: Asker,
    kind: JobKind,
    queue: WorkerKind,
    spec: dict[str, Any],
    repositories: list[Repository],
    seconds: int,
    max_attempts: int = 3,
    deadline: datetime | None = None,
    key: str = "",
    prefer: str = "",
) -> Job:
    """Queue a job; with a `key` that its user has used before, return the job of that time.

    The caller has checked that the asker may read all `repositories`. prefer: the worker whose queue the message goes to.
    """
    if key and asker.user and (before := Job.objects.filter(user=asker.user, key=key).first()):
        return before
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                queue=queue,
                user=asker.user,
                visitor=asker.visitor,
                key=key if asker.user else "",
                request_id=request_ids.current(),
                spec=spec,
                seconds=seconds,
                max_attempts=max_attempts,
                deadline=deadline,
            )
    except IntegrityError:
        return Job.objects.get(user=asker.user, key=key)
    job.repositories.set(repositories)
    transaction.on_commit(partial(_send, job.pk, queue, prefer, deadline))
    return job


def claim_job(*, worker: Worker, job_id: str) -> Job:
    """Give a queued job to the worker, for as long as it renews the lease. Raises JobGone, JobNotFound."""
    with transaction.atomic():
        job = _lock(job_id)
        now = timezone.now()
        if job.state != State.QUEUED or job.queue != worker.kind:
            raise JobGone(_("This job is not waiting for a worker like this one."))
        overdue = job.deadline is not None and job.deadline <= now
        if overdue:
            _end(job, State.FAILED, failure=Failure(FailureCode.TIMED_OUT, {"seconds": job.seconds}))
        else:
            job.state, job.worker, job.attempt = State.RUNNING, worker, job.attempt + 1
            job.started_at = now
            job.lease_until = now + timedelta(seconds=LEASE_SECONDS)
            job.progress = {}
            job.save(update_fields=["state", "worker", "attempt", "started_at", "lease_until", "progress"])
    if overdue:
        raise JobGone(_("Nobody waits for this job any more."))
    return job


def add_events(*, worker: Worker, job_id: str, attempt: int, lines: list[str]) -> None:
    """Keep lines that the job logged. Raises JobGone."""
    job = _held(worker, job_id, attempt).first()
    if job is None:
        raise JobGone(_("This job is not this worker's any more."))
    room = max(0, MAX_EVENTS - job.events.count())
    JobEvent.objects.bulk_create(
        JobEvent(job=job, kind=JobEvent.Kind.LOG, attempt=attempt, text=line.replace("\0", "")[:MAX_EVENT_TEXT])
        for line in lines[:room]
    )


@transaction.atomic
def finish_job(*, worker: Worker, job_id: str, attempt: int, result: Any = None, failure: Failure | None = None) -> Job:
    """End the job, well or not, and tell the apps above in the same transaction. Raises JobGone.

    A failure that another attempt may mend sends a job of the job queue back while it has attempts left.
    """
    job = _lock_held(worker, job_id, attempt)
    if failure is None:
        _end(job, State.DONE, result=result)
    elif job.queue == WorkerKind.JOB and failure.code in _TRIED_AGAIN and job.attempt < job.max_attempts:
        _requeue(job, failure.code)
    else:
        _end(job, State.FAILED, failure=failure)
    return job


@transaction.atomic
def release_job(*, worker: Worker, job_id: str, attempt: int) -> None:
    """Take a job back from a worker that stops in good order; the attempt does not count. Raises JobGone."""
    job = _lock_held(worker, job_id, attempt)
    job.max_attempts += 1
    job.save(update_fields=["max_attempts"])
    _lose(job, JobEvent.STOPPED)


def cancel_job(*, job: Job) -> None:
    """End a job because nobody wants it any more. The caller has checked who asks. Raises JobFinished."""
    with transaction.atomic():
        job = _lock(str(job.pk))
        if job.finished:
            raise JobFinished(_("This has ended already; there is nothing to stop."))
        worker = job.worker.name if job.worker and job.state == State.RUNNING else ""
        _end(job, State.CANCELLED)
        if worker:
            transaction.on_commit(partial(broker.tell_to_stop, worker, str(job.pk)))


# --- what time does ---------------------------------------------------------------------------------------------------


def reap() -> None:
    """Give on what lost its worker, end what nobody waits for, and send again what may not have arrived. Can run twice."""
    now = timezone.now()
    with transaction.atomic():
        # What somebody else holds just now is being changed, so it is not lost.
        for job in _unheld(state=State.RUNNING, lease_until__lt=now):
            _lose(job)
    with transaction.atomic():
        for job in _unheld(state=State.QUEUED, deadline__lt=now):
            _end(job, State.FAILED, failure=Failure(FailureCode.TIMED_OUT, {"seconds": job.seconds}))
    lost = broker.messages_were_lost()
    # What was asked stays where it is: it can be long, and the row is looked at every few seconds.
    columns = ("queue", "deadline", "sent_at", "sends")
    for job in Job.objects.filter(state=State.QUEUED).only(*columns).order_by("created_at"):
        waited = (now - job.sent_at).total_seconds() if job.sent_at else None
        if lost or waited is None or waited > min(LONGEST_RESEND_SECONDS, RESEND_SECONDS * 2 ** max(0, job.sends - 1)):
            _send(job.pk, WorkerKind(job.queue), "", job.deadline)


def prune() -> int:
    """Delete demo requests that ended a day ago; returns how many."""
    before = timezone.now() - timedelta(hours=KEEP_DEMO_HOURS)
    old = Job.objects.exclude(state__in=UNFINISHED).filter(kind=JobKind.INFERENCE, finished_at__lt=before)
    return old.delete()[1].get("jobs.Job", 0)


def place_in_queue(job: Job) -> int:
    """Return how many jobs of the same queue wait before this one, plus one; 0 where it does not wait."""
    if job.state != State.QUEUED:
        return 0
    ahead = Job.objects.filter(queue=job.queue, state=State.QUEUED, created_at__lt=job.created_at)
    return ahead.count() + 1


# --- below ------------------------------------------------------------------------------------------------------------


def _held(worker: Worker, job_id: str, attempt: int) -> Any:
    return Job.objects.filter(pk=_uuid(job_id), worker=worker, attempt=attempt, state=State.RUNNING)


def _unheld(**conditions: Any) -> Any:
    return Job.objects.select_for_update(skip_locked=True, of=("self",)).filter(**conditions)


def _lock(job_id: str) -> Job:
    job = Job.objects.select_for_update(of=("self",)).filter(pk=_uuid(job_id)).first()
    if job is None:
        raise JobNotFound(_("There is no such job."))
    return job


def _lock_held(worker: Worker, job_id: str, attempt: int) -> Job:
    job = _lock(job_id)
    if job.state != State.RUNNING or job.worker_id != worker.pk or job.attempt != attempt:
        raise JobGone(_("This job is not this worker's any more."))
    return job


def _uuid(job_id: str) -> UUID:
    try:
        return UUID(str(job_id))
    except (ValueError, ValidationError) as error:
        raise JobNotFound(_("There is no such job.")) from error


def _lose(job: Job, why: str = FailureCode.WORKER_LOST) -> None:
    """Give on a running job whose worker is gone. Somebody waits for a demo, and has seen the beginning of its answer,
    so that one ends."""
    if job.queue == WorkerKind.DEMO or job.attempt >= job.max_attempts:
        _end(job, State.FAILED, failure=Failure(FailureCode.WORKER_LOST))
    else:
        _requeue(job, why)


def _requeue(job: Job, why: str) -> None:
    """Let another worker try; `why` is a FailureCode or JobEvent.STOPPED."""
    job.state, job.worker, job.lease_until, job.progress = State.QUEUED, None, None, {}
    job.sent_at, job.sends = None, 0
    job.save(update_fields=["state", "worker", "lease_until", "progress", "sent_at", "sends"])
    JobEvent.objects.create(job=job, kind=JobEvent.Kind.STATE, attempt=job.attempt, text=why)
    transaction.on_commit(partial(_send, job.pk, WorkerKind(job.queue), "", job.deadline))


def _end(job: Job, state: State, *, result: Any = None, failure: Failure | None = None) -> None:
    job.state, job.result, job.failure = state, result, failure.to_json() if failure else None
    job.finished_at, job.lease_until = timezone.now(), None
    job.save(update_fields=["state", "result", "failure", "finished_at", "lease_until"])
    if job.queue == WorkerKind.DEMO and failure is not None:
        # Where the worker has written it already, this one stands behind the last event, where nobody reads.
        event = {"type": StreamEvent.FAILED, **failure.to_json()}
        transaction.on_commit(partial(broker.end_stream, str(job.pk), event))
    job_finished.send(sender=Job, job=job)


def _send(job_id: UUID, queue: WorkerKind, prefer: str, deadline: datetime | None) -> None:
    """Ring for a job. If the broker is away, `sent_at` stays as it was, and the reaper tries again."""
    expires = max(1.0, (deadline - timezone.now()).total_seconds()) if deadline else None
    try:
        broker.ring(queue, str(job_id), worker=prefer, expires=expires)
    except (BrokerError, redis.RedisError, OSError) as error:
        log.warning("job %s was not sent, the reaper will: %s", job_id, error)
    else:
        Job.objects.filter(pk=job_id).update(sent_at=timezone.now(), sends=F("sends") + 1)
