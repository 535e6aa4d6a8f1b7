"""Search rows: what the files of a repository say of it, made again at any time, by anybody, as often as it happens."""

import hashlib
import io
import json
import threading

import pytest
from django.db import connection

from hub.catalog.facts import Facts
from hub.catalog.indexing import index_repository
from hub.catalog.models import Facet, SearchRow
from hub.catalog.tasks import sweep
from hub.catalog.weights import parse_header
from hub.repos.git.commits import Delete, PutBlob, Stage, create_commit
from hub.repos.large_uploads import receive_whole
from hub.repos.models import Kind, Repository, Visibility
from hub.repos.services import move_repo, set_visibility
from tests.factories import make_repo, make_user
from tests.repos.xet import building
from tests.repos.xet.conftest import upload

CARD = """---
license: mit
language: [en, zh]
pipeline_tag: text-generation
tags: [Tiny, 写作]
datasets: [ada/notes]
base_model: ada/base
base_model_relation: finetune
---
# Tiny

![badge](x.png)

A small model that writes stories about gardens. 它会写关于花园的故事。
"""


def put(repo: Repository, files: dict[str, bytes], large: dict[str, bytes] | None = None) -> None:
    """Commit small files, and large ones as whole blobs."""
    actor = repo.created_by
    assert actor is not None
    stage = Stage(repo)
    operations: list = [stage.file(path, content) for path, content in files.items()]
    stage.finish()
    for path, content in (large or {}).items():
        blob = receive_whole(repo=repo, user=actor, stream=io.BytesIO(content), length=len(content))
        operations.append(PutBlob(path, blob.sha256, blob.size))
    create_commit(repo=repo, actor=actor, operations=operations, title="Put files")


def safetensors(**tensors: tuple[str, list[int], int]) -> bytes:
    """Return a file with tensors of zeros: name -> (dtype, shape, bytes)."""
    header, offset = {}, 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(offset)


def facets_of(row: SearchRow) -> set[str]:
    return {str(facet) for facet in Facet.objects.filter(pk__in=row.facets)}


@pytest.mark.django_db
def test_a_model_with_card_configuration_and_weights() -> None:
    repo = make_repo(make_user("ada"), name="tiny")
    weights = safetensors(a=("F32", [10, 2], 80), b=("BF16", [4], 8), c=("F32", [], 4))
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 2048}
    put(repo, {"README.md": CARD.encode(), "config.json": json.dumps(config).encode()}, {"model.safetensors": weights})
    assert index_repository(repo.pk)
    row = SearchRow.objects.get(pk=repo.pk)
    assert (row.name, row.task, row.library, row.license) == ("ada/tiny", "text-generation", "transformers", "mit")
    assert (row.parameters, row.dtypes) == (25, {"F32": 21, "BF16": 4})
    assert row.context == 2048
    assert row.config["transformers_info"]["auto_model"] == "AutoModelForCausalLM"
    assert row.summary == "A small model that writes stories about gardens. 它会写关于花园的故事。"
    assert row.used_bytes >= len(weights)
    assert facets_of(row) == {
        "task:text-generation", "library:transformers", "license:mit", "language:en", "language:zh", "tag:tiny",
        "tag:写作", "dataset:ada/notes", "base_model:ada/base", "base_model:finetune:ada/base", "format:safetensors",
        "arch:llama", "relation:finetune", "app:vllm", "app:sglang",
    }  # fmt: skip
    assert {"transformers", "safetensors", "license:mit", "base_model:finetune:ada/base", "zh"} <= set(row.tags)


@pytest.mark.django_db
def test_a_silent_card_is_filled_in_from_the_files() -> None:
    repo = make_repo()
    put(repo, {"config.json": b'{"architectures": ["BertForSequenceClassification"], "model_type": "bert"}'})
    index_repository(repo.pk)
    row = SearchRow.objects.get(pk=repo.pk)
    assert (row.task, row.library) == ("text-classification", "transformers")
    put(repo, {"adapter_config.json": b'{"base_model_name_or_path": "ada/base"}'})
    index_repository(repo.pk)
    row.refresh_from_db()
    assert row.library == "peft"
    assert "base_model:ada/base" in facets_of(row)


@pytest.mark.django_db
def test_weights_that_are_stored_as_chunks_are_counted() -> None:
    repo = make_repo()
    actor = repo.created_by
    assert actor is not None
    weights = safetensors(a=("I8", [300_000], 300_000))
    file = upload(
        [weights[start : start + building.BLOCK] for start in range(0, len(weights), building.BLOCK)], repo, actor
    )
    operation = PutBlob("model.safetensors", file.sha256, len(weights))
    create_commit(repo=repo, actor=actor, operations=[operation], title="Put weights")
    index_repository(repo.pk)
    assert SearchRow.objects.get(pk=repo.pk).dtypes == {"I8": 300_000}


