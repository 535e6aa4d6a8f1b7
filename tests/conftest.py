"""The engines of the test run, and the fixtures that every part of the tests uses."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.utils import translation

from tests import live, prepared, s3

ENGINES = pytest.StashKey[live.Instance]()
# Modules that share what takes long to start run one after the other, in one process.
TOGETHER = {
    "working": ["e2e/test_demo.py", "e2e/test_evaluation.py", "clients/test_inference.py", "samples/test_samples.py"],
    "direct": ["api/xet/test_direct.py", "clients/test_lfs_direct.py"],
    "mortal": ["faults/test_commits.py", "faults/test_pushes.py", "api/xet/test_faults.py", "faults/test_storage.py"],
}
# What takes longest begins first, so that no process is left with it when the others are done.
FIRST = [
    "faults/test_workers.py",
    *TOGETHER["working"],
    "workers/test_engines.py",
    "workers/test_evaluation.py",
    "production/test_stack.py",
    "e2e/test_looks.py",
    "faults/test_instance.py",
    *TOGETHER["mortal"],
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {str(live.BASE / "tests" / name): rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(str(item.path), len(ranks)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Keep the tests of a module in one process: what they share is made once, and in their own order."""
    from xdist.scheduler import LoadScopeScheduling

    groups = {f"tests/{name}": group for group, names in TOGETHER.items() for name in names}

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return groups.get(module, module)

    config.option.loadscopereorder = False
    return ByModule(config, log)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start PostgreSQL and Valkey once, in the process that the workers of pytest-xdist are started from."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    session.config.stash[ENGINES] = prepared.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    if engines := config.stash.get(ENGINES, None):
        engines.stop()
    s3.stop_shared(_swift_folder())
    live.remove(prepared.root())


@pytest.fixture(scope="session", autouse=True)
def _engines() -> None:
    """Wait for what `pytest_sessionstart` has begun: it goes on while the tests are collected."""
    prepared.wait()


def _swift_folder() -> Path:
    return prepared.root() / "swift"


@pytest.fixture(autouse=True)
def _fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was done before a test, as the limits count; all that it does happens in one minute, hour and day of theirs."""
    cache.clear()
    now = time.time()
    monkeypatch.setattr("hub.core.throttles.time", SimpleNamespace(time=lambda: now))


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A page asked for in Chinese leaves its thread speaking Chinese; the next test begins in English all the same."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def live_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Instance]:
    """A whole hub behind a real gunicorn, shared by the tests of one worker: make users and repositories of your own.

    `live_hub.url` is its address, `live_hub.manage("create_user", ...)` runs a command on it.
    """
    with prepared.hub(tmp_path_factory.mktemp("live")) as hub:
        yield hub


@pytest.fixture(scope="session")
def mortal_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Instance]:
    """A whole hub, shared in the same way by tests that kill its processes. It comes back by itself."""
    with prepared.hub(tmp_path_factory.mktemp("mortal")) as hub:
        yield hub


@pytest.fixture(scope="session")
def working_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Instance]:
    """A whole hub with its workers, shared in the same way. Its worker keeps the models that tests have used."""
    with prepared.hub(tmp_path_factory.mktemp("working"), GROVE_WORKERS="on") as hub:
        hub.wait_for_workers()
        yield hub


@pytest.fixture(scope="session")
def swift() -> Iterator[s3.S3Server]:
    """A real S3 server, shared by all processes of a test run and never stopped: make a bucket of your own."""
    # The process that started those of pytest-xdist outlives them, and ends the server.
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    server = s3.shared(_swift_folder(), owner)
    yield server
    server.client.close()


@pytest.fixture(scope="session")
def s3_hub(swift: s3.S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Instance]:
    """A whole hub that keeps its content in S3, with addresses signed for its clients; shared in the same way as `live_hub`.

    Its log has a line for each request, so that tests see what goes around it. One whose content all passes through the hub:
    `prepared.hub(folder, **swift.settings(swift.make_bucket(), public=False))`.
    """
    with prepared.hub(
        tmp_path_factory.mktemp("s3"), GROVE_ACCESS_LOG="on", **swift.settings(swift.make_bucket())
    ) as hub:
        yield hub
