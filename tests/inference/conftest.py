"""A model whose files say that it can be run, and workers that are only rows: nothing here reaches an engine."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from hub.inference.services import start_demo
from hub.jobs import broker
from hub.jobs.models import Job, Worker
from hub.jobs.services import Asker, create_worker, start_worker
from hub.repos.git.files import resolve_revision
from hub.repos.models import GitCommit, Repository
from tests.factories import make_repo
from tests.web.repos import commit_files
from workers.contracts import Sampling, Task, WorkerKind

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 256}
FILES: dict[str, str | bytes] = {"config.json": json.dumps(CONFIG), "model.safetensors": b"\0" * 400}
TEMPLATE = {"chat_template": "{{ messages }}", "mask_token": {"content": "<mask>"}}


def make_model(files: dict[str, str | bytes] | None = None, **repo: Any) -> Repository:
    made = make_repo(**repo)
    commit_files(made, FILES if files is None else files)
    return made


def make_demo_worker(name: str = "ash", memory: int = 10**9, loaded: list[list[str]] | None = None) -> Worker:
    """A worker that was heard of just now."""
    worker, _key = create_worker(name=name, kind=WorkerKind.DEMO)
    start_worker(worker=worker, about={"memory": memory, "hardware": "a small machine"})
    Worker.objects.filter(pk=worker.pk).update(loaded=loaded or [], seen_at=timezone.now())
    return worker


def ask(repo: Repository, asker: Asker, **more: Any) -> Job:
    given: dict[str, Any] = {"task": Task.TEXT_GENERATION, "inputs": "Grove is", "sampling": Sampling(), **more}
    return start_demo(asker=asker, repo=repo, commit=head(repo), **given)


def head(repo: Repository) -> GitCommit:
    return resolve_revision(repo, "main")


@pytest.fixture(autouse=True)
def _empty_broker() -> Iterator[None]:
    broker.connection().flushdb()
    yield
    broker.connection().flushdb()
