"""Commits and listings of the version store, against git on a bare repository with the same files.

    python -m tests.benchmarks.commits [--quick] [--json FILE]

The peer of a commit is `git fast-import` of the same files, that of a listing `git ls-tree -r -l`: whole processes on the
local disk, without the durability of a database. Medians in milliseconds; ratio: how much longer git takes.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hub.repos.git.commits import Stage, create_commit
from hub.repos.git.files import list_folder, resolve_revision
from hub.repos.models import Repository
from tests.benchmarks.harness import Figure, compare, database, run
from tests.factories import make_repo


def measure(quick: bool) -> Iterator[Figure]:
    base = 2_000 if quick else 20_000
    with database(), tempfile.TemporaryDirectory(prefix="grove-bench-") as name:
        git = Path(name)
        subprocess.run(["git", "init", "--bare", "--quiet", str(git)], check=True)
        repo = make_repo()
        first = files_of("base", base)
        commit(repo, first)
        fast_import(git, first)
        for size, aim in ((1, 0.2), (1000, 0.3)):
            yield compare(
                f"a commit of {size} files into {base}",
                lambda turn, size=size: commit(repo, files_of(f"{size}-{turn}", size)),
                lambda turn, size=size: fast_import(git, files_of(f"{size}-{turn}", size)),
                "git fast-import",
                aim,
            )
        yield compare(
            "the listing of all files of main",
            lambda turn: list_folder(repo, resolve_revision(repo, "main"), recursive=True),
            lambda turn: subprocess.run(
                ["git", "ls-tree", "-r", "-l", "main"], cwd=git, check=True, capture_output=True
            ),
            "git ls-tree",
            0.05,
        )


def files_of(folder: str, count: int) -> dict[str, bytes]:
    """Small files, a hundred to a folder."""
    return {f"{folder}/{n // 100}/{n}.json": f'{{"of": "{folder}", "number": {n}}}'.encode() * 8 for n in range(count)}


def commit(repo: Repository, files: dict[str, bytes]) -> None:
    assert repo.created_by is not None
    stage = Stage(repo)
    operations = [stage.file(path, content) for path, content in files.items()]
    stage.finish()
    create_commit(repo=repo, actor=repo.created_by, operations=operations, title="Benchmark")


def fast_import(git: Path, files: dict[str, bytes]) -> None:
    """Commit the files to `main` on top of what is there."""
    on_top = (git / "refs/heads/main").exists()
    stream = b"commit refs/heads/main\ncommitter Benchmark <b@example.org> now\ndata 9\nBenchmark\n"
    stream += b"from refs/heads/main^0\n" if on_top else b""
    for path, content in files.items():
        stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)
    subprocess.run(["git", "fast-import", "--quiet", "--date-format=now"], cwd=git, input=stream, check=True)


if __name__ == "__main__":
    run(__doc__, measure)
