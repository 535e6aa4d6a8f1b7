"""Processes that are killed while they work leave nothing half done."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from tests import live
from tests.repos.xet.building import noise, xorb_of

from .conftest import Caller, make_caller


@pytest.fixture
def own(mortal_hub, tmp_path) -> Caller:
    return make_caller(mortal_hub, tmp_path / "client")


def web_processes(hub: live.Instance) -> list[int]:
    """The site's gunicorn processes, found below the instance that the test started."""
    parents = {}
    commands = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(folder.name)] = (folder / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [hub.process.pid]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return [pid for pid in found if b"gunicorn" in commands[pid]]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.full  # in the usual run, the client of the next test is interrupted in the same way
def test_a_site_killed_in_an_upload_shows_nothing_and_takes_it_again(own: Caller):
    pieces = [noise(i, 100_000) for i in range(300)]
    name, body = xorb_of(pieces)
    token = own.token()
    staging = own.hub.data / "blobs" / "staging"
    address = urlsplit(own.hub.url)
    head = (
        f"POST /xet/v1/xorbs/default/{name} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + body[: len(body) // 2])
        wait_for(
            lambda: any(path.stat().st_size > len(body) // 4 for path in staging.glob("*")),
            "nothing is written while it comes in",
        )
        for pid in web_processes(own.hub):
            os.kill(pid, signal.SIGKILL)
    assert name not in own.xorbs()
    assert own.inside(f"print(Xorb.objects.filter(pk='{name}').exists())") == "False"

    def again() -> bool:
        try:
            return own.call("POST", f"/xet/v1/xorbs/default/{name}", body, token=token)[0] == 200
        except OSError:
            return False

    wait_for(again, "the site does not come back")
    assert name in own.xorbs()


def test_a_site_killed_in_an_upload_of_the_client_finishes_it_later(own: Caller, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(np.random.default_rng(4).bytes(150_000_000))
    staging = own.hub.data / "blobs" / "staging"

    def kill() -> None:
        wait_for(lambda: any(staging.glob("*")), "nothing is uploaded")
        for pid in web_processes(own.hub):
            os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    [file] = own.upload(path, HF_XET_CLIENT_RETRY_BASE_DELAY="500ms")["files"]
    killer.join()
    out = tmp_path / "out"
    own.download((file["hash"], path.stat().st_size, out))
    assert out.read_bytes() == path.read_bytes()
