"""Every parameter of the lists, against repositories whose cards and files are known."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from hub.accounts.models import User
from hub.catalog.indexing import index_repository
from hub.catalog.models import RepoStats, SearchRow
from hub.jobs.models import Worker
from hub.repos.models import Gate, Kind, Repository, Visibility
from tests.catalog.test_indexing import put, safetensors
from tests.factories import make_repo, make_token, make_user

pytestmark = pytest.mark.django_db


def ask(kind: str = "models", by: User | None = None, **query: Any) -> Any:
    headers = {"Authorization": f"Bearer {make_token(by)}"} if by else {}
    return Client().get(f"/api/{kind}?{urlencode(query, doseq=True)}", headers=headers)


def names(kind: str = "models", **query: Any) -> list[str]:
    answer = ask(kind, **query)
    assert answer.status_code == 200, answer.json()
    return [item["id"].partition("/")[2] for item in answer.json()]


def make(
    owner: User, name: str, card: str, files: dict[str, bytes] | None = None, *, kind: str = Kind.MODEL, **large: bytes
) -> Repository:
    repo = make_repo(owner, name=name, kind=kind)
    put(
        repo,
        {
            "README.md": f"---\n{card}\n---\n# {name}\n\nSee https://arxiv.org/abs/1706.03762.\n".encode(),
            **(files or {}),
        },
        {f"{key}.safetensors": content for key, content in large.items()},
    )
    index_repository(repo.pk)
    return repo


LLAMA = json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}).encode()
GPTQ = json.dumps({"model_type": "llama", "quantization_config": {"quant_method": "gptq"}}).encode()


@pytest.fixture
def family() -> dict[str, Repository]:
    """A base model and what was made of it, each told in another way; a dataset; two spaces."""
    ada = make_user("ada")
    base = "base_model: ada/base"
    made = {
        "base": make(
            ada, "base", "license: mit\nlanguage: [en, zh]\ndatasets: ada/prose", {"config.json": LLAMA},
            model=safetensors(a=("F32", [1000], 4000)),
        ),
        "told": make(ada, "told", f"{base}\nbase_model_relation: finetune\nlicense: gpl-3.0"),
        "plain": make(ada, "plain", base),
        "lora": make(ada, "lora", "license: mit", {"adapter_config.json": b'{"base_model_name_or_path": "ada/base"}'}),
        "soup": make(ada, "soup", "base_model: [ada/base, ada/told]"),
        "small": make(ada, "small", base, {"config.json": GPTQ}),
        "gguf": make(ada, "gguf", base, {"model.gguf": b"GGUF"}),
        "prose": make(
            ada, "prose",
            "task_categories: [text-generation]\ntask_ids: [language-modeling]\nsize_categories: n<1K\nlanguage: zh\n"
            "multilinguality: monolingual\nlanguage_creators: [found]\nbenchmark: official\npaperswithcode_id: prose",
            {"a.csv": b"a"}, kind=Kind.DATASET,
        ),
        "chat": make(ada, "chat", "sdk: gradio\nmodels: [ada/base]\ndatasets: [ada/prose]\ntags: [talk]", kind=Kind.SPACE),
        "still": make(ada, "still", "sdk: static", kind=Kind.SPACE),
        "attn": make(ada, "attn", "license: mit\ntags: [kernel]", kind=Kind.KERNEL),
    }  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"filter": "base_model:ada/base"}, "told plain lora soup small gguf"),
        ({"filter": "base_model:finetune:ada/base"}, "told plain"),
        ({"filter": "base_model:adapter:ada/base"}, "lora"),
        ({"filter": "base_model:merge:ada/base"}, "soup"),
        ({"filter": "base_model:quantized:ADA/Base"}, "small gguf"),
        ({"filter": ["base_model:ada/base", "license:mit"]}, "lora"),
        ({"filter": "base_model:ada/base,license:gpl-3.0"}, "told"),
        ({"filter": "arxiv:1706.03762", "library": "peft"}, "lora"),
        ({"filter": "dataset:ada/prose"}, "base"),
        ({"trained_dataset": "dataset:ada/prose"}, "base"),
        ({"dataset": "ada/prose"}, "base"),
        ({"language": "zh", "filter": "en"}, "base"),
        ({"licence": "mit"}, "base lora"),
        ({"license": "license:mit", "library": "transformers"}, "base"),
        ({"pipeline_tag": "text-generation"}, "base"),
        ({"apps": "vllm"}, "base"),
        ({"apps": ["ollama", "llama.cpp"]}, "gguf"),
        ({"apps": ["ollama", "vllm"]}, ""),
        ({"num_parameters": "min:0.5K,max:1K"}, "base"),
        ({"num_parameters": "min:1M"}, ""),
        ({"search": ["ada", "lora"]}, "lora"),
        ({"gated": "false", "author": "ADA"}, "base told plain lora soup small gguf"),
        ({"gated": "true"}, ""),
        ({"inference": "warm"}, ""),
        ({"inference_provider": ["all", "hf-inference"]}, ""),
    ],
)
def test_models(family: dict[str, Repository], query: dict[str, Any], found: str) -> None:
    assert set(names(**query)) == set(found.split())


@pytest.mark.parametrize(
    ("kind", "query", "found"),
    [
        *[
            ("datasets", {"filter": tag}, "prose")
            for tag in (
                "task_categories:text-generation", "task_ids:language-modeling", "size_categories:n<1K", "language:zh",
                "multilinguality:monolingual", "language_creators:found", "benchmark:official", "format:csv",
            )
        ],
        ("datasets", {"filter": "multilinguality:multilingual"}, ""),
        ("datasets", {"task_ids": "language-modeling", "size_categories": "size_categories:n<1K"}, "prose"),
        ("datasets", {"search": ["ada", "prose"]}, "prose"),
        ("spaces", {"models": "ada/base"}, "chat"),
        ("spaces", {"datasets": "ada/prose"}, "chat"),
        ("spaces", {"linked": "true"}, "chat"),
        ("spaces", {"filter": "static"}, "still"),
        ("spaces", {"filter": ["gradio", "talk"]}, "chat"),
        ("spaces", {"sdk": "gradio"}, "chat"),
        ("kernels", {"filter": "kernel"}, "attn"),
    ],
)  # fmt: skip
def test_other_kinds(family: dict[str, Repository], kind: str, query: dict[str, Any], found: str) -> None:
    assert set(names(kind, **query)) == set(found.split())


def test_gates_count_at_once(family: dict[str, Repository]) -> None:
    Repository.objects.filter(pk=family["lora"].pk).update(gate=Gate.MANUAL)
    assert names(gated="true") == ["lora"]
    assert "lora" not in names(gated="false")
    (only,) = ask(gated="true", expand="gated").json()
    assert only["gated"] == "manual"


def test_warm_is_what_a_worker_holds(family: dict[str, Repository]) -> None:
    secret = make_repo(family["base"].created_by, name="secret", visibility=Visibility.PRIVATE)
    index_repository(secret.pk)
    held = [["ada/base", "0" * 40], ["ada/secret", "0" * 40]]
    worker = Worker.objects.create(name="w", kind="demo", digest="0" * 64, loaded=held, seen_at=timezone.now())
    assert names(inference="warm") == names(inference_provider="all") == ["base"]
    told = {item["id"]: item.get("inference") for item in ask(expand="inference").json()}
    assert (told["ada/base"], told["ada/lora"]) == ("warm", None)
    Worker.objects.filter(pk=worker.pk).update(revoked_at=timezone.now())
    assert names(inference="warm") == []


def test_what_other_rows_tell(family: dict[str, Repository]) -> None:
    private = make_repo(make_user(), visibility=Visibility.PRIVATE)
    put(private, {"README.md": b"---\nbase_model: ada/base\n---\n"})
    index_repository(private.pk)
    expand = ["baseModels", "childrenModelCount", "spaces", "usedStorage", "gated", "trendingScore"]
    told = {item["id"]: item for item in ask(expand=expand).json()}
    assert told["ada/base"]["childrenModelCount"] == 6
    assert told["ada/base"]["spaces"] == ["ada/chat"]
    assert "baseModels" not in told["ada/base"]
    assert told["ada/soup"]["baseModels"] == ["ada/base", "ada/told"]
    assert told["ada/told"]["childrenModelCount"] == 1
    assert told["ada/told"]["gated"] is False
    assert told["ada/base"]["usedStorage"] > 4000
    assert all(item["trendingScore"] == 0 for item in told.values())
    mine = ask(by=private.created_by, search="base", author="ada", expand=expand).json()
    assert mine[0]["childrenModelCount"] == 7
    one = Client().get("/api/models/ada/base?expand=childrenModelCount&expand=spaces").json()
    assert one == {"id": "ada/base", "modelId": "ada/base", "childrenModelCount": 6, "spaces": ["ada/chat"]}
    (prose,) = ask("datasets", expand=["paperswithcode_id", "description"]).json()
    assert prose["paperswithcode_id"] == "prose"
    chat = next(item for item in ask("spaces", full="true").json() if item["id"] == "ada/chat")
    assert (chat["sdk"], chat["models"], chat["datasets"]) == ("gradio", ["ada/base"], ["ada/prose"])


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("datasets", "pipeline_tag=x"),
        ("datasets", "apps=vllm"),
        ("datasets", "num_parameters=min:1"),
        ("datasets", "expand=pipeline_tag"),
        ("spaces", "inference=warm"),
        ("spaces", "linked=perhaps"),
        ("kernels", "sdk=static"),
        ("models", "linked=true"),
        ("models", "filter=base_model:cousin:ada/base"),
        ("models", "apps=notepad"),
        ("models", "expand[]=color"),
    ],
)
def test_each_kind_refuses_what_it_does_not_know(kind: str, query: str) -> None:
    answer = Client().get(f"/api/{kind}?{query}")
    name, _equals, value = query.partition("=")
    assert answer.status_code == 400
    assert name.removesuffix("[]") in answer.json()["error"] or value.split(":")[-2:][0] in answer.json()["error"]
    assert answer.json()["field"] in (name, name.removesuffix("[]"))


def test_tags_by_type(family: dict[str, Repository]) -> None:
    def ids(kind: str, name: str) -> set[str]:
        return {tag["id"] for tag in Client().get(f"/api/{kind}-tags-by-type").json()[name]}

    assert ids("models", "license") == {"license:mit", "license:gpl-3.0"}
    assert ids("models", "dataset") == {"dataset:ada/prose"}
    assert ids("datasets", "task_ids") == {"task_ids:language-modeling"}
    assert ids("datasets", "benchmark") == {"benchmark:official"}
    assert ids("spaces", "sdk") == {"gradio", "static"}
    assert ids("kernels", "other") == {"kernel"}


def test_tasks_name_models_that_anybody_may_fetch(family: dict[str, Repository]) -> None:
    tasks = Client().get("/api/tasks").json()
    assert tasks["text-generation"]["widgetModels"] == ["ada/base"]
    assert tasks["summarization"]["widgetModels"] == []
    Repository.objects.filter(pk=family["base"].pk).update(gate=Gate.AUTO)
    assert Client().get("/api/tasks").json()["text-generation"]["widgetModels"] == []


def test_spaces_by_meaning(family: dict[str, Repository]) -> None:
    def ids(query: str) -> list[str]:
        return [item["id"] for item in Client().get(f"/api/spaces/semantic-search?{query}").json()]

    assert ids("q=chat") == []  # None runs.
    assert ids("q=chat&includeNonRunning=true") == ["ada/chat"]
    assert ids("q=ada&sdk=static&includeNonRunning=true") == ["ada/still"]
    assert Client().get("/api/spaces/semantic-search?mood=good").status_code == 400


def test_pages_with_files_are_cut_where_they_grow_long(
    family: dict[str, Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.api.hf.listing.MAX_FILES", 5)
    for sort in ("createdAt", "lastModified"):
        pages = list(follow(ask(full="true", sort=sort)))
        assert len(pages) > 2
        met = [item["id"] for page in pages for item in page]
        assert len(met) == len(set(met)) == 7
        assert all(item["siblings"] for page in pages for item in page)


def follow(answer: Any) -> Iterator[list[dict[str, Any]]]:
    while True:
        yield answer.json()
        if "Link" not in answer.headers:
            return
        query = urlsplit(answer.headers["Link"].partition(">")[0]).query
        answer = Client().get(f"/api/models?{urlencode(parse_qsl(query))}")


@pytest.mark.parametrize("sort", ["createdAt", "lastModified", "downloads", "likes", "trendingScore", ""])
def test_what_moves_while_pages_are_read_is_met_once(sort: str) -> None:
    ada = make_user("ada")
    repos = [make_repo(ada, name=f"r{number:02}") for number in range(12)]
    for number, repo in enumerate(repos):
        index_repository(repo.pk)
        RepoStats.objects.create(repository=repo, downloads=number)
        SearchRow.objects.filter(pk=repo.pk).update(downloads=number)
    met: list[str] = []
    for number, page in enumerate(follow(ask(author="ada", limit=3, **({"sort": sort} if sort else {})))):
        met += [item["id"] for item in page]
        # Rows of both sides climb to the front; one goes, one comes.
        for repo in (repos[number], repos[-1 - number]):
            SearchRow.objects.filter(pk=repo.pk).update(downloads=1000 + number, updated_at=timezone.now())
        if number == 1:
            gone = next(repo for repo in repos if repo.full_name not in met)
            Repository.objects.filter(pk=gone.pk).update(visibility=Visibility.PRIVATE)
            index_repository(make_repo(ada, name="newcomer").pk)
    assert len(met) == len(set(met))
    assert set(met) == {repo.full_name for repo in repos} - {gone.full_name}


def test_the_number_of_queries(family: dict[str, Repository], django_assert_num_queries: Callable[..., Any]) -> None:
    for queries, query in [
        (2, {}),  # rows, downloads
        (2, {"sort": "createdAt", "limit": 2}),
        (3, {"sort": "downloads", "limit": 2}),  # and the order that is kept
        (3, {"sort": "downloads"}),
        (3, {"filter": "license:mit"}),
        (1, {"inference": "warm"}),  # nothing is held, so nothing is looked for
        (4, {"full": "true"}),  # files counted, files read
        (6, {"expand": ["childrenModelCount", "spaces"]}),
    ]:
        with django_assert_num_queries(queries):
            assert ask(**query).status_code == 200