@pytest.mark.django_db
def test_shards_are_added_up_and_a_missing_one_is_not_guessed() -> None:
    repo = make_repo()
    index = {"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}
    shard = safetensors(a=("F16", [100], 200))
    put(
        repo,
        {"model.safetensors.index.json": json.dumps(index).encode()},
        {"m-1.safetensors": shard, "m-2.safetensors": shard},
    )
    index_repository(repo.pk)
    assert SearchRow.objects.get(pk=repo.pk).parameters == 200
    actor = repo.created_by
    assert actor is not None
    create_commit(repo=repo, actor=actor, operations=[Delete("m-2.safetensors")], title="Delete one")
    index_repository(repo.pk)
    assert SearchRow.objects.get(pk=repo.pk).parameters is None


@pytest.mark.django_db
def test_a_data_set_with_its_formats() -> None:
    repo = make_repo(kind=Kind.DATASET)
    card = b"---\ntask_categories: [translation]\nsize_categories: [n<1K]\nlanguage: zh\n---\nPairs."
    put(repo, {"README.md": card, "data/train.csv": b"a,b\n1,2\n", "data/test.csv": b"a,b\n", "x.jsonl": b"{}\n"})
    index_repository(repo.pk)
    row = SearchRow.objects.get(pk=repo.pk)
    assert {"task:translation", "format:csv", "format:json", "size:n<1k", "language:zh"} == facets_of(row)
    assert {"task_categories:translation", "size_categories:n<1K", "format:csv", "language:zh"} <= set(row.tags)


HOSTILE_FILES = {
    "config.json": b'{"architectures": [1, {"a": 2}, "\\u0000\\ud800X"], "model_type": "' + b"x" * 1000 + b'", '
    b'"max_position_embeddings": 1e400, "n_positions": -1, "text_config": [], "quantization_config": "x"}',
    "adapter_config.json": b"[" * 100_000,
    "model_index.json": b"\xff\xfe",
    "model.safetensors.index.json": b'{"weight_map": {"a": 1, "b": {"c": "d"}}}',
    "README.md": ("---\ntags: [" + ", ".join(f"'{n}İ{'İ' * 150}'" for n in range(500)) + "]\nlicense: İİİ\n"
    'pretty_name: "a\\0b\' \\\\ \\ud800"\n---\n' + "<a " * 20_000 + "\x00 ' \\ 中文" + "x" * 10_000).encode(),
}  # fmt: skip


@pytest.mark.django_db
def test_hostile_files_are_indexed_all_the_same() -> None:
    repo = make_repo()
    put(repo, HOSTILE_FILES, {"model.safetensors": b"\xff" * 64})
    assert index_repository(repo.pk)
    row = SearchRow.objects.get(pk=repo.pk)
    assert row.parameters is None


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"a": {"dtype": "F32", "shape": [1099511627776, 1099511627776], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [true], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 400]}}',
        b'{"a": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},'
        b' "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": ["1"], "data_offsets": [0]}}',
        b'{"a": null}',
    ],
)
def test_headers_that_contradict_themselves(header: bytes) -> None:
    assert parse_header(header, 4) is None


def test_facts_start_empty() -> None:
    assert Facts().card.metadata == {}


@pytest.mark.django_db
def test_index_twice_gives_the_same_row() -> None:
    repo = make_repo()
    put(repo, {"README.md": CARD.encode()})
    index_repository(repo.pk)
    first = SearchRow.objects.values().get(pk=repo.pk)
    index_repository(repo.pk)
    assert SearchRow.objects.values().get(pk=repo.pk) == first


@pytest.mark.django_db
def test_what_is_not_there_is_not_indexed() -> None:
    assert not index_repository(987654321)


@pytest.mark.django_db
def test_the_sweep_finds_what_was_missed() -> None:
    repo = make_repo(make_user("ada"), name="tiny")
    assert sweep() == 1
    assert sweep() == 0
    put(repo, {"README.md": CARD.encode()})
    assert sweep() == 1
    actor = repo.created_by
    assert actor is not None
    move_repo(repo=repo, actor=actor, namespace=repo.namespace, name="small")
    assert sweep() == 1
    assert SearchRow.objects.get(pk=repo.pk).name == "ada/small"
    SearchRow.objects.update(version=0)
    assert sweep() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_indexing_and_commits_end_with_the_newest_state() -> None:
    repo = make_repo()
    errors: list[BaseException] = []

    def index() -> None:
        try:
            for _round in range(5):
                index_repository(repo.pk)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=index) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(10):
        tag = hashlib.sha256(bytes([number])).hexdigest()
        put(repo, {"README.md": f"---\ntags: [{tag}, t{number}]\n---\n".encode()})
    for thread in threads:
        thread.join()
    assert errors == []
    index_repository(repo.pk)
    row = SearchRow.objects.get(pk=repo.pk)
    assert "t9" in row.tags
    assert sweep() == 0


@pytest.mark.django_db(transaction=True)
def test_a_commit_stands_where_the_broker_is_away(settings) -> None:
    from hub.celery import app

    broker = app.conf.broker_url
    app.conf.broker_url = "redis+socket:///nowhere/valkey.sock"
    app.amqp._producer_pool = None
    pool = app._pool
    app._pool = None
    try:
        repo = make_repo()
        set_visibility(repo=repo, actor=repo.created_by, visibility=Visibility.PRIVATE)  # type: ignore[arg-type]
    finally:
        app.conf.broker_url = broker
        app.amqp._producer_pool = None
        app._pool = pool
    assert Repository.objects.get(pk=repo.pk).private
