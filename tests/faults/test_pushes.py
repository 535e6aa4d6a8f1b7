"""Pushes of real git clients while processes are killed: what git called accepted is there, and nothing is by half."""

import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from hub.embedded.processes import PROC
from hub.repos.git.packs import SETTLED_SECONDS
from tests import live
from tests.clients.conftest import make_client
from tests.clients.git import Git
from tests.faults.processes import kill
from tests.faults.test_commits import pages
from tests.waiting import wait_until

WRITERS = 8
# What each writer sends with every commit; the last ones push to one branch together.
TAGS, LARGE_FILES, SHARED = {0, 1}, {2, 3}, {5, 6, 7}
# What git may say of a push that came to nothing: it was cut off, the hub was not ready or too busy, or others were first.
EXPECTED = re.compile(
    r"RPC failed|unable to access|unexpected disconnect|remote end hung up|HTTP 50[234]|error: (429|50[234])|connection reset"
    r"|EOF|\[rejected\]|has moved meanwhile|Others pushed at the same time",
    re.IGNORECASE,
)


class Writer(threading.Thread):
    """Commits in a clone of its own and pushes each commit until git calls it accepted, and notes what was."""

    def __init__(self, git: Git, url: str, number: int) -> None:
        super().__init__(daemon=True)
        self.accepted: dict[str, str] = {}  # commit -> the file that it added
        self.refused: list[str] = []
        self.done = threading.Event()
        # One for each push that it is to make. Whoever is first on a shared branch then waits for those who were not.
        self.asked = threading.Semaphore(0)
        self.branch = "main" if number in SHARED else f"writer-{number}"
        self._git, self._number, self._clone = git, number, f"clone-{number}"
        git("clone", "-q", url, self._clone)
        if number in LARGE_FILES:
            git("lfs", "install", "--local", at=self._clone)

    def run(self) -> None:
        number = 0
        while self.asked.acquire() and not self.done.is_set():
            self._push(number)
            number += 1

    def stop(self) -> None:
        self.done.set()
        self.asked.release()

    def _push(self, number: int) -> None:
        name = f"{self._number}-{number}"
        file = f"{name}.{'bin' if self._number in LARGE_FILES else 'txt'}"
        self._git.commit(self._clone, f"Add {file}", **{file: content_of(file)})
        refs = [f"HEAD:refs/heads/{self.branch}"]
        if self._number in TAGS:
            self._git("tag", "-a", name, "-m", f"Release {name}", at=self._clone)
            refs.append(name)
        while not self.done.is_set():
            pushed = self._try("push", "--porcelain", "origin", *refs)
            if pushed.returncode == 0:
                self.accepted[self._git("rev-parse", "HEAD", at=self._clone).strip()] = file
                return
            self.refused.append(pushed.stdout + pushed.stderr)
            if self._number in SHARED:
                self._try("pull", "-q", "--rebase", "origin", self.branch)

    def _try(self, *args: str) -> subprocess.CompletedProcess[str]:
        env = self._git.client.env(GIT_TERMINAL_PROMPT="0", GIT_CONFIG_NOSYSTEM="1")
        place = self._git.home / self._clone
        return subprocess.run(["git", *args], cwd=place, env=env, capture_output=True, text=True, timeout=120)


def content_of(file: str) -> str:
    return f"This is {file}.\n"


@pytest.mark.parametrize(
    ("rounds", "pushes"),
    [
        pytest.param(("web", "db", "web"), 2, id="a few"),
        pytest.param(("web", "web", "db", "web") * 2, 3, id="many", marks=pytest.mark.full),
    ],
)
def test_what_git_called_accepted_survives_every_kill(
    mortal_hub: live.Instance, tmp_path: Path, rounds: tuple[str, ...], pushes: int
) -> None:
    """pushes: how many each writer makes around each kill."""
    ada = make_client(mortal_hub, tmp_path)
    git = Git(ada)
    with httpx.Client(base_url=mortal_hub.url, headers={"Authorization": f"Bearer {ada.token}"}, timeout=60) as client:
        client.post("/api/repos/create", json={"name": "busy"}).raise_for_status()
        url = f"{mortal_hub.url}/{ada.name}/busy"
        with writing(git, url) as writers:
            push_while_killing(mortal_hub, writers, rounds, pushes)
        check_what_was_said(writers)
        check_refs(client, f"/api/models/{ada.name}/busy", writers)
        check_leftovers(mortal_hub, git)
        check_clone(git, url, writers)
    mortal_hub.manage("fsck")


