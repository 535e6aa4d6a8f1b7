"""Workers and jobs for tests, and the broker that rings for them."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from django.dispatch import Signal

from hub.accounts.models import User
from hub.jobs import broker, services
from hub.jobs.models import Job, Worker
from hub.jobs.services import Asker
from hub.jobs.signals import job_finished
from hub.repos.models import Repository
from workers.contracts import KEY_PREFIX, JobKind, WorkerKind, queue_of

_numbers = count(1)


def make_worker(kind: WorkerKind = WorkerKind.JOB) -> Worker:
    return services.create_worker(name=f"worker-{next(_numbers)}", kind=kind)[0]


def make_job(
    user: User | None = None, *, queue: WorkerKind = WorkerKind.JOB, repos: list[Repository] | None = None, **more: Any
) -> Job:
    kind = JobKind.INFERENCE if queue == WorkerKind.DEMO else JobKind.EVALUATION
    given: dict[str, Any] = {"spec": {"n": 1}, "seconds": 60, **more}
    return services.submit_job(asker=Asker(user), kind=kind, queue=queue, repositories=repos or [], **given)


def messages(kind: WorkerKind = WorkerKind.JOB, worker: str = "") -> list[str]:
    """The ids of the jobs that wait in the broker, oldest first."""
    waiting = broker.connection().lrange(f"{KEY_PREFIX}{queue_of(kind, worker)}", 0, -1)
    return [json.loads(message)["headers"]["argsrepr"].strip("(',)") for message in reversed(waiting)]


@pytest.fixture(autouse=True)
def _empty_broker() -> Iterator[None]:
    broker.connection().flushdb()
    broker.messages_were_lost()
    yield
    broker.connection().flushdb()


@pytest.fixture
def ends() -> Iterator[list[tuple[str, str]]]:
    """Every end of a job that the apps above are told of: (id, state)."""
    heard: list[tuple[str, str]] = []

    def hear(job: Job, **_kwargs: Any) -> None:
        heard.append((str(job.pk), job.state))

    signal: Signal = job_finished
    signal.connect(hear)
    yield heard
    signal.disconnect(hear)
