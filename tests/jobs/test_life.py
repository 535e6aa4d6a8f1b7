"""The life of a job: from the one that asks, over workers that claim, lose and finish it, to its one end."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django.utils.translation import override

from hub.core.errors import Conflict, NotFound
from hub.jobs import broker, services
from hub.jobs.errors import JobFinished, JobGone, JobNotFound, WorkerRefused
from hub.jobs.failures import line_of
from hub.jobs.models import Job, JobEvent, State, Worker
from tests.factories import make_repo, make_user
from tests.jobs.conftest import make_job, make_worker, messages
from workers.contracts import Failure, FailureCode, WorkerKind, stops_key, stream_key

pytestmark = pytest.mark.django_db(transaction=True)

Ends = list[tuple[str, str]]


def at_once(number: int, call: Callable[[], Any]) -> list[Any]:
    """Call it in as many threads at the same moment; returns what each returned or raised."""
    barrier = threading.Barrier(number)
    results: list[Any] = []

    def run() -> None:
        try:
            barrier.wait()
            results.append(call())
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def again(job: Job) -> Job:
    job.refresh_from_db()
    return job


def claim(job: Job, worker: Worker) -> Job:
    return services.claim_job(worker=worker, job_id=str(job.pk))


def let_lease_expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


# --- asking -------------------------------------------------------------------------------------------------------------


def test_a_job_is_rung_for_once_its_row_stands() -> None:
    job = make_job(repos=[make_repo()])
    assert (job.state, messages()) == (State.QUEUED, [str(job.pk)])
    assert again(job).sends == 1
    make_job(queue=WorkerKind.DEMO, prefer="demo-7")
    assert len(messages(WorkerKind.DEMO, "demo-7")) == 1


def test_a_repeated_request_makes_no_second_job() -> None:
    ada, bob = make_user(), make_user()
    first = make_job(ada, key="once")
    assert make_job(ada, key="once") == first
    assert make_job(bob, key="once") != first
    assert make_job(ada, key="other") != first
    assert make_job(ada) != make_job(ada)
    # Nobody's key is anybody's.
    assert make_job(key="once") != make_job(key="once")


def test_requests_that_come_at_once_make_one_job() -> None:
    ada = make_user()
    made = at_once(8, lambda: make_job(ada, key="once").pk)
    assert len(set(made)) == 1, made
    assert Job.objects.filter(user=ada).count() == 1
    assert len(messages()) == 1


def test_the_place_in_the_queue_counts_those_before() -> None:
    jobs = [make_job() for _ in range(3)]
    make_job(queue=WorkerKind.DEMO)
    assert [services.place_in_queue(job) for job in jobs] == [1, 2, 3]
    claim(jobs[0], make_worker())
    assert [services.place_in_queue(again(job)) for job in jobs] == [0, 1, 2]


# --- claiming and finishing -----------------------------------------------------------------------------------------------


def test_a_job_is_claimed_worked_on_and_finished(ends: Ends) -> None:
    job, worker = make_job(), make_worker()
    claimed = claim(job, worker)
    assert (claimed.state, claimed.attempt, claimed.worker) == (State.RUNNING, 1, worker)
    beat = {"running": [(str(job.pk), 1)], "loaded": [["ada/tiny", "0" * 40]], "progress": {str(job.pk): {"done": 1}}}
    assert services.note_heartbeat(worker=worker, **beat) == []
    assert again(job).progress == {"done": 1}
    services.add_events(worker=worker, job_id=str(job.pk), attempt=1, lines=["half\0way"])
    assert [event.text for event in job.events.all()] == ["halfway"]
    services.finish_job(worker=worker, job_id=str(job.pk), attempt=1, result={"perplexity": 2.5})
    assert (again(job).state, job.result, ends) == (State.DONE, {"perplexity": 2.5}, [(str(job.pk), "done")])


def test_of_many_that_claim_a_job_one_gets_it() -> None:
    job = make_job()
    workers = iter([make_worker() for _ in range(8)])
    results = at_once(8, lambda: claim(job, next(workers)))
    assert [type(result) for result in results].count(JobGone) == 7
    assert again(job).attempt == 1


def test_a_claim_is_refused_where_there_is_nothing_to_take() -> None:
    worker, job = make_worker(), make_job()
    with pytest.raises(JobGone):
        claim(job, make_worker(WorkerKind.DEMO))
    claim(job, worker)
    with pytest.raises(JobGone):
        claim(job, worker)
    for unknown in ("11111111-1111-4111-8111-111111111111", "no id", ""):
        with pytest.raises(JobNotFound):
            services.claim_job(worker=worker, job_id=unknown)


def test_only_the_worker_of_the_present_attempt_speaks_for_a_job(ends: Ends) -> None:
    job, first, second = make_job(), make_worker(), make_worker()
    claim(job, first)
    let_lease_expire(job)
    services.reap()
    claim(job, second)
    number = str(job.pk)
    for worker, attempt in ((first, 1), (first, 2), (second, 1), (second, 3)):
        with pytest.raises(JobGone):
            services.finish_job(worker=worker, job_id=number, attempt=attempt, result="stale")
        with pytest.raises(JobGone):
            services.add_events(worker=worker, job_id=number, attempt=attempt, lines=["stale"])
        with pytest.raises(JobGone):
            services.release_job(worker=worker, job_id=number, attempt=attempt)
        beat: dict[str, Any] = {"running": [(number, attempt)], "loaded": [], "progress": {number: {"done": 9}}}
        assert services.note_heartbeat(worker=worker, **beat) == [number]
    assert again(job).progress == {}
    services.finish_job(worker=second, job_id=number, attempt=2, result="fresh")
    assert (again(job).result, len(ends)) == ("fresh", 1)
    with pytest.raises(JobGone):
        services.finish_job(worker=second, job_id=number, attempt=2, result="twice")


def test_of_reports_that_come_at_once_one_counts(ends: Ends) -> None:
    job, worker = make_job(), make_worker()
    claim(job, worker)
    results = at_once(
        6, lambda: services.finish_job(worker=worker, job_id=str(job.pk), attempt=1, result=threading.get_ident())
    )
    assert [type(result) for result in results].count(JobGone) == 5
    assert len(ends) == 1


def test_the_log_of_a_job_has_an_end() -> None:
    job, worker = make_job(), make_worker()
    claim(job, worker)
    services.add_events(worker=worker, job_id=str(job.pk), attempt=1, lines=["x" * 5000] * (services.MAX_EVENTS - 1))
    services.add_events(worker=worker, job_id=str(job.pk), attempt=1, lines=["one", "too many"])
    assert job.events.count() == services.MAX_EVENTS
    assert max(len(event.text) for event in job.events.all()) == services.MAX_EVENT_TEXT


def test_a_failure_that_may_pass_is_tried_again_and_another_is_not(ends: Ends) -> None:
    worker = make_worker()
    job = make_job(max_attempts=2)
    for attempt in (1, 2):
        claim(job, worker)
        passing = Failure(FailureCode.INTERNAL, {"detail": "no memory"})
        services.finish_job(worker=worker, job_id=str(job.pk), attempt=attempt, failure=passing)
        assert again(job).state == (State.QUEUED if attempt == 1 else State.FAILED)
    assert job.failed_with == Failure(FailureCode.INTERNAL, {"detail": "no memory"})

    assert line_of(JobEvent.objects.get(job=job)) == "Queued again: the attempt failed (internal)."
    with override("zh-hans"):
        assert line_of(JobEvent.objects.get(job=job)) == "已重新排队：这次尝试失败了（internal）。"
    # It takes as long the next time.
    for code in (FailureCode.NO_SAFETENSORS, FailureCode.TIMED_OUT):
        lasting = make_job()
        claim(lasting, worker)
        services.finish_job(worker=worker, job_id=str(lasting.pk), attempt=1, failure=Failure(code))
        assert again(lasting).state == State.FAILED
        assert ends[-1] == (str(lasting.pk), "failed")
    assert len(ends) == 3


# --- losing -----------------------------------------------------------------------------------------------------------------


def test_a_lease_lives_by_heartbeats_and_a_lost_job_goes_to_another(ends: Ends) -> None:
    job, worker = make_job(), make_worker()
    claim(job, worker)
    services.reap()
    assert again(job).state == State.RUNNING
    let_lease_expire(job)
    services.note_heartbeat(worker=worker, running=[(str(job.pk), 1)], loaded=[], progress={})
    services.reap()
    assert again(job).state == State.RUNNING
    let_lease_expire(job)
    services.reap()
    assert (again(job).state, job.worker, messages()) == (State.QUEUED, None, [str(job.pk)] * 2)
    assert line_of(JobEvent.objects.get(job=job)) == "Queued again: the worker was lost."
    assert claim(job, make_worker()).attempt == 2
    assert ends == []


def test_a_job_that_loses_every_worker_ends() -> None:
    job = make_job(max_attempts=3)
    for _ in range(3):
        claim(job, make_worker())
        let_lease_expire(job)
        services.reap()
    assert again(job).state == State.FAILED
    assert job.failed_with == Failure(FailureCode.WORKER_LOST)


def test_a_demo_that_loses_its_worker_ends_and_its_reader_hears_so() -> None:
    job = make_job(queue=WorkerKind.DEMO)
    claim(job, make_worker(WorkerKind.DEMO))
    let_lease_expire(job)
    services.reap()
    assert again(job).failed_with == Failure(FailureCode.WORKER_LOST)
    (event,) = broker.connection().xrange(stream_key(str(job.pk)))
    assert b'"failed"' in event[1][b"e"] and b"worker-lost" in event[1][b"e"]


def test_reapers_that_run_at_once_lose_a_job_once(ends: Ends) -> None:
    lost, last = make_job(), make_job(max_attempts=1)
    for job in (lost, last):
        claim(job, make_worker())
        let_lease_expire(job)
    assert at_once(6, services.reap) == [None] * 6
    assert JobEvent.objects.filter(job=lost).count() == 1
    assert ends == [(str(last.pk), "failed")]


def test_a_reaper_and_a_report_that_meet_leave_one_end(ends: Ends) -> None:
    for _ in range(5):
        job, worker = make_job(max_attempts=1), make_worker()
        claim(job, worker)
        let_lease_expire(job)
        calls = iter(
            [services.reap, lambda: services.finish_job(worker=worker, job_id=str(job.pk), attempt=1, result=1)]  # noqa: B023
        )
        at_once(2, lambda: next(calls)())  # noqa: B023
        assert [end for end in ends if end[0] == str(job.pk)] == [(str(job.pk), again(job).state)]


def test_what_nobody_waits_for_any_more_ends(ends: Ends) -> None:
    past = timezone.now() - timedelta(seconds=1)
    waiting, claimed = (make_job(queue=WorkerKind.DEMO, deadline=past) for _ in range(2))
    with pytest.raises(JobGone):
        claim(claimed, make_worker(WorkerKind.DEMO))
    services.reap()
    for job in (waiting, claimed):
        assert again(job).failed_with == Failure(FailureCode.TIMED_OUT, {"seconds": 60})
    assert len(ends) == 2


def test_a_worker_that_ends_in_good_order_costs_no_attempt() -> None:
    job, worker = make_job(max_attempts=1), make_worker()
    claim(job, worker)
    services.release_job(worker=worker, job_id=str(job.pk), attempt=1)
    assert (again(job).state, len(messages())) == (State.QUEUED, 2)
    assert line_of(JobEvent.objects.get(job=job)) == "Queued again: the worker was stopped."
    # The number of an attempt is never used twice, so a message of the first speaks for nobody.
    assert claim(job, make_worker()).attempt == 2
    let_lease_expire(job)
    services.reap()
    assert again(job).state == State.FAILED


def test_a_worker_that_starts_again_holds_nothing() -> None:
    job, other, worker = make_job(), make_job(), make_worker()
    claim(job, worker)
    claim(other, make_worker())
    services.start_worker(worker=worker, about={"device": "cpu"})
    assert (again(job).state, again(other).state) == (State.QUEUED, State.RUNNING)
    assert Worker.objects.live().get() == worker


# --- the broker -----------------------------------------------------------------------------------------------------------


def test_a_wiped_broker_loses_no_job() -> None:
    queued = [make_job() for _ in range(3)]
    broker.connection().flushdb()
    services.reap()
    assert messages() == [str(job.pk) for job in queued]
    # Once is enough.
    services.reap()
    assert len(messages()) == 3


def test_a_broker_that_is_away_loses_no_job(settings: Any) -> None:
    there = settings.WORKER_BROKER_URL, settings.WORKER_REDIS_URL
    try:
        settings.WORKER_BROKER_URL, settings.WORKER_REDIS_URL = ["redis://127.0.0.1:9/0"] * 2
        broker._app.cache_clear()
        broker.connection.cache_clear()
        job, running = make_job(), make_job(queue=WorkerKind.DEMO)
        claim(running, make_worker(WorkerKind.DEMO))
        services.cancel_job(job=running)
        services.reap()
        assert (again(job).sent_at, again(running).state) == (None, State.CANCELLED)
    finally:
        settings.WORKER_BROKER_URL, settings.WORKER_REDIS_URL = there
        broker._app.cache_clear()
        broker.connection.cache_clear()
    services.reap()
    assert messages() == [str(job.pk)]


def test_a_message_that_nobody_answers_is_sent_again_ever_more_rarely() -> None:
    job = make_job()

    def sent_after(seconds: int) -> bool:
        Job.objects.filter(pk=job.pk).update(sent_at=timezone.now() - timedelta(seconds=seconds))
        before = len(messages())
        services.reap()
        return len(messages()) > before

    assert [sent_after(seconds) for seconds in (25, 35, 55, 65, 110, 130)] == [False, True] * 3
    Job.objects.filter(pk=job.pk).update(sends=30)
    assert [sent_after(seconds) for seconds in (590, 610)] == [False, True]


# --- stopping, forgetting, keys --------------------------------------------------------------------------------------------


def test_a_cancelled_job_ends_at_once_and_its_worker_is_told(ends: Ends) -> None:
    worker, waiting, running = make_worker(), make_job(), make_job()
    claim(running, worker)
    for job in (waiting, running):
        services.cancel_job(job=job)
        with pytest.raises(JobFinished):
            services.cancel_job(job=job)
    assert broker.connection().lrange(stops_key(worker.name), 0, -1) == [str(running.pk).encode()]
    assert services.note_heartbeat(worker=worker, running=[(str(running.pk), 1)], loaded=[], progress={}) == [
        str(running.pk)
    ]
    with pytest.raises(JobGone):
        services.finish_job(worker=worker, job_id=str(running.pk), attempt=1, result=1)
    with pytest.raises(JobGone):
        claim(waiting, worker)
    assert [state for _, state in ends] == ["cancelled"] * 2


def test_demos_are_forgotten_after_a_day_and_nothing_else_is() -> None:
    old, fresh, kept, open_ = (
        make_job(queue=queue) for queue in (WorkerKind.DEMO, WorkerKind.DEMO, WorkerKind.JOB, WorkerKind.DEMO)
    )
    for job in (old, fresh, kept):
        services.cancel_job(job=job)
    Job.objects.exclude(pk=fresh.pk).update(
        finished_at=timezone.now() - timedelta(hours=services.KEEP_DEMO_HOURS, seconds=1)
    )
    Job.objects.filter(pk=open_.pk).update(finished_at=None)
    assert services.prune() == 1
    assert set(Job.objects.all()) == {fresh, kept, open_}


def test_a_key_opens_until_it_is_renewed_or_revoked() -> None:
    worker, key = services.create_worker(name="gpu", kind=WorkerKind.JOB)
    assert services.worker_of_key(key) == worker
    assert key not in str(Worker.objects.values().get(pk=worker.pk))
    with pytest.raises(Conflict):
        services.create_worker(name="gpu", kind=WorkerKind.DEMO)
    renewed = services.renew_worker_key(worker=worker)
    job = make_job()
    claim(job, worker)
    services.revoke_worker(name="gpu")
    assert again(job).state == State.QUEUED
    for refused in (key, renewed, "", "worker_"):
        with pytest.raises(WorkerRefused):
            services.worker_of_key(refused)
    for name in ("gpu", "nobody"):
        with pytest.raises(NotFound):
            services.revoke_worker(name=name)