@contextmanager
def writing(git: Git, url: str) -> Iterator[list[Writer]]:
    """Let writers work for the length of the block."""
    writers = [Writer(git, url, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.stop()
        for writer in writers:
            writer.join(timeout=150)


def push_while_killing(hub: live.Instance, writers: list[Writer], rounds: tuple[str, ...], pushes: int) -> None:
    """Kill web server or database while all push, each time after another part of the pushes."""

    def accepted() -> int:
        assert all(writer.is_alive() for writer in writers)
        return sum(len(writer.accepted) for writer in writers)

    for round_, name in enumerate(rounds):
        before = round_ * pushes * WRITERS
        left = arriving(hub)  # by those that were killed in the last round
        for writer in writers:
            writer.asked.release(pushes)
        # At least some are still to come, and one of them has begun to arrive.
        enough = before + 5 * round_ % (pushes * WRITERS - 3)
        wait_until(lambda enough=enough: accepted() >= enough, 300)  # type: ignore[misc]
        wait_until(lambda left=left: bool(arriving(hub) - left))  # type: ignore[misc]
        kill(hub, name)
        wait_until(lambda before=before: accepted() == before + pushes * WRITERS, 300)  # type: ignore[misc]


def arriving(hub: live.Instance) -> set[Path]:
    """Return the folders of the pushes that are being taken in, or were when their process was killed."""
    return set((hub.data / "git-scratch").glob("*"))


def check_what_was_said(writers: list[Writer]) -> None:
    assert not any(writer.is_alive() for writer in writers)
    refused = [said for writer in writers for said in writer.refused]
    assert [said for said in refused if not EXPECTED.search(said)] == []
    cut_off = [said for said in refused if "[rejected]" not in said and "[remote rejected]" not in said]
    assert cut_off, "Nothing was interrupted, so nothing was tested."


def check_refs(client: httpx.Client, api: str, writers: list[Writer]) -> None:
    """Compare the refs and their history with what git was told."""
    refs = client.get(f"{api}/refs").json()
    branches = {ref["name"]: ref["targetCommit"] for ref in refs["branches"]}
    histories: dict[str, dict[str, str]] = {}
    for name, target in branches.items():
        commits = [commit for page in pages(client, f"{api}/commits/{name}") for commit in page]
        histories[name] = {commit["id"]: commit["title"] for commit in commits}
        assert commits[0]["id"] == target
    for writer in writers:
        for oid, file in writer.accepted.items():
            assert histories[writer.branch][oid] == f"Add {file}"
    # Nobody has pushed anything twice: what failed was there whole, or was pushed again.
    for titles in histories.values():
        assert len(set(titles.values())) == len(titles)
    tags = {ref["name"]: ref["targetCommit"] for ref in refs["tags"]}
    tagged = {file.removesuffix(".txt"): oid for number in TAGS for oid, file in writers[number].accepted.items()}
    assert tagged.items() <= tags.items()
    # A branch and its tag are moved together or not at all.
    for number in TAGS:
        titles = histories[f"writer-{number}"]
        assert {oid for name, oid in tags.items() if name.startswith(f"{number}-")} == {
            oid for oid, title in titles.items() if title.startswith("Add ")
        }


def check_leftovers(hub: live.Instance, git: Git) -> None:
    """See that no program goes on, and that the next push sweeps up after those that were killed."""
    wait_until(lambda: not programs_below(hub.data))
    scratch = hub.data / "git-scratch"
    settled = time.time() - SETTLED_SECONDS - 1
    for folder in scratch.iterdir():
        os.utime(folder, (settled, settled))
    git("push", "-q", "origin", "HEAD:refs/heads/after", at="clone-0")
    assert list(scratch.iterdir()) == []
    assert not list(hub.data.glob("git-cache/*/tmp-*"))


def programs_below(folder: Path) -> list[str]:
    """Return the places of all git programs that run on this data folder."""
    found = []
    for process in PROC.glob("[0-9]*"):
        try:
            place, name = os.readlink(process / "cwd"), (process / "comm").read_text()
        except OSError:
            continue
        if name.startswith("git") and place.startswith(f"{folder.resolve()}/"):
            found.append(place)
    return found


def check_clone(git: Git, url: str, writers: list[Writer]) -> None:
    """Fetch all of it anew and let git look at each object."""
    git("clone", "-q", url, "fresh")
    git("fsck", "--strict", "--full", at="fresh")
    for writer in writers:
        git("checkout", "-q", f"origin/{writer.branch}", at="fresh")
        for file in writer.accepted.values():
            assert (git.home / "fresh" / file).read_text() == content_of(file)
