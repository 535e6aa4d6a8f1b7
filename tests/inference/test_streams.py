"""Reading an answer while it is written: by the real Valkey and the real rows."""

import asyncio
import threading
from typing import Any

import pytest

from hub.inference.services import stop_demo
from hub.inference.streams import Event, events_of, resume_after
from hub.jobs import broker, services
from hub.jobs.models import Job
from hub.jobs.services import Asker
from tests.factories import make_user
from tests.inference.conftest import ask, make_demo_worker, make_model
from tests.waiting import wait_until
from workers.contracts import Failure, FailureCode, StreamEvent
from workers.stream import Stream

pytestmark = pytest.mark.django_db(transaction=True)
TOKENS = [{"type": "token", "sequence": 0, "text": text} for text in ("Grove", " is", " a", " hub")]
DONE = {"type": "done", "finish": ["stop"], "prompt_tokens": 2, "completion_tokens": 4, "seconds": 0.1}


@pytest.fixture
def job() -> Job:
    make_demo_worker()
    return ask(make_model(), Asker(make_user()))


def write(job: Job, *events: dict[str, Any]) -> None:
    Stream(broker.connection(), str(job.pk)).write(*events)


def read(job: Job, *, after: str = "0", limit: int = 100) -> list[Event]:
    """All events, or the first so many."""

    async def collect() -> list[Event]:
        found: list[Event] = []
        events = events_of(str(job.pk), after=after)
        async for event in events:
            found.append(event)
            if len(found) == limit:
                break
        await events.aclose()  # type: ignore[attr-defined]
        return found

    return asyncio.run(asyncio.wait_for(collect(), 20))


def test_events_come_in_their_order_to_the_last(job: Job) -> None:
    write(job, *TOKENS, DONE, {"type": "token", "sequence": 0, "text": "too late"})
    assert [event.data for event in read(job)] == [*TOKENS, DONE]


def test_a_reader_that_comes_back_gets_what_it_has_not_seen(job: Job) -> None:
    write(job, *TOKENS, DONE)
    seen = read(job, limit=2)
    assert [event.data for event in read(job, after=seen[-1].id)] == [*TOKENS[2:], DONE]


def test_a_token_is_read_as_soon_as_it_is_written(job: Job) -> None:
    read_so_far: list[dict[str, object]] = []

    def answer() -> None:
        for number, token in enumerate(TOKENS, start=1):
            write(job, token)
            # The next is written only once this one was read.
            wait_until(lambda number=number: len(read_so_far) == number)
        write(job, DONE)

    async def follow() -> None:
        async for event in events_of(str(job.pk)):
            if event.type == StreamEvent.TOKEN:
                read_so_far.append(event.data)

    writer = threading.Thread(target=answer)
    writer.start()
    asyncio.run(asyncio.wait_for(follow(), 120))
    writer.join()
    assert read_so_far == TOKENS


def test_the_place_in_the_queue_is_told_before(job: Job) -> None:
    behind = ask(job.repositories.get(), Asker(make_user()))
    assert read(behind, limit=1)[0].data == {"type": "queued", "place": 2}
    assert read(job, limit=1)[0].data == {"type": "queued", "place": 1}


def test_a_request_that_is_stopped_ends(job: Job) -> None:
    stop_demo(job=job)
    assert [event.data for event in read(job)] == [{"type": "done", "finish": ["cancelled"]}]


@pytest.mark.parametrize("written", [True, False])
def test_the_row_knows_the_end_where_the_stream_does_not(job: Job, written: bool) -> None:
    worker = make_demo_worker("elm")
    services.claim_job(worker=worker, job_id=str(job.pk))
    failure = Failure(FailureCode.WORKER_LOST)
    services.finish_job(worker=worker, job_id=str(job.pk), attempt=1, failure=failure)
    if not written:
        broker.connection().flushdb()
    [last] = read(job)
    assert last.data == {"type": "failed", **failure.to_json()}


def test_an_answer_that_is_not_kept_any_more_says_so(job: Job) -> None:
    worker = make_demo_worker("elm")
    services.claim_job(worker=worker, job_id=str(job.pk))
    services.finish_job(worker=worker, job_id=str(job.pk), attempt=1, result={})
    [last] = read(job)
    assert last.type == StreamEvent.FAILED
    assert "not kept" in last.data["params"]["detail"]


def test_what_a_reader_names_is_checked() -> None:
    assert resume_after("1795336521000-12") == "1795336521000-12"
    for wrong in ("", "$", "+", "-", "x", "1-2-3", "9" * 20, f"1-{2**64}", "9" * 30):
        assert resume_after(wrong) == "0"
