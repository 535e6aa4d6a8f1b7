"""What people are told of workers: the state that pages ask for, the health report, and the commands."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone

from hub.core.health import Check, Weight
from hub.core.management.base import Error
from hub.core.signals import prepared
from hub.embedded.workers import CARRIED, Setup, folder_of, key_file, note
from hub.jobs import services
from hub.jobs.health import check_workers
from hub.jobs.models import Worker
from hub.jobs.presence import STARTING_SECONDS, WorkerState, worker_state
from hub.jobs.tasks import REAPED_KEY, reap
from tests.jobs.conftest import make_worker
from workers.contracts import WorkerKind

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data(tmp_path: Path, settings: Any) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def checks() -> dict[str, Check]:
    return {check.name: check for check in check_workers()}


def test_where_nothing_is_known_there_is_none() -> None:
    assert worker_state(WorkerKind.DEMO) == WorkerState.ABSENT
    assert checks()["demo"].word == "missing"


@pytest.mark.parametrize("setup", Setup)
def test_the_supervisor_says_what_becomes_of_the_workers(data: Path, setup: Setup) -> None:
    note(data, setup)
    assert worker_state(WorkerKind.JOB) == WorkerState(setup)
    check = checks()["job"]
    assert check.weight is Weight.WARNS
    assert check.ok is (setup is Setup.OFF), "Who wants no workers misses none."


def test_a_start_that_takes_too_long_is_none(data: Path) -> None:
    note(data, Setup.STARTING)
    past = time.time() - STARTING_SECONDS - 1
    os.utime(folder_of(data, "state"), (past, past))
    assert worker_state(WorkerKind.DEMO) == WorkerState.ABSENT


def test_a_worker_that_is_heard_of_is_there_whatever_was_said(data: Path) -> None:
    note(data, Setup.FAILED)
    worker = make_worker(WorkerKind.DEMO)
    about = {"sandbox": "landlock", "device": "cpu", "versions": {"torch": "2.13.0", "numpy": "2.4"}}
    services.start_worker(worker=worker, about=about)
    assert (worker_state(WorkerKind.DEMO), worker_state(WorkerKind.JOB)) == (WorkerState.PRESENT, WorkerState.FAILED)
    check = checks()["demo"]
    assert check.ok
    assert check.detail == f"{worker.name} last seen 0 s ago, sandbox landlock, cpu, torch 2.13.0"
    services.revoke_worker(name=worker.name)
    assert worker_state(WorkerKind.DEMO) == WorkerState.FAILED


def test_a_worker_that_nothing_confines_is_no_good_news() -> None:
    services.start_worker(worker=make_worker(WorkerKind.DEMO), about={"sandbox": "none"})
    assert checks()["demo"].word == "missing"
    assert "sandbox none" in checks()["demo"].detail


def test_the_report_tells_whether_the_reaper_and_the_broker_live() -> None:
    cache.delete(REAPED_KEY)
    assert checks()["reaper"].word == "failing"
    reap()
    assert (checks()["reaper"].word, checks()["broker"].word) == ("ok", "ok")
    cache.set(REAPED_KEY, time.time() - 100)
    assert checks()["reaper"].word == "failing"


def test_the_workers_beside_the_site_have_keys_that_open(data: Path) -> None:
    prepared.send(sender=None, workers=False)
    assert not Worker.objects.exists()

    def keys() -> list[str]:
        prepared.send(sender=None, workers=True)
        return [key_file(data, name).read_text() for name in CARRIED]

    first = keys()
    assert [services.worker_of_key(key).name for key in first] == list(CARRIED)
    assert [services.worker_of_key(key).kind for key in first] == list(CARRIED.values())
    assert keys() == first
    assert all(key_file(data, name).stat().st_mode & 0o077 == 0 for name in CARRIED)
    # One is revoked, the other's file is gone: both get others, and what was opens no more.
    services.revoke_worker(name="demo-1")
    key_file(data, "job-1").unlink()
    second = keys()
    assert not set(second) & set(first)
    assert [services.worker_of_key(key).name for key in second] == list(CARRIED)
    with pytest.raises(services.WorkerRefused):
        services.worker_of_key(first[1])


def test_the_commands_make_list_and_revoke(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_worker", "gpu-1", "--kind", "job")
    key = capsys.readouterr().out.strip()
    assert services.worker_of_key(key).name == "gpu-1"
    with pytest.raises(Error, match="gpu-1"):
        call_command("create_worker", "gpu-1", "--kind", "demo")
    Worker.objects.update(seen_at=timezone.now(), about={"sandbox": "bubblewrap", "device": "cuda"})
    call_command("list_workers")
    assert capsys.readouterr().out.split() == "gpu-1 job seen 0 s ago bubblewrap cuda 0 running".split()
    call_command("revoke_worker", "gpu-1")
    with pytest.raises(Error, match="gpu-1"):
        call_command("revoke_worker", "gpu-1")
    capsys.readouterr()
    call_command("list_workers")
    assert capsys.readouterr().out == ""


def test_the_workers_user_of_another_server_is_made_as_printed(
    capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    call_command("worker_acl")
    command, variable = capsys.readouterr().out.splitlines()
    url = variable.removeprefix("GROVE_WORKER_REDIS_URL=")
    hub = redis.Redis.from_url(settings.WORKER_REDIS_URL)
    assert hub.execute_command(*command.split()) == b"OK"
    try:
        # The tests' own database for workers is another than an operator's.
        worker = redis.Redis.from_url(url.rpartition("=")[0] + "=1")
        assert worker.set("worker:there", 1)
        for call in ("KEYS *", "GET hub", "SELECT 0", "ACL LIST"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                worker.execute_command(*call.split())
        worker.delete("worker:there")
    finally:
        hub.execute_command("ACL", "DELUSER", "worker")
