"""Asking models with the tools that people use, OpenAI's library and the client family's own, and what can go wrong."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests import live
from tests.clients.conftest import TOOLS, Client, make_client
from tests.waiting import wait_until
from tests.workers.conftest import models  # noqa: F401 (a fixture)

# Made by the tests, each with a reason to be here.
UPLOADED = """
    gpt2 llama-chat slow classifier mask broken-tokenizer broken-weights broken-template remote-code unsupported
""".split()
TAGGED = (
    "remote-code",
    "unsupported",
)  # their cards say that they write text, so that a worker finds out what they are


@pytest.fixture(scope="module")
def eve(working_hub: live.Instance, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Client:  # noqa: F811
    """Somebody with a token and a model of each kind."""
    client = make_client(working_hub, tmp_path_factory.mktemp("eve"))
    for kind in TAGGED:
        (models / kind / "README.md").write_text("---\npipeline_tag: text-generation\n---\n")
    client.run(
        str(TOOLS / "python"), "-c",
        "import sys\nfrom huggingface_hub import HfApi\napi = HfApi()\n"
        "for name in sys.argv[3:]:\n"
        "    api.create_repo(f'{sys.argv[1]}/{name}')\n"
        "    api.upload_folder(repo_id=f'{sys.argv[1]}/{name}', folder_path=f'{sys.argv[2]}/{name}')\n",
        client.name, str(models), *UPLOADED,
    )  # fmt: skip
    return client


@pytest.fixture(scope="module")
def http(eve: Client) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {eve.token}"}
    with httpx.Client(base_url=eve.hub.url, headers=headers, timeout=120, trust_env=False) as client:
        yield client


def test_openai_library(eve: Client) -> None:
    said = eve.python(
        f"""
        import json
        from openai import OpenAI
        client = OpenAI(base_url="{eve.hub.url}/v1", api_key="{eve.token}")
        model = "{eve.name}/llama-chat"
        asked = dict(model=model, messages=[dict(role="user", content="hello")], max_tokens=6, temperature=0)
        whole = client.chat.completions.create(**asked)
        chunks = list(client.chat.completions.create(**asked, stream=True, stream_options=dict(include_usage=True)))
        two = client.chat.completions.create(**{{**asked, "temperature": 1, "n": 2, "seed": 5, "user": "eve"}})
        same = client.chat.completions.create(**{{**asked, "temperature": 1, "n": 2, "seed": 5}})
        text = client.completions.create(model="{eve.name}/gpt2@main", prompt="Grove", max_tokens=5, temperature=0)
        pieces = client.completions.create(model="{eve.name}/gpt2", prompt="Grove", max_tokens=5, temperature=0, stream=True)
        print(json.dumps(dict(
            whole=whole.choices[0].message.content, finish=whole.choices[0].finish_reason,
            usage=whole.usage.model_dump(include={{"prompt_tokens", "completion_tokens", "total_tokens"}}),
            streamed="".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
            stream_usage=chunks[-1].usage.model_dump(include={{"prompt_tokens", "completion_tokens", "total_tokens"}}),
            two=[c.message.content for c in two.choices], same=[c.message.content for c in same.choices],
            text=text.choices[0].text, pieces="".join(c.choices[0].text for c in pieces),
            models=[m.id for m in client.models.list()], one=client.models.retrieve(model).id,
        )))
        """
    )
    assert said["whole"] == said["streamed"]
    assert said["finish"] in ("stop", "length")
    assert said["usage"] == said["stream_usage"]
    assert said["usage"]["total_tokens"] == said["usage"]["prompt_tokens"] + said["usage"]["completion_tokens"] > 6
    assert len(said["two"]) == 2 and said["two"] == said["same"]
    assert said["text"] == said["pieces"] != ""
    assert said["one"] == f"{eve.name}/llama-chat"


def test_openai_library_reads_our_refusals(eve: Client) -> None:
    said = eve.python(
        f"""
        import json
        import openai
        client = openai.OpenAI(base_url="{eve.hub.url}/v1", api_key="{eve.token}", max_retries=0)
        def refused(**asked):
            try:
                client.chat.completions.create(**{{"messages": [dict(role="user", content="x")], **asked}})
            except openai.APIStatusError as error:
                return [type(error).__name__, error.status_code, error.param, error.code, error.message]
        found = [
            refused(model="{eve.name}/gpt2"),
            refused(model="{eve.name}/nothing"),
            refused(model="{eve.name}/llama-chat", temperature=0, n=2),
            refused(model="{eve.name}/llama-chat", messages=[dict(role="user", content="long " * 400)], stream=True),
            refused(model="{eve.name}/broken-template", stream=True),
        ]
        client.api_key = "grove_wrong"
        found.append(refused(model="{eve.name}/gpt2"))
        print(json.dumps(found))
        """
    )
    kinds = [(kind, status, code) for kind, status, _param, code, _message in said]
    assert kinds == [
        ("UnprocessableEntityError", 422, "no-chat-template"),
        ("NotFoundError", 404, "model_not_found"),
        ("BadRequestError", 400, "invalid_value"),
        ("UnprocessableEntityError", 422, "context_length_exceeded"),
        ("UnprocessableEntityError", 422, "bad-chat-template"),
        ("AuthenticationError", 401, "invalid_api_key"),
    ]
    assert "256" in said[3][4]


def test_inference_client(eve: Client) -> None:
    said = eve.python(
        f"""
        import json
        from huggingface_hub import InferenceClient
        def client(name):
            return InferenceClient(base_url="{eve.hub.url}/models/{eve.name}/" + name)
        gpt2, chat = client("gpt2"), client("llama-chat")
        asked = dict(max_new_tokens=5, do_sample=False)
        details = gpt2.text_generation("Grove", **asked, details=True)
        message = dict(messages=[dict(role="user", content="hello")], max_tokens=5, temperature=0)
        by_v1 = InferenceClient(base_url="{eve.hub.url}/v1").chat_completion(model="{eve.name}/llama-chat", **message)
        chunks = list(chat.chat_completion(**message, stream=True))
        filled = client("mask").fill_mask("a <mask> hub", top_k=3)
        print(json.dumps(dict(
            text=gpt2.text_generation("Grove", **asked),
            full=gpt2.text_generation("Grove", **asked, return_full_text=True),
            pieces="".join(gpt2.text_generation("Grove", **asked, stream=True)),
            last=[p.generated_text for p in gpt2.text_generation("Grove", **asked, stream=True, details=True)][-1],
            tokens=details.details.generated_tokens, detailed=details.generated_text,
            chat=chat.chat_completion(**message).choices[0].message.content,
            v1=by_v1.choices[0].message.content,
            streamed="".join(c.choices[0].delta.content or "" for c in chunks),
            labels=[[l.label, l.score] for l in client("classifier").text_classification("good")],
            best=[[l.label, l.score] for l in client("classifier").text_classification("good", top_k=1)],
            filled=[[f.token_str, f.sequence, f.score] for f in filled],
        )))
        """
    )
    assert said["text"] == said["pieces"] == said["last"] == said["detailed"] != ""
    assert said["full"] == "Grove" + said["text"]
    assert said["tokens"] == 5
    assert said["chat"] == said["v1"] == said["streamed"] != ""
    assert sum(score for _label, score in said["labels"]) == pytest.approx(1, abs=1e-3)
    assert said["best"] == said["labels"][:1]
    assert len(said["filled"]) == 3


@pytest.mark.parametrize(
    ("model", "body", "status", "code"),
    [
        ("broken-tokenizer", {"inputs": "x"}, 422, "broken-tokenizer"),
        ("broken-weights", {"inputs": "x"}, 422, "broken-model"),
        ("remote-code", {"inputs": "x"}, 422, "remote-code"),
        ("unsupported", {"inputs": "x"}, 422, "unsupported-architecture"),
        ("mask", {"inputs": "no gap"}, 422, "no-mask"),
        ("gpt2", {"inputs": "word " * 600}, 422, "prompt-too-long"),
        ("gpt2", {"inputs": "word " * 600, "stream": True}, 422, "prompt-too-long"),
    ],
)
def test_what_only_an_engine_knows_has_its_status(
    eve: Client, http: httpx.Client, model: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = http.post(f"/models/{eve.name}/{model}", json=body)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (status, code), answer.text
    # The worker lives.
    assert http.post(f"/models/{eve.name}/gpt2", json={"inputs": "x", "parameters": {"max_new_tokens": 1}}).is_success


def test_what_there_is_to_run(eve: Client, http: httpx.Client) -> None:
    info = http.get(f"/models/{eve.name}/gpt2/info").json()
    assert (info["model_id"], info["model_pipeline_tag"]) == (f"{eve.name}/gpt2", "text-generation")
    assert http.get(f"/models/{eve.name}/gpt2/health").json() == {"status": "present"}


def test_a_private_model_runs_for_its_owner(eve: Client, http: httpx.Client) -> None:
    assert http.put(f"/api/models/{eve.name}/gpt2/settings", json={"private": True}).is_success
    asked = {"inputs": "x", "parameters": {"max_new_tokens": 2}}
    try:
        assert http.post(f"/models/{eve.name}/gpt2", json=asked).is_success
        stranger = make_client(eve.hub, eve.home / "stranger")
        headers = {"Authorization": f"Bearer {stranger.token}"}
        assert http.post(f"/models/{eve.name}/gpt2", json=asked, headers=headers).status_code == 404
    finally:
        http.put(f"/api/models/{eve.name}/gpt2/settings", json={"private": False})


def test_hanging_up_stops_the_request(eve: Client, http: httpx.Client) -> None:
    asked = {"model": f"{eve.name}/slow", "prompt": "Grove", "max_tokens": 4000, "temperature": 0, "stream": True}
    with http.stream("POST", "/v1/completions", json=asked) as answer:
        lines = answer.iter_lines()  # Whoever lets it go hangs up.
        assert next(lines).startswith("data: ")
        assert states(eve)["running"] == 1
    wait_until(lambda: states(eve)["running"] == 0)
    assert states(eve)["cancelled"] >= 1


def test_thirty_streams_while_pages_are_read(eve: Client, http: httpx.Client) -> None:
    texts: dict[int, str] = {}

    def follow(number: int) -> None:
        asked = {"model": f"{eve.name}/slow", "prompt": "Grove", "max_tokens": 24, "temperature": 0, "stream": True}
        pieces = []
        with (
            httpx.Client(base_url=eve.hub.url, headers=http.headers, timeout=120, trust_env=False) as own,
            own.stream("POST", "/v1/completions", json=asked) as answer,
        ):
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    pieces.append(json.loads(line[6:])["choices"][0]["text"])
        texts[number] = "".join(pieces)

    followers = [threading.Thread(target=follow, args=(number,)) for number in range(30)]
    for follower in followers:
        follower.start()
    pages = 0
    while any(follower.is_alive() for follower in followers):
        assert http.get(f"/{eve.name}/gpt2").status_code == 200
        pages += 1
    for follower in followers:
        follower.join()
    assert len(texts) == 30 and len(set(texts.values())) == 1 and all(texts.values())
    # None had to wait for the streams to end.
    assert pages > 3


def states(client: Client) -> dict[str, int]:
    """How many requests are in each state."""
    code = (
        "import collections, json; from hub.jobs.models import Job; "
        "c = collections.Counter(Job.objects.filter(kind='inference').values_list('state', flat=True)); "
        "print(json.dumps({s: c[s] for s in ('queued', 'running', 'done', 'failed', 'cancelled')}))"
    )
    found: dict[str, int] = json.loads(client.hub.manage("shell", "--no-imports", "-c", code).splitlines()[-1])
    return found


def test_one_id_leads_from_the_request_to_the_workers_log(eve: Client, http: httpx.Client) -> None:
    asked = {"model": f"{eve.name}/gpt2", "prompt": "Grove", "max_tokens": 2}
    answer = http.post("/v1/completions", json=asked, headers={"X-Request-Id": "trace.4714"})
    assert answer.status_code == 200 and answer.headers["X-Request-Id"] == "trace.4714"
    wait_until(lambda: "INFO workers.tasks.demo [trace.4714] request " in eve.hub.said())
