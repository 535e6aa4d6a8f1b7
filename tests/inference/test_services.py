"""Who may ask, how much at once, and what is refused before anything is queued."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from hub.core.errors import HubError
from hub.inference.errors import BadInput, DemoNeedsSignIn, DemosOff, InputTooLarge, ModelBusy, TooManyDemos
from hub.inference.services import MAX_INPUT, start_demo, stop_demo, visitor_name
from hub.jobs import broker
from hub.jobs.errors import NoWorker
from hub.jobs.models import Job, State
from hub.jobs.services import Asker
from tests.factories import make_user
from tests.inference.conftest import ask, head, make_demo_worker, make_model
from workers.contracts import KEY_PREFIX, GenerationSpec, JobKind, Sampling, Task, WorkerKind, queue_of

pytestmark = pytest.mark.django_db(transaction=True)


def waiting(worker: str = "") -> int:
    return int(broker.connection().llen(f"{KEY_PREFIX}{queue_of(WorkerKind.DEMO, worker)}"))


def test_a_request_is_queued_with_all_that_a_worker_needs() -> None:
    make_demo_worker()
    user = make_user()
    repo = make_model()
    job = ask(repo, Asker(user), sampling=Sampling(seed=3))
    spec = GenerationSpec.from_json(job.spec)
    assert (job.kind, job.max_attempts, job.user) == (JobKind.INFERENCE, 1, user)
    assert (spec.model.name, spec.model.commit) == (repo.full_name, head(repo).oid)
    assert spec.sampling == Sampling(seed=3)
    assert job.deadline is not None
    assert spec.deadline == pytest.approx(job.deadline.timestamp())
    assert list(job.repositories.all()) == [repo]
    assert waiting() == 1


def test_it_goes_where_the_model_stands_ready() -> None:
    repo = make_model()
    make_demo_worker("ash")
    make_demo_worker("elm", loaded=[[repo.full_name, head(repo).oid]])
    ask(repo, Asker(make_user()))
    assert (waiting(), waiting("elm")) == (0, 1)


def test_without_a_worker_nothing_is_queued() -> None:
    with pytest.raises(NoWorker) as refused:
        ask(make_model(), Asker(make_user()))
    assert refused.value.status == 503
    assert refused.value.retry_after > 0
    assert not Job.objects.exists()


@pytest.mark.parametrize("memory", [399, 400])
def test_weights_above_every_workers_memory_are_refused(memory: int) -> None:
    make_demo_worker("small", memory=10)
    make_demo_worker("large", memory=memory)
    repo = make_model()
    if memory >= 400:
        assert ask(repo, Asker(make_user())).state == State.QUEUED
        return
    with pytest.raises(HubError) as refused:
        ask(repo, Asker(make_user()))
    assert refused.value.code == "too-large"
    assert "400 B" in refused.value.message and "399 B" in refused.value.message


@pytest.mark.parametrize(
    ("task", "inputs", "error"),
    [
        (Task.TEXT_GENERATION, "", BadInput),
        (Task.TEXT_GENERATION, " \n", BadInput),
        (Task.TEXT_GENERATION, 7, BadInput),
        (Task.TEXT_GENERATION, ["a"], BadInput),
        (Task.TEXT_GENERATION, "x" * (MAX_INPUT + 1), InputTooLarge),
        (Task.CHAT, "hello", BadInput),
        (Task.CHAT, [], BadInput),
        (Task.CHAT, [{"role": "user"}], BadInput),
        (Task.CHAT, [{"role": "robot", "content": "x"}], BadInput),
        (Task.CHAT, [{"role": "user", "content": 3}], BadInput),
        (Task.CHAT, [{"role": "user", "content": " "}], BadInput),
        (Task.CHAT, [{"role": "user", "content": "x" * MAX_INPUT}, {"role": "user", "content": "y"}], InputTooLarge),
        (Task.CHAT, [{"role": "user", "content": "x"}] * 501, InputTooLarge),
    ],
)
def test_inputs_that_are_refused(task: Task, inputs: Any, error: type[HubError]) -> None:
    make_demo_worker()
    with pytest.raises(error) as refused:
        ask(make_model(), Asker(make_user()), task=task, inputs=inputs)
    assert refused.value.field in ("inputs", "messages")


def test_one_account_has_so_many_at_once(settings: Settings) -> None:
    settings.DEMO_CONCURRENCY = 2
    make_demo_worker()
    repo, user = make_model(), make_user()
    first = ask(repo, Asker(user))
    ask(repo, Asker(user))
    with pytest.raises(TooManyDemos, match="2 demos") as refused:
        ask(repo, Asker(user))
    assert (refused.value.status, refused.value.retry_after > 0) == (429, True)
    ask(repo, Asker(make_user()))
    stop_demo(job=first)
    ask(repo, Asker(user))


def test_visitors_of_one_address_are_counted_together(settings: Settings) -> None:
    settings.DEMO_VISITOR_CONCURRENCY = 1
    make_demo_worker()
    repo = make_model()
    ask(repo, Asker(None, visitor_name("192.0.2.7")))
    ask(repo, Asker(None, visitor_name("192.0.2.8")))
    with pytest.raises(TooManyDemos):
        ask(repo, Asker(None, visitor_name("192.0.2.7")))
    ask(repo, Asker(None, visitor_name("2001:db8::1")))
    with pytest.raises(TooManyDemos):
        ask(repo, Asker(None, visitor_name("2001:db8::ffff")))
    assert visitor_name("192.0.2.7") != visitor_name("192.0.2.7")


def test_one_model_has_so_many_waiting(settings: Settings) -> None:
    settings.DEMO_QUEUE = 2
    make_demo_worker()
    repo = make_model()
    ask(repo, Asker(make_user()))
    ask(repo, Asker(make_user()))
    with pytest.raises(ModelBusy) as refused:
        ask(repo, Asker(make_user()))
    assert refused.value.status == 429
    ask(make_model(), Asker(make_user()))


def test_who_may_ask_is_the_operators_choice(settings: Settings) -> None:
    make_demo_worker()
    repo = make_model()
    visitor = Asker(None, visitor_name("192.0.2.7"))
    ask(repo, visitor)
    settings.DEMOS = "users"
    with pytest.raises(DemoNeedsSignIn):
        ask(repo, visitor)
    ask(repo, Asker(make_user()))
    settings.DEMOS = "off"
    with pytest.raises(DemosOff):
        ask(repo, Asker(make_user()))


def test_stopping_twice_is_stopping_once() -> None:
    make_demo_worker()
    job = ask(make_model(), Asker(make_user()))
    stop_demo(job=job)
    stop_demo(job=job)
    job.refresh_from_db()
    assert job.state == State.CANCELLED


def test_other_tasks_carry_how_many_are_wanted() -> None:
    make_demo_worker()
    repo = make_model({"config.json": '{"architectures": ["BertForMaskedLM"]}', "model.safetensors": b"\0"})
    job = start_demo(
        asker=Asker(make_user()), repo=repo, commit=head(repo), task=Task.FILL_MASK, inputs="a [MASK]", top_k=3
    )
    assert GenerationSpec.from_json(job.spec).top_k == 3
