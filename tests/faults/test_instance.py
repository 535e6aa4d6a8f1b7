"""A whole instance while its processes are killed, its port is taken and its operator works on it."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from hub.embedded.errors import Exit
from tests import live
from tests.faults.processes import MARKS, count, processes
from tests.waiting import wait_until

PASSWORD = "a long enough passphrase"


class Keeper:
    """The data folder of this module and the instance that runs on it: a start takes seconds, so tests share one."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._running: live.Instance | None = None

    def running(self, **settings: str) -> live.Instance:
        """The instance, started where none runs."""
        if self._running is None or self._running.process.poll() is not None:
            self._running = live.launch(self.data, **settings)
            self._running.wait_ready()
        return self._running

    def stop(self) -> None:
        if self._running:
            self._running.stop()


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    keeper = Keeper(tmp_path_factory.mktemp("faults") / "data")
    yield keeper
    keeper.stop()
    live.remove(keeper.data)


@pytest.fixture
def hub(keeper: Keeper) -> live.Instance:
    return keeper.running()


def is_ready(hub: live.Instance) -> bool:
    """Whether every part is well, the hub worker too."""
    try:
        return set(httpx.get(f"{hub.url}/readyz", timeout=5).json()["checks"].values()) == {"ok"}
    except (httpx.HTTPError, ValueError):
        return False


def test_commands_work_on_the_running_instance_and_refuse_in_one_line(hub: live.Instance) -> None:
    assert hub.manage("setup_link") != ""
    wait_until(lambda: is_ready(hub), seconds=60)
    report = hub.manage("check_health").splitlines()
    parts = ("database", "queue", "blobs", "worker", "broker", "reaper", "demo", "job")
    assert [line.split()[:2] for line in report] == [[part, "ok"] for part in parts]

    hub.manage("create_user", "ada", "--email", "ada@example.org", "--password", PASSWORD, "--admin")
    hub.manage("create_org", "looms", "--owner", "ada")
    token = hub.manage("create_token", "ada", "--scope", "write", "--name", "laptop")
    asked = httpx.get(f"{hub.url}/api/whoami-v2", headers={"Authorization": f"Bearer {token}"})
    assert asked.json()["name"] == "ada"

    for refused in (
        ["create_user", "ada", "--email", "other@example.org", "--password", PASSWORD],
        ["create_user", "bob", "--email", "bob@example.org", "--password", "short"],
        ["create_org", "Looms", "--owner", "ada"],
        ["create_org", "mills", "--owner", "nobody-here"],
        ["create_token", "nobody-here", "--scope", "read", "--name", "x"],
    ):
        done = hub.run(*refused)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    # The first link was for the first administrator.
    assert hub.manage("setup_link") == ""


def test_the_hub_comes_back_from_the_kill_of_each_process(hub: live.Instance) -> None:
    wait_until(lambda: is_ready(hub), seconds=60)
    for name, mark in MARKS.items():
        os.kill(min(pid for pid, line in processes(hub.data).items() if mark in line), signal.SIGKILL)
        wait_until(lambda name=name: f"{name} was ended by SIGKILL; it starts again" in hub.said())
    # What a killed parent left ends too: no process is there more often than before. (The worker has one child or two.)
    for name, most in (("web", 3), ("worker", 3), ("beat", 1), ("queue", 1)):
        wait_until(lambda name=name, most=most: 1 <= count(hub.data, name) <= most, seconds=60)
    wait_until(lambda: is_ready(hub), seconds=60)


def test_the_next_start_recovers_from_the_kill_of_everything(hub: live.Instance, keeper: Keeper) -> None:
    hub.manage("create_user", "bea", "--email", "bea@example.org", "--password", PASSWORD)
    os.kill(hub.process.pid, signal.SIGSTOP)  # It would start again what is killed before it.
    for pid in [*processes(hub.data), hub.process.pid]:
        os.kill(pid, signal.SIGKILL)
    hub.process.wait()
    again = keeper.running()
    assert again.run("create_token", "bea", "--scope", "read", "--name", "x").returncode == 0


def test_the_next_start_recovers_from_the_kill_of_the_supervisor(hub: live.Instance, keeper: Keeper) -> None:
    hub.process.kill()
    hub.process.wait()
    # The same port is free again too.
    again = keeper.running(PORT=hub.url.rsplit(":", 1)[1])
    assert again.url == hub.url
    assert httpx.get(f"{again.url}/readyz").status_code == 200


def test_a_stop_ends_everything_and_a_second_ctrl_c_at_once(hub: live.Instance) -> None:
    # A request whose body never ends keeps the web server from stopping as asked.
    host, port = hub.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"PUT /api/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        hub.process.send_signal(signal.SIGINT)
        wait_until(lambda: "Stopping" in hub.said())
        began = time.monotonic()

        def ended() -> bool:
            hub.process.send_signal(signal.SIGINT)
            return hub.process.poll() is not None

        wait_until(lambda: ended() or count(hub.data, "web") == 0)
        # Less than the web server grants its requests.
        assert time.monotonic() - began < 10
        wait_until(ended)
        assert hub.process.returncode == Exit.OK
    assert processes(hub.data) == {}

    for command in (["create_user", "cy", "--email", "cy@example.org", "--password", PASSWORD], ["setup_link"]):
        done = hub.run(*command)
        assert done.returncode == 1
        assert (
            done.stderr == f"Error: Grove is not running on {hub.data}. Start it with `make run`, or set GROVE_DATA.\n"
        )
    assert hub.run("check_health").returncode == 1


def test_a_port_in_use_is_one_line_and_a_code(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = live.launch(tmp_path / "data", PORT=str(port))
        assert refused.process.wait(timeout=60) == Exit.PORT
    assert refused.said() == (
        f"grove  | Port {port} on 127.0.0.1 cannot be used (Address already in use). Choose another with PORT.\n"
    )
    live.remove(tmp_path / "data")
