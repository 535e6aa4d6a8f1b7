"""Commits while processes are killed: what was acknowledged is there, and nothing is there by half."""

import base64
import json
import threading
import time
from collections.abc import Iterator

import httpx2 as httpx

from tests import live
from tests.faults.processes import kill
from tests.waiting import wait_until

WRITERS = 8
ENOUGH = 6  # commits that each writer gets through before the test ends


class Writer(threading.Thread):
    """Commits one file after the other, each under a name of its own, and notes which were acknowledged."""

    def __init__(self, hub: live.Instance, token: str, repo: str, number: int) -> None:
        super().__init__(daemon=True)
        self.acknowledged: dict[str, str] = {}
        self.failures = 0
        self.done = threading.Event()
        self._client = httpx.Client(base_url=hub.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        self._repo, self._number = repo, number

    def run(self) -> None:
        with self._client:
            self._write()

    def _write(self) -> None:
        number = 0
        while not self.done.is_set():
            path = f"{self._number}/{number}.txt"
            try:
                answer = self._client.post(f"/api/models/{self._repo}/commit/main", content=commit_of(path))
            except httpx.HTTPError:
                # Nothing was promised: it may be there or not.
                self.failures += 1
                time.sleep(0.05)
            else:
                if answer.status_code == 200:
                    self.acknowledged[path] = answer.json()["commitOid"]
                else:
                    assert answer.status_code == 503, answer.text
                    self.failures += 1
                    time.sleep(0.05)
            number += 1


def commit_of(path: str) -> bytes:
    """A commit of one file whose content is its path."""
    lines = [
        {"key": "header", "value": {"summary": f"Add {path}"}},
        {
            "key": "file",
            "value": {"path": path, "content": base64.b64encode(path.encode()).decode(), "encoding": "base64"},
        },
    ]
    return b"\n".join(json.dumps(line).encode() for line in lines)


def test_what_was_acknowledged_survives_every_kill(mortal_hub: live.Instance) -> None:
    hub = mortal_hub
    hub.manage("create_user", "ada", "--email", "ada@example.org", "--password", "a long enough passphrase")
    token = hub.manage("create_token", "ada", "--scope", "write", "--name", "faults")
    client = httpx.Client(base_url=hub.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    with client:
        client.post("/api/repos/create", json={"name": "busy"}).raise_for_status()
        writers = write_while_killing(hub, token)
        check(client, writers)
    # Nothing is broken, either, in what no page shows.
    hub.manage("fsck")


def write_while_killing(hub: live.Instance, token: str) -> list[Writer]:
    """Let writers work while web server and database are killed; return them when all have got through."""
    writers = [Writer(hub, token, "ada/busy", number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()

    def all_past(count: int) -> bool:
        return all(len(writer.acknowledged) >= count for writer in writers)

    for round_, name in enumerate(("web", "db", "web"), start=1):
        wait_until(lambda count=round_ * ENOUGH // 4: all_past(count), 300)  # type: ignore[misc]
        kill(hub, name)
    wait_until(lambda: all_past(ENOUGH), 300)
    for writer in writers:
        writer.done.set()
        writer.join(timeout=60)
    return writers


def check(client: httpx.Client, writers: list[Writer]) -> None:
    """Compare what the hub shows with what it had promised."""
    commits = [commit for page in pages(client, "/api/models/ada/busy/commits/main") for commit in page]
    history = {commit["id"]: commit["title"] for commit in commits}
    tree = pages(client, "/api/models/ada/busy/tree/main?recursive=true")
    listed = {entry["path"]: entry for page in tree for entry in page}
    assert any(writer.failures for writer in writers), "Nothing was interrupted, so nothing was tested."
    for writer in writers:
        for path, oid in writer.acknowledged.items():
            assert history[oid] == f"Add {path}"
            assert path in listed
    # What was not acknowledged is there whole or not at all: one file for each commit, and each with its content.
    files = [path for path, entry in listed.items() if entry["type"] == "file" and path != ".gitattributes"]
    assert len(files) == len(history) - 1
    for path in files:
        assert client.get(f"/ada/busy/resolve/main/{path}").text == path


def pages(client: httpx.Client, address: str) -> Iterator[list[dict[str, str]]]:
    """Follow the links from page to page."""
    while address:
        answer = client.get(address)
        answer.raise_for_status()
        yield answer.json()
        address = answer.links.get("next", {}).get("url", "")
