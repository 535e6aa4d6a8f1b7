"""The inference calls without an engine: who may make them, what is refused and in which shape."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from hub.accounts.models import User
from hub.jobs.models import Job
from hub.repos.models import Repository, Visibility
from tests.factories import make_token, make_user
from tests.inference.conftest import FILES, TEMPLATE, _empty_broker, make_demo_worker, make_model  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture
def ada() -> User:
    return make_user()


@pytest.fixture
def model(ada: User) -> Repository:
    return make_model({**FILES, "tokenizer_config.json": json.dumps(TEMPLATE)}, owner=ada)


def post(client: Client, address: str, body: Any, token: str = "") -> HttpResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.post(address, json.dumps(body), content_type="application/json", headers=headers)  # type: ignore[return-value]


def get(client: Client, address: str, token: str = "") -> HttpResponse:
    return client.get(address, headers={"Authorization": f"Bearer {token}"} if token else {})  # type: ignore[return-value]


def calls(repo: Repository) -> list[tuple[str, Any]]:
    """Every call that asks the model."""
    name = repo.full_name
    return [
        (CHAT, {"model": name, "messages": MESSAGES}),
        (TEXT, {"model": name, "prompt": "hello"}),
        (f"/models/{name}", {"inputs": "hello"}),
        (f"/models/{name}/v1/chat/completions", {"model": "dummy", "messages": MESSAGES}),
        (f"/models/{name}/v1/completions", {"prompt": "hello"}),
    ]


def looks(repo: Repository) -> list[str]:
    return [f"/v1/models/{repo.full_name}", f"/models/{repo.full_name}/info", f"/models/{repo.full_name}/health"]


def error_of(response: HttpResponse) -> dict[str, Any]:
    body = json.loads(response.content)
    found: dict[str, Any] = body["error"] if isinstance(body["error"], dict) else {"message": body["error"]}
    return found


def test_no_call_without_a_token(client: Client, model: Repository) -> None:
    make_demo_worker()
    for address, body in calls(model):
        for token in ("", "grove_wrong", "job_wrong"):
            response = post(client, address, body, token)
            assert response.status_code == 401, (address, token)
            assert response["WWW-Authenticate"] == "Bearer"
            assert error_of(response)["message"]
    assert get(client, "/v1/models").status_code == 401
    assert not Job.objects.exists()


def test_a_browsers_log_in_does_not_speak_here(client: Client, ada: User, model: Repository) -> None:
    make_demo_worker()
    client.force_login(ada)
    assert {post(client, address, body).status_code for address, body in calls(model)} == {401}


def test_a_private_model_looks_like_an_absent_one(client: Client, ada: User) -> None:
    make_demo_worker()
    hidden = make_model(owner=ada, visibility=Visibility.PRIVATE)
    stranger = make_token(make_user())
    for address, body in calls(hidden):
        response = post(client, address, body, stranger)
        there = error_of(response)["message"]
        absent = post(
            client,
            address.replace(hidden.name, "nothing"),
            json.loads(json.dumps(body).replace(hidden.name, "nothing")),
            stranger,
        )
        assert (response.status_code, absent.status_code) == (404, 404), address
        assert there.replace(hidden.name, "nothing") == error_of(absent)["message"]
    assert {get(client, address, stranger).status_code for address in looks(hidden)} == {404}
    own = make_token(ada, "read")
    assert hidden.full_name not in get(client, "/v1/models", stranger).content.decode()
    assert get(client, f"/v1/models/{hidden.full_name}", own).status_code == 200
    assert get(client, f"/models/{hidden.full_name}/info", own).status_code == 200


def test_a_token_that_only_reads_may_ask(client: Client, model: Repository) -> None:
    token = make_token(make_user(), "read")
    # No worker is here: that is what stands in the way, not the token.
    for address, body in calls(model):
        response = post(client, address, body, token)
        assert response.status_code == 503, (address, response.content)
        assert int(response["Retry-After"]) > 0


def test_strangers_may_not_look_where_reading_needs_an_account(
    client: Client, model: Repository, settings: Settings
) -> None:
    assert get(client, f"/models/{model.full_name}/info").status_code == 200
    settings.ANONYMOUS_READ = False
    for address in looks(model):
        assert get(client, address).status_code == 401, address
    assert {post(client, address, body).status_code for address, body in calls(model)} == {401}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"temperature": 0, "n": 2}, "n"),
        ({"temperature": 9}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"n": 0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 10**6}, "max_completion_tokens"),
        ({"stop": ["x"] * 20}, "stop"),
        ({"seed": "x"}, "seed"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"logit_bias": {"1": 3}}, "logit_bias"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"no_such_thing": 1}, "no_such_thing"),
        ({"model": "gpt2"}, "model"),
        ({"model": 7}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content"),
        ({"messages": [{"role": "assistant", "content": "x", "tool_calls": [1]}]}, "messages[0].tool_calls"),
    ],
)
def test_what_is_refused_names_the_parameter(
    client: Client, model: Repository, body: dict[str, Any], param: str
) -> None:
    make_demo_worker()
    token = make_token(make_user())
    response = post(client, CHAT, {"model": model.full_name, "messages": MESSAGES, **body}, token)
    error = error_of(response)
    assert (response.status_code, error["param"]) == (400, param), response.content
    assert error["type"] == "invalid_request_error"
    assert error["message"] and error["code"]
    assert not Job.objects.exists()


def test_a_wrong_model_or_revision_is_not_found(client: Client, model: Repository) -> None:
    make_demo_worker()
    token = make_token(make_user())
    for name in ("nobody/nothing", f"{model.full_name}@no-such-branch"):
        response = post(client, CHAT, {"model": name, "messages": MESSAGES}, token)
        assert (response.status_code, error_of(response)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"inputs": ["a", "b"]}, "inputs"),
        ({"inputs": "a", "parameters": []}, "parameters"),
        ({"inputs": "a", "prompt": "b"}, "prompt"),
        ({"inputs": "a", "parameters": {"repetition_penalty": 1.3}}, "repetition_penalty"),
        ({"inputs": "a", "parameters": {"do_sample": False, "temperature": 0.5}}, "temperature"),
        ({"inputs": "a", "parameters": {"do_sample": True, "num_beams": 4}}, "num_beams"),
        ({"inputs": "a", "parameters": {"num_beams": 2, "num_return_sequences": 3}}, "num_return_sequences"),
        ({"inputs": "a", "parameters": {"do_sample": True, "temperature": 0}}, "temperature"),
        (
            {"inputs": "a", "parameters": {"num_beams": 2, "num_return_sequences": 2}, "stream": True},
            "num_return_sequences",
        ),
        ({"inputs": "a", "parameters": {"grammar": {"type": "json"}}}, "grammar"),
        ({"inputs": "a", "parameters": {"whatever": 1}}, "whatever"),
    ],
)
def test_the_task_call_names_the_field(client: Client, model: Repository, body: dict[str, Any], field: str) -> None:
    make_demo_worker()
    response = post(client, f"/models/{model.full_name}", body, make_token(make_user()))
    assert (response.status_code, json.loads(response.content)["field"]) == (400, field), response.content


def test_limits_answer_429_and_say_when(client: Client, model: Repository, settings: Settings) -> None:
    make_demo_worker()
    settings.DEMO_CONCURRENCY = 0
    for address, body in calls(model):
        response = post(client, address, body, make_token(make_user()))
        assert response.status_code == 429, address
        assert int(response["Retry-After"]) > 0


def test_demos_can_be_off(client: Client, model: Repository, settings: Settings) -> None:
    make_demo_worker()
    settings.DEMOS = "off"
    response = post(client, CHAT, {"model": model.full_name, "messages": MESSAGES}, make_token(make_user()))
    assert (response.status_code, error_of(response)["type"]) == (403, "permission_error")


def test_a_model_that_cannot_run_says_why(client: Client, ada: User) -> None:
    make_demo_worker()
    repo = make_model(
        {"config.json": FILES["config.json"], "pytorch_model.bin": b"x", "chat_template.jinja": "x"}, owner=ada
    )
    token = make_token(ada)
    for address, body in calls(repo):
        response = post(client, address, body, token)
        assert response.status_code == 422, address
        assert "safetensors" in error_of(response)["message"]
    assert get(client, f"/v1/models/{repo.full_name}", token).status_code == 422


def test_addresses_that_openai_has_and_this_hub_has_not(client: Client) -> None:
    response = post(client, "/v1/images/generations", {}, make_token(make_user()))
    assert response.status_code == 404
    assert error_of(response)["type"] == "invalid_request_error"
    response = get(client, CHAT, make_token(make_user()))
    assert (response.status_code, response["Allow"]) == (405, "POST")


def test_a_renamed_model_answers_to_its_old_name(client: Client, ada: User, model: Repository) -> None:
    from hub.repos.services import move_repo

    old = model.full_name
    move_repo(actor=ada, repo=model, namespace=ada.namespace, name="another")
    token = make_token(make_user())
    assert json.loads(get(client, f"/v1/models/{old}", token).content)["id"] == f"{ada.username}/another"
    assert json.loads(get(client, f"/models/{old}/info", token).content)["model_id"] == f"{ada.username}/another"
