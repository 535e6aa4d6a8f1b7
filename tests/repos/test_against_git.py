"""Any sequence of commits gives what git itself makes of it: the same ids, the same listing, the same last commits."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hub.repos.git.commits import Delete, Operation, PutBlob, PutFile, Stage, create_commit
from hub.repos.git.files import find_file, read_file, resolve_revision
from hub.repos.git.objects import format_pointer
from hub.repos.models import GitCommit, GitPath
from tests.factories import make_blob, make_repo

pytestmark = pytest.mark.django_db

# Few names, so that they meet; those that git sorts otherwise than people do; one that is no ASCII.
NAMES = ["a", "a.b", "a-b", "a0", "b", "é", "B"]
SHA256 = "ab" * 32
SIZE = 5

Step = tuple[str, str, str]

paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
steps = st.one_of(
    st.tuples(st.just("put"), paths, st.sampled_from(["", "1", "22", "333\n"])),
    st.tuples(st.just("large"), paths, st.just("")),
    st.tuples(st.just("delete"), paths, st.just("")),
    st.tuples(st.just("delete folder"), paths, st.just("")),
    st.tuples(st.just("copy"), paths, paths),
)


class Model:
    """What the files of a branch are by plain rules: path -> content. It leaves out what could not be done."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = dict(files)

    def folder(self, path: str) -> list[str]:
        return [p for p in self.files if p.startswith(f"{path}/")]

    def is_free(self, path: str) -> bool:
        """Tell whether a file may stand at `path`: no folder is there, and no file where a folder would have to be."""
        parts = path.split("/")
        above = {"/".join(parts[:n]) for n in range(1, len(parts))}
        return not self.folder(path) and not above & self.files.keys()

    def take(self, step: Step) -> list[tuple[str, bytes | None]]:
        """Do one step; return (path, content or None) of each file that it touches, [] where it cannot be done."""
        what, path, more = step
        if what.startswith("delete"):
            folder = what == "delete folder"
            gone = self.folder(path) if folder else [path] if path in self.files else []
            for each in gone:
                del self.files[each]
            return [(each, None) for each in gone]
        target = more if what == "copy" else path
        if (what == "copy" and path not in self.files) or not self.is_free(target):
            return []
        content = {"put": more.encode(), "large": format_pointer(SHA256, SIZE)}.get(what) or self.files.get(path, b"")
        self.files[target] = b"" if what == "put" and not more else content
        return [(target, self.files[target])]


def operations_of(step: Step, touched: list[tuple[str, bytes | None]], stage: Stage) -> Iterator[Operation]:
    """Spell a step as a commit does. Copies come as content, or by the name of large content."""
    what, path, _more = step
    if what == "delete folder":
        yield Delete(f"{path}/")
        return
    for each, content in touched:
        if content is None:
            yield Delete(each)
        elif content == format_pointer(SHA256, SIZE):
            yield PutBlob(each, SHA256)
        else:
            put = stage.file(each, content)
            assert isinstance(put, PutFile)
            yield put


def fast_import(folder: Path, commits: list[tuple[GitCommit, list[tuple[str, bytes | None]]]]) -> None:
    """Make the same commits with git, in a fresh bare repository."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    stream = bytearray()
    for commit, touched in commits:
        stamp = f"{commit.author_name} <{commit.author_email}> {int(commit.committed_at.timestamp())} +0000"
        message = commit.message.encode()
        stream += b"commit refs/heads/main\n"
        stream += f"author {stamp}\ncommitter {stamp}\nencoding UTF-8\ndata {len(message)}\n".encode() + message + b"\n"
        for path, content in touched:
            if content is None:
                stream += f"D {path}\n".encode()
            else:
                stream += f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n"
    subprocess.run(["git", "-C", str(folder), "fast-import", "--quiet"], input=bytes(stream), check=True)


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], check=True, capture_output=True)
    return done.stdout.decode()


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequences=st.lists(st.lists(steps, min_size=1, max_size=6), min_size=1, max_size=6))
# What goes and comes back unchanged in one commit was not changed by it.
@example([[("put", "a", "1")], [("delete", "a", ""), ("put", "a", "1"), ("put", "b", "1")]])
@example([[("put", "a/b", "1")], [("delete folder", "a", ""), ("put", "a/b", "1"), ("put", "B", "1")]])
# A file takes the name of a folder that goes, and a folder that of a file.
@example(
    [
        [("put", "a/b", "1"), ("put", "b", "1")],
        [("delete", "a/b", ""), ("put", "a", "1")],
        [("delete", "a", ""), ("put", "a/a/a", "1")],
    ]
)
def test_commits_are_what_git_makes_of_them(
    tmp_path_factory: pytest.TempPathFactory, sequences: list[list[Step]]
) -> None:
    repo = make_repo()
    make_blob(repo, repo.created_by, SHA256, SIZE)  # type: ignore[arg-type]
    first = resolve_revision(repo, "main")
    attributes = read_file(repo, find_file(repo, first, ".gitattributes"))
    model = Model({".gitattributes": attributes})
    made: list[tuple[GitCommit, list[tuple[str, bytes | None]]]] = [(first, [(".gitattributes", attributes)])]
    for number, sequence in enumerate(sequences):
        before = dict(model.files)
        stage = Stage(repo)
        operations: list[Operation] = []
        touched: list[tuple[str, bytes | None]] = []
        for step in sequence:
            done = model.take(step)
            if done:
                operations += operations_of(step, done, stage)
                touched += done
        stage.finish()
        commit = create_commit(
            repo=repo,
            actor=repo.created_by,  # type: ignore[arg-type]
            operations=operations,
            title=f"Change {number}",
        )
        if model.files == before:
            assert commit == made[-1][0]
        else:
            made.append((commit, touched))
    folder = tmp_path_factory.mktemp("git") / "repo.git"
    fast_import(folder, made)
    assert git(folder, "log", "--format=%H %T").splitlines() == [f"{c.oid} {c.tree}" for c, _touched in reversed(made)]
    entries = [line.split("\t") for line in git(folder, "ls-tree", "-r", "-z", "HEAD").split("\0") if line]
    rows = GitPath.objects.filter(repository=repo).order_by("path")
    assert [(f"{row.mode:o} blob {row.oid}", row.path) for row in rows] == [tuple(entry) for entry in entries]
    assert {row.path: row.size for row in rows} == {
        path: SIZE if content == format_pointer(SHA256, SIZE) else len(content) for path, content in model.files.items()
    }
    last: dict[str, str] = {}
    for commit in git(folder, "log", "--format=%x01%H", "--name-only", "--no-renames", "-z").split("\x01")[1:]:
        oid, *changed = commit.strip("\0\n").split("\0")
        for path in changed:
            last.setdefault(path.lstrip("\n"), oid.strip())
    assert {row.path: row.last_commit for row in rows} == {path: last[path] for path in model.files}
