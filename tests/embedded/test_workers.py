"""The workers beside a site: what they are given, and what happens while their environment is not there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest

from hub.embedded import engines_of
from hub.embedded.errors import Exit
from hub.embedded.services import EngineSet
from hub.embedded.workers import CARRIED, key_file, services, why_not
from tests import live
from tests.waiting import wait_until

# What the site and its start are made of.
PARTS = ["hub", "workers", "templates", "static", ".ci", "manage.py", "pyproject.toml"]


def test_workers_are_given_what_they_need_and_nothing_else(tmp_path: Path) -> None:
    for name in CARRIED:
        key_file(tmp_path, name).parent.mkdir(exist_ok=True)
        key_file(tmp_path, name).write_text(f"worker_{name}")
    given = {
        "PATH": "/usr/bin",
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "3",
        "GROVE_MODEL_MEMORY": "1000",
        "HOME": "/root",
        "DATABASE_URL": "postgres://u:secret@h/n",
        "REDIS_URL": "redis://:secret@h",
        "EMAIL_URL": "smtp://u:secret@h",
        "GROVE_SECRET_KEY": "secret",
        "GROVE_DATA": str(tmp_path),
        "AWS_SECRET_ACCESS_KEY": "secret",
        "HF_TOKEN": "secret",
        "HTTPS_PROXY": "http://u:secret@h",
    }
    engine_set = EngineSet(tmp_path, engines_of(tmp_path), with_database=True, with_queue=True, env={})
    started = services(Path("/srv/grove"), tmp_path, given, "http://127.0.0.1:1", engine_set)
    assert [service.name for service in started] == list(CARRIED.values())
    for service, name in zip(started, CARRIED, strict=True):
        assert service.env["GROVE_WORKER_KEY"] == f"worker_{name}"
        assert {key: service.env[key] for key in ("LC_ALL", "OMP_NUM_THREADS", "GROVE_MODEL_MEMORY")} == {
            key: given[key] for key in ("LC_ALL", "OMP_NUM_THREADS", "GROVE_MODEL_MEMORY")
        }
        assert "secret" not in str(service.env)
        assert not {"DATABASE_URL", "REDIS_URL", "GROVE_DATA", "HF_TOKEN"} & set(service.env)
        assert engine_set.engines.queue_password not in str(service.env)
        assert service.args[0] == "/srv/grove/.venv-worker/bin/python"


def test_with_a_queue_elsewhere_workers_need_a_way_in_of_their_own() -> None:
    assert "worker_acl" in why_not({"REDIS_URL": "redis://h"})
    assert why_not({"REDIS_URL": "redis://h", "GROVE_WORKER_REDIS_URL": "redis://worker:x@h/1"}) == ""
    assert why_not({}) == ""


def test_a_setting_that_is_neither_on_nor_off_is_refused(tmp_path: Path) -> None:
    hub = live.launch(tmp_path / "data", GROVE_WORKERS="maybe")
    assert hub.process.wait(timeout=60) == Exit.USAGE
    assert hub.said() == "grove  | GROVE_WORKERS is 'maybe'; it takes on or off.\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose workers need a package that is nowhere."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for part in PARTS:
        source = live.BASE / part
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / part, ignore=ignored) if source.is_dir() else shutil.copy(source, folder)
    project = folder / "pyproject.toml"
    missing = 'worker = ["no-such-package @ file:///nowhere/no_such_package-1-py3-none-any.whl"]'
    project.write_text(re.sub(r"(?m)^worker = \[.*\]$", missing, project.read_text()))
    return folder


@pytest.mark.full
def test_the_site_goes_on_where_the_workers_cannot_be_installed(checkout: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    env = live.environment(data, GROVE_WORKERS="on")
    with (tmp_path / "data.log").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--end-with-parent"], cwd=checkout, env=env, stdout=out, stderr=out
        )
    hub = live.Instance(data=data, log=tmp_path / "data.log", env=env, process=process)
    try:
        hub.wait_ready()
        assert "Installing" not in hub.said().partition("Grove is at")[0]
        wait_until(lambda: "setup  | Installing into .venv-worker" in hub.said())
        # Whatever else is still starting.
        assert "is being installed" in hub.run("check_health").stdout
        assert httpx.get(f"{hub.url}/readyz").status_code == 200
        wait_until(lambda: "The workers could not be installed" in hub.said(), 120)
        assert "GROVE_WORKERS=off" in hub.said().splitlines()[-1]
        assert "could not be installed" in hub.run("check_health").stdout
        assert httpx.get(f"{hub.url}/readyz").status_code == 200
        assert hub.stop() == Exit.OK
    finally:
        process.kill()
        process.wait()
        live.remove(data)
