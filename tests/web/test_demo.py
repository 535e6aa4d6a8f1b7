"""The demo's page, asking, and who may read or stop an answer."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from hub.catalog.indexing import index_repository
from hub.inference.readers import MAX_READERS
from hub.jobs import broker
from hub.jobs.models import Job, State
from hub.repos.models import Repository, Visibility
from tests.factories import make_user
from tests.inference.conftest import FILES, TEMPLATE, _empty_broker, make_demo_worker, make_model  # noqa: F401
from tests.web.repos import commit_files, get, owner, text_of
from workers.contracts import GenerationSpec, Task
from workers.stream import Stream

pytestmark = pytest.mark.django_db(transaction=True)
ASKED = {"task": "text-generation", "inputs": "Grove is", "sampling": {"strategy": "greedy", "max_new_tokens": 4}}


@pytest.fixture
def model() -> Repository:
    repo = make_model()
    index_repository(repo.pk)
    return repo


def ask(client: Client, repo: Repository, **more: Any) -> HttpResponse:
    return client.post(f"/{repo.full_name}/demo/ask", json.dumps({**ASKED, **more}), content_type="application/json")  # type: ignore[return-value]


def asked(client: Client, repo: Repository) -> dict[str, str]:
    response = ask(client, repo)
    assert response.status_code == 200, response.content
    found: dict[str, str] = json.loads(response.content)
    return found


def test_the_page_and_the_tab(client: Client, model: Repository) -> None:
    make_demo_worker()
    page = text_of(client, f"/{model.full_name}/demo")
    assert "data-composer" in page
    assert f"/v1/models/{model.full_name}" not in page
    assert f"/models/{model.full_name}" in page  # the call for a shell
    assert "a small machine" in page
    card = text_of(client, f"/{model.full_name}")
    assert f'href="/{model.full_name}/demo"' in card
    assert "data-composer" in card


def test_models_that_do_something_else_have_no_tab(client: Client) -> None:
    repo = make_model({"config.json": '{"architectures": ["ViTForImageClassification"]}', "model.safetensors": b"x"})
    index_repository(repo.pk)
    assert f'href="/{repo.full_name}/demo"' not in text_of(client, f"/{repo.full_name}")
    assert "ViTForImageClassification" in text_of(client, f"/{repo.full_name}/demo")


def test_a_model_that_cannot_run_says_why(client: Client) -> None:
    make_demo_worker()
    repo = make_model({"config.json": FILES["config.json"], "pytorch_model.bin": b"x"})
    page = text_of(client, f"/{repo.full_name}/demo")
    assert "safetensors" in page
    assert "data-composer" not in page


def test_without_a_worker_the_page_says_so(client: Client, model: Repository) -> None:
    assert "No worker that runs models is here" in text_of(client, f"/{model.full_name}/demo")
    response = ask(client, model)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0


def test_where_demos_are_for_members_the_page_says_so(client: Client, model: Repository, settings: Settings) -> None:
    make_demo_worker()
    settings.DEMOS = "users"
    assert "people with an account" in text_of(client, f"/{model.full_name}/demo")
    assert ask(client, model).status_code == 401
    client.force_login(make_user())
    assert "people with an account" not in text_of(client, f"/{model.full_name}/demo")
    assert ask(client, model).status_code == 200
    settings.DEMOS = "off"
    assert ask(client, model).status_code == 403


def test_asking_makes_a_request_at_the_revision(client: Client, model: Repository) -> None:
    make_demo_worker()
    first = text_of(client, f"/{model.full_name}/demo").partition('data-commit="')[2][:40]
    commit_files(model, {"notes.txt": "later"})
    response = ask(client, model, revision=first)
    spec = GenerationSpec.from_json(Job.objects.get().spec)
    assert response.status_code == 200
    assert (spec.model.commit, spec.inputs, spec.task) == (first, "Grove is", Task.TEXT_GENERATION)
    assert get(client, f"/{model.full_name}/demo?revision=nothing").status_code == 404


@pytest.mark.parametrize(
    ("more", "status", "field"),
    [
        ({"inputs": " "}, 400, "inputs"),
        ({"inputs": "a\x00b"}, 400, "inputs"),
        ({"task": "painting"}, 400, "task"),
        ({"task": "fill-mask"}, 422, ""),
        ({"task": "chat", "inputs": [{"role": "user", "content": "x"}]}, 422, ""),
        ({"sampling": {"strategy": "greedy", "sequences": 3}}, 400, "sequences"),
        ({"sampling": {"temperature": "warm"}}, 400, "temperature"),
        ({"inputs": "x" * 900_000}, 413, "inputs"),
        ({"revision": "nothing"}, 404, ""),
    ],
)
def test_refusals_name_the_field(client: Client, model: Repository, more: Any, status: int, field: str) -> None:
    make_demo_worker()
    response = ask(client, model, **more)
    said = json.loads(response.content)
    assert (response.status_code, said["field"]) == (status, field), said
    assert said["error"]
    assert not Job.objects.exists()


def test_nonsense_is_refused(client: Client, model: Repository) -> None:
    address = f"/{model.full_name}/demo/ask"
    for body in ("", "[]", "{", "7", "[" * 100_000):
        assert client.post(address, body, content_type="application/json").status_code == 400
    assert client.get(address).status_code == 405


def test_refusals_speak_the_visitors_language(client: Client, model: Repository) -> None:
    make_demo_worker()
    response = client.post(
        f"/{model.full_name}/demo/ask",
        json.dumps({**ASKED, "inputs": ""}),
        content_type="application/json",
        headers={"Accept-Language": "zh-CN"},
    )
    assert any("\u4e00" <= c <= "\u9fff" for c in json.loads(response.content)["error"])


def test_a_write_needs_the_forms_token(model: Repository) -> None:
    make_demo_worker()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user())
    assert ask(strict, model).status_code == 403
    assert strict.post(f"/stream/{uuid4()}/stop").status_code == 403
    assert not Job.objects.exists()


def test_a_private_model_is_for_those_who_may_read_it(client: Client) -> None:
    make_demo_worker()
    repo = make_model(visibility=Visibility.PRIVATE)
    assert get(client, f"/{repo.full_name}/demo").status_code == 404
    assert ask(client, repo).status_code == 404
    client.force_login(make_user())
    assert get(client, f"/{repo.full_name}/demo").status_code == 404
    assert ask(client, repo).status_code == 404
    client.force_login(owner(repo))
    assert get(client, f"/{repo.full_name}/demo").status_code == 200
    assert ask(client, repo).status_code == 200


def test_where_reading_needs_an_account_so_do_demos(client: Client, model: Repository, settings: Settings) -> None:
    make_demo_worker()
    settings.ANONYMOUS_READ = False
    for address in (f"/{model.full_name}/demo", f"/stream/{uuid4()}"):
        assert get(client, address)["Location"].startswith("/login")
    assert ask(client, model).status_code == 302
    assert not Job.objects.exists()


def test_only_who_asked_reads_and_stops(client: Client, model: Repository) -> None:
    make_demo_worker()
    addresses = asked(client, model)
    job = Job.objects.get()
    assert job.user is None and job.visitor
    other = Client()
    asked(other, model)  # a visitor with a name of their own
    stranger, member = Client(), Client()
    member.force_login(owner(model))
    for somebody in (stranger, member, other):
        assert somebody.get(addresses["stream"]).status_code == 404
        assert somebody.post(addresses["stop"]).status_code == 404
    assert client.get(f"/stream/{uuid4()}").status_code == 404
    job.refresh_from_db()
    assert job.state == State.QUEUED
    assert client.post(addresses["stop"]).status_code == 200
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    # Once more changes nothing.
    assert client.post(addresses["stop"]).status_code == 200


def test_a_members_request_is_theirs_in_every_browser(model: Repository) -> None:
    make_demo_worker()
    user = make_user()
    first, second = Client(), Client()
    first.force_login(user)
    second.force_login(user)
    addresses = asked(first, model)
    assert second.post(addresses["stop"]).status_code == 200
    assert Job.objects.get().state == State.CANCELLED


def test_the_stream_is_events_that_a_browser_can_resume(client: Client, model: Repository) -> None:
    make_demo_worker()
    addresses = asked(client, model)
    stream = Stream(broker.connection(), str(Job.objects.get().pk))
    stream.write({"type": "token", "sequence": 0, "text": "a\nb"}, {"type": "token", "sequence": 0, "text": "终"})
    stream.write({"type": "done", "finish": ["stop"]})
    whole = read(client.get(addresses["stream"]))
    assert [data["type"] for _id, data in whole] == ["token", "token", "done"]
    assert whole[0][1]["text"] == "a\nb"
    again = read(client.get(addresses["stream"], headers={"Last-Event-ID": whole[0][0]}))
    assert again == whole[1:]


def test_one_request_takes_few_of_the_places_for_streams(client: Client, model: Repository) -> None:
    make_demo_worker()
    address = asked(client, model)["stream"]
    opened = [client.get(address) for _ in range(MAX_READERS)]
    assert [response.status_code for response in opened] == [200] * MAX_READERS
    refused = client.get(address)
    assert refused.status_code == 503 and refused["Retry-After"]
    opened.pop().close()
    opened.append(client.get(address))
    assert opened[-1].status_code == 200
    for response in opened:
        response.close()


def test_a_failure_comes_with_its_sentence(client: Client, model: Repository) -> None:
    make_demo_worker()
    addresses = asked(client, model)
    stream = Stream(broker.connection(), str(Job.objects.get().pk))
    stream.write({"type": "failed", "code": "prompt-too-long", "params": {"tokens": 300, "wanted": 9, "context": 256}})
    [(_id, failed)] = read(client.get(addresses["stream"]))
    assert "300 tokens" in failed["message"]


def read(response: Any) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream, as (id, data)."""
    assert isinstance(response, StreamingHttpResponse), response.content
    assert response["Content-Type"].startswith("text/event-stream")
    events = []
    for event in response.getvalue().decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.splitlines() if line and not line.startswith(":"))
        if "data" in lines:
            events.append((lines.get("id", ""), json.loads(lines["data"])))
    response.close()
    return events


def test_a_chat_model_is_talked_to(client: Client) -> None:
    make_demo_worker()
    repo = make_model({**FILES, "tokenizer_config.json": json.dumps(TEMPLATE)})
    page = text_of(client, f"/{repo.full_name}/demo")
    assert 'data-task="chat"' in page
    response = ask(client, repo, task="chat", inputs=[{"role": "user", "content": "hello"}])
    assert response.status_code == 200
    assert GenerationSpec.from_json(Job.objects.get().spec).task == Task.CHAT


def test_examples_of_the_card_are_offered(client: Client) -> None:
    card = '---\nwidget:\n- text: "<script>alert(1)</script> once"\n---\n'
    repo = make_model({**FILES, "README.md": card})
    page = text_of(client, f"/{repo.full_name}/demo")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
