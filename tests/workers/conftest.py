"""Real engines on tiny models. The tests themselves run without torch, as a worker's own process does."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests import live
from tests.resident import Resident
from workers.contracts import GenerationSpec, Sampling, Snapshot, Task
from workers.engines import KINDS
from workers.engines.pool import Key, Pool

PYTHON = live.BASE / ".venv-worker" / "bin" / "python"
COMMIT = "0" * 40
_numbers = count(1)


def in_worker(module: str, *args: str, given: Any = None) -> Any:
    """Run a module of the tests in the worker's environment; return the JSON value of its last line."""
    done = _worker().run(module, *args, given=json.dumps(given))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else None


@cache
def _worker() -> Resident:
    """The interpreter of the worker's environment that all tests of this process share."""
    env = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "HOME", "TMPDIR")}
    return Resident(PYTHON, live.BASE, env)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of each kind of `tests/workers/models.py`, made once for all workers of pytest-xdist."""
    assert PYTHON.exists(), f"{PYTHON} is missing. `make test` installs the worker's environment."
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "models"
    folder.mkdir(exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            in_worker("tests.workers.models", str(folder), "all")
            (folder / "complete").touch()
    return folder


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """A pool that holds every model of the tests."""
    made = make_pool(tmp_path_factory.mktemp("engines"))
    yield made
    made.close()


def make_pool(scratch: Path, **settings: Any) -> Pool:
    return Pool(**{"memory": 32 << 30, "scratch": scratch, "python": PYTHON, "threads": 1, **settings})


def key_of(name: str, task: Task = Task.TEXT_GENERATION) -> Key:
    return Key(f"ada/{name}", COMMIT, KINDS[task])


def spec_of(
    name: str,
    inputs: Any,
    task: Task = Task.TEXT_GENERATION,
    *,
    seconds: float = 60,
    pieces: bool = True,
    **wanted: Any,
) -> GenerationSpec:
    """A request; `wanted` are fields of Sampling, or top_k for the tasks of encoders."""
    causal = task in (Task.TEXT_GENERATION, Task.CHAT)
    return GenerationSpec(
        model=Snapshot("model", f"ada/{name}", COMMIT),
        task=task,
        inputs=inputs,
        deadline=time.time() + seconds,
        sampling=Sampling(**{"strategy": "greedy", **wanted}) if causal else None,
        top_k=None if causal else wanted.get("top_k"),
        pieces=pieces,
    )


def request_name() -> str:
    return f"request-{next(_numbers)}"


Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def ask(pool: Pool, models: Path) -> Ask:
    """`ask(model, inputs, task, **wanted)` gives all events of one request."""

    def ask(name: str, inputs: Any, task: Task = Task.TEXT_GENERATION, **wanted: Any) -> list[dict[str, Any]]:
        with pool.open(models / name, key_of(name, task)) as engine:
            return list(engine.submit(spec_of(name, inputs, task, **wanted), request_name()))

    return ask


def text_of(events: list[dict[str, Any]], sequence: int = 0) -> str:
    return "".join(event["text"] for event in events if event.get("sequence") == sequence)
