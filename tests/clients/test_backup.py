"""A hub that is backed up while people work on it, restored elsewhere, and used there with the client."""

import hashlib
import os
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx2 as httpx
import pytest

from tests import live, prepared, s3
from tests.clients.conftest import Client, make_client
from tests.waiting import wait_until


class Writer(threading.Thread):
    """Uploads, replaces and deletes files, and makes and deletes repositories, until it is told to stop."""

    def __init__(self, client: Client, number: int) -> None:
        super().__init__(daemon=True)
        self.stop = threading.Event()
        self.problem = ""
        self.rounds = 0
        self._number = number
        self._http = httpx.Client(
            base_url=client.hub.url, headers={"Authorization": f"Bearer {client.token}"}, timeout=60
        )
        self._owner = client.name

    def run(self) -> None:
        with self._http:
            for number in count():
                if self.stop.is_set():
                    return
                try:
                    self._round(number)
                except (httpx.HTTPError, AssertionError) as error:
                    self.problem = repr(error)
                    return
                self.rounds += 1

    def _round(self, number: int) -> None:
        repo = f"busy-{self._number}-{number % 2}"
        if number > 1:
            body = {"name": repo, "organization": self._owner}
            self._http.request("DELETE", "/api/repos/delete", json=body).raise_for_status()
        self._http.post("/api/repos/create", json={"name": repo}).raise_for_status()
        for name in ("one.bin", "two.bin", "one.bin"):
            path = f"/api/v1/models/{self._owner}/{repo}/files/main/{name}"
            self._http.put(path, content=os.urandom(200_000)).raise_for_status()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[live.Instance]:
    """A hub with nothing in it but what people put there: other tests damage theirs, and write rows that no upload does."""
    with prepared.hub(tmp_path) as hub:
        yield hub


# What the copies of content and the refusals are, tests/repos/storage tells in the usual run.
@pytest.mark.full
@pytest.mark.parametrize("restored_to", ["files", "s3"])
def test_a_hub_that_is_busy_is_restored_whole(
    hub: live.Instance, tools: Path, tmp_path: Path, restored_to: str, request: pytest.FixtureRequest
) -> None:
    ada = make_client(hub, tmp_path / "home")
    ada.home.mkdir()
    content = os.urandom(3_000_000)
    (ada.home / "weights.bin").write_bytes(content)
    ada.run("hf", "upload", f"{ada.name}/kept", "weights.bin")
    writers = [Writer(ada, number) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        wait_for(writers, rounds=1)
        said = hub.manage("backup", str(tmp_path / "backups"), "--verify")
        before = [writer.rounds for writer in writers]
        wait_for(writers, rounds=max(before) + 1)
    finally:
        for writer in writers:
            writer.stop.set()
    for writer in writers:
        writer.join(60)
        assert not writer.problem
    assert "The backup is made" in said

    settings: dict[str, str] = {}
    if restored_to == "s3":
        swift: s3.S3Server = request.getfixturevalue("swift")
        settings = swift.settings(swift.make_bucket())
    data = tmp_path / "restored"
    try:
        with live.running(data, "--engines", **settings) as engines:
            restored = engines.run("restore", str(tmp_path / "backups"))
            assert restored.returncode == 0, restored.stdout + restored.stderr
            assert "All is well." in restored.stdout
        with live.running(data, **settings) as other:
            # The same account and token, with the same files, through Xet and around it.
            there = Client(other, ada.name, ada.token, tmp_path / "elsewhere")
            there.home.mkdir()
            there.run("hf", "download", f"{ada.name}/kept", "--local-dir", "got")
            assert hashlib.sha256((there.home / "got" / "weights.bin").read_bytes()).digest() == (
                hashlib.sha256(content).digest()
            )
            plain = httpx.get(f"{other.url}/{ada.name}/kept/resolve/main/weights.bin", follow_redirects=True)
            assert plain.content == content
            # And it goes on from there.
            (there.home / "more.bin").write_bytes(content[::-1])
            there.run("hf", "upload", f"{ada.name}/kept", "more.bin")
            assert "All is well." in other.manage("fsck", "--rehash")
    finally:
        live.remove(data)


def wait_for(writers: list[Writer], *, rounds: int) -> None:
    wait_until(lambda: all(writer.rounds >= rounds or writer.problem for writer in writers), 300)
