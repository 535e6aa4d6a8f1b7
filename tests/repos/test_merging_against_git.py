"""What merging makes of two lines of history is what `git merge` makes of them, file by file and line by line."""

import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dulwich.index import commit_tree
from dulwich.object_store import MemoryObjectStore
from dulwich.objects import Blob

from hub.repos.git.commits import write_commit
from hub.repos.git.files import find_entries
from hub.repos.git.history import changes, merge_bases
from hub.repos.git.merging import compare_lines
from hub.repos.git.objects import Entry, ObjectWriter
from hub.repos.models import GitCommit, Repository
from hub.repos.models.git import ObjectType
from tests.factories import make_repo

pytestmark = pytest.mark.django_db

Files = dict[str, tuple[int, bytes]]
PATHS = ["a.txt", "b.txt", "docs/c.md", "docs", "data.bin"]
WORDS = ["alpha", "beta", "", "}", "gamma", "=======", "<<<<<<< HEAD"]


class History:
    """Commits made here and by git alike."""

    def __init__(self, folder: Path) -> None:
        self.repo: Repository = make_repo()
        self.folder = folder
        self.files: list[Files] = []
        self.commits: list[GitCommit] = []
        self.names: list[str] = []
        subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
        self.git("config", "user.name", "t")
        self.git("config", "user.email", "t@example.org")

    def git(self, *args: str, data: bytes | None = None, ok: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(["git", "-C", str(self.folder), *args], input=data, capture_output=True, check=False)
        assert done.returncode in ok, done.stderr
        return done.stdout.decode().strip()

    def commit(self, files: Files, parents: list[int]) -> int:
        """Make a commit with these files; return its number."""
        writer, store, entries = ObjectWriter(self.repo.store_id), MemoryObjectStore(), []
        for path, (mode, content) in sorted(files.items()):
            oid = writer.add(ObjectType.BLOB, content)
            entries.append((path.encode(), Blob.from_string(content).id, mode))
            assert Blob.from_string(content).id == oid.encode()
        root = commit_tree(store, entries)
        for oid in store:
            writer.add(ObjectType.TREE, store[oid].as_raw_string())
        writer.flush()
        number = len(self.commits)
        made = write_commit(
            repo=self.repo,
            writer=writer,
            tree=root.decode(),
            parents=[self.commits[parent] for parent in parents],
            actor=self.repo.created_by,  # type: ignore[arg-type]
            title=f"Commit {number} of {random.random()}",
        )
        # Git has the same commit with the same time.
        GitCommit.objects.filter(pk=made.pk).update(committed_at=datetime.fromtimestamp(10**9 + number, tz=UTC))
        self.files.append(files)
        self.commits.append(GitCommit.objects.get(pk=made.pk))
        self.names.append(self._by_git(files, parents, number))
        return number

    def _by_git(self, files: Files, parents: list[int], number: int) -> str:
        stream = bytearray(
            f"commit refs/heads/c{number}\ncommitter t <t@e> {10**9 + number} +0000\ndata 1\nx\n".encode()
        )
        if parents:
            stream += f"from {self.names[parents[0]]}\n".encode()
            for parent in parents[1:]:
                stream += f"merge {self.names[parent]}\n".encode()
        stream += b"deleteall\n"
        for path, (mode, content) in files.items():
            stream += f"M {mode:o} inline {path}\ndata {len(content)}\n".encode() + content + b"\n"
        self.git("fast-import", "--quiet", "--force", data=bytes(stream))
        return self.git("rev-parse", f"c{number}")

    def merged_by_git(self, ours: int, theirs: int) -> tuple[Files, set[str]]:
        """Return the files as `git merge` leaves them, and the paths that conflict."""
        self.git("checkout", "-q", "-f", "--detach", self.names[ours])
        self.git("clean", "-qfdx")
        self.git("merge", "-q", "--no-commit", "--no-ff", "-X", "no-renames", self.names[theirs], ok=(0, 1))
        disputed = set(self.git("diff", "--name-only", "-z", "--diff-filter=U").split("\0")) - {""}
        staged: Files = {}
        for line in self.git("ls-files", "-s", "-z").split("\0"):
            facts, _tab, path = line.partition("\t")
            if path and facts.endswith(" 0"):
                mode, oid, _stage = facts.split()
                staged[path] = int(mode, 8), self._content(oid)
        self.git("reset", "-q", "--hard")
        return staged, disputed

    def _content(self, oid: str) -> bytes:
        done = subprocess.run(["git", "-C", str(self.folder), "cat-file", "blob", oid], capture_output=True, check=True)
        return done.stdout

    def merged_here(self, ours: int, theirs: int) -> tuple[dict[str, Entry], set[str], dict[str, bytes]]:
        """Return what is at each path then, the paths that conflict, and the contents that are new."""
        target, side = self.commits[ours], self.commits[theirs]
        found = compare_lines(self.repo, target, side)
        assert found.changes == compare_lines(self.repo, target, side, texts=False).changes
        at = find_entries(self.repo, target, self.files[ours])
        for change in found.changes:
            if change.new is None:
                del at[change.path]
            else:
                at[change.path] = change.new
        return at, set(found.conflicts), found.lines.contents


def check(history: History, ours: int, theirs: int) -> str:
    """Compare what both make of it; return "merged", "conflict", or "careful" where we ask people and git does not."""
    expected, disputed = history.merged_by_git(ours, theirs)
    at, conflicts, new = history.merged_here(ours, theirs)
    crosswise = len(merge_bases(history.repo, history.commits[ours], history.commits[theirs])) > 1
    # Git puts files that are in the way of folders under another name.
    disputed = {path.partition("~")[0] for path in disputed}
    if not (crosswise and conflicts and not disputed):
        assert bool(conflicts) == bool(disputed), (conflicts, disputed)
        near = {p for c in conflicts for p in [c, c.split("/")[0]]} | {
            p for c in disputed for p in [c, c.split("/")[0]]
        }
        got = {path: entry for path, entry in at.items() if path not in near and path.split("/")[0] not in near}
        want = {p: Entry(mode, Blob.from_string(c).id.decode()) for p, (mode, c) in expected.items()}
        want = {p: e for p, e in want.items() if p.partition("~")[0] not in near and p.split("/")[0] not in near}
        assert got == want
        if not conflicts:
            for path, entry in at.items():
                assert entry.oid not in new or new[entry.oid] == expected[path][1]
        return "conflict" if conflicts else "merged"
    return "careful"


def edited(choose: random.Random, files: Files) -> Files:
    """Return the files after a few edits, as somebody might make them."""
    files = dict(files)
    for _turn in range(choose.randint(1, 3)):
        path = choose.choice(PATHS)
        in_the_way = {"docs": "docs/c.md", "docs/c.md": "docs"}.get(path)
        if in_the_way in files:
            continue
        mode, content = files.get(path, (0o100644, b""))
        match choose.randint(0, 9):
            case 0:
                files.pop(path, None)
            case 1:
                files[path] = (0o100755 if mode == 0o100644 else 0o100644, content)
            case 2:
                files[path] = (mode, b"\0" + bytes([choose.randint(0, 255)]))
            case _:
                lines = content.split(b"\n") if content else [b"%d" % n for n in range(12)]
                place = choose.randint(0, len(lines))
                word = choose.choice(WORDS).encode()
                lines[place : place + choose.randint(0, 2)] = [word] * choose.randint(0, 2)
                files[path] = (mode, b"\n".join(lines))
    return files


def live(folder: Path, seed: int) -> list[str]:
    """Make a random history of two lines that take each other in; compare every merge. Returns what came of each."""
    choose = random.Random(seed)
    history = History(folder)
    text = b"".join(b"line %d\n" % number for number in range(15))
    first: Files = dict.fromkeys(("a.txt", "docs/c.md"), (33188, text))
    root = history.commit(first, [])
    tips = [root, root]
    came: list[str] = []
    for _step in range(9):
        line = choose.randint(0, 1)
        mine, other = tips[line], tips[1 - line]
        if choose.random() < 0.35 and mine != other:
            came.append(check(history, mine, other))
            files = (
                edited(choose, history.files[mine]) if came[-1] != "merged" else history.merged_by_git(mine, other)[0]
            )
            made = history.commit(files, [mine, other])
            if choose.random() < 0.5:
                # Both lines take each other in at the same time.
                tips[1 - line] = history.commit(edited(choose, history.files[other]), [other, mine])
            tips[line] = made
        else:
            tips[line] = history.commit(edited(choose, history.files[mine]), [mine])
    came.append(check(history, *tips))
    assert changes(history.repo, history.commits[root], history.commits[tips[0]]) is not None
    return came


@pytest.mark.parametrize("seed", range(3))
def test_merging_is_what_git_makes_of_it(tmp_path: Path, seed: int) -> None:
    assert live(tmp_path, seed)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 300))
def test_merging_is_what_git_makes_of_it_in_many_histories(tmp_path: Path, seed: int) -> None:
    assert live(tmp_path, seed)
