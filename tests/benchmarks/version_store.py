"""The version store against git: commits and listings, and clones and pushes through a whole hub.

    python -m tests.benchmarks.version_store [--quick] [--json FILE]

The peer of a commit is `git fast-import` of the same files, that of a listing `git ls-tree -r -l`: whole processes on the
local disk, without the durability of a database. The peer of clones and pushes is `git http-backend` behind Python's own HTTP
server. Medians in milliseconds; ratio: how much longer git takes.
"""

import os
import random
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx2 as httpx

from hub.repos.git.commits import Stage, create_commit
from hub.repos.git.files import list_folder, resolve_revision
from hub.repos.models import Repository
from tests import live
from tests.benchmarks.harness import Figure, compare, database, run
from tests.factories import make_repo

ROUNDS = 5


def measure(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="grove-bench-") as name:
        yield from commits(Path(name), 2_000 if quick else 20_000)
        yield from over_http(Path(name), *((500, 20) if quick else (5_000, 200)))


def commits(folder: Path, base: int) -> Iterator[Figure]:
    with database():
        git = folder / "commits.git"
        subprocess.run(["git", "init", "--bare", "--quiet", str(git)], check=True)
        repo = make_repo()
        first = files_of("base", base)
        commit(repo, first)
        fast_import(git, first)
        for size, aim in ((1, 0.2), (1000, 0.67)):
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


def over_http(folder: Path, files: int, versions: int) -> Iterator[Figure]:
    """Clones and pushes of a history, by the same git, from and to both servers in turns."""
    source, data = folder / "source.git", folder / "data"
    make_history(source, files, versions)
    (folder / "home").mkdir()
    named = f"{files} files, {versions} commits"
    with live.running(data) as hub, http_backend(folder / "served") as peer:
        hub.manage("create_user", "bench", "--email", "b@example.org", "--password", "correct horse battery")
        token = hub.manage("create_token", "bench", "--scope", "write", "--name", "bench")
        ours = hub.url.replace("://", f"://bench:{token}@")
        for turn in range(ROUNDS + 1):
            create(hub.url, token, f"repo{turn}")
            subprocess.run(["git", "init", "--bare", "--quiet", str(folder / "served" / f"repo{turn}.git")], check=True)
        yield compare(
            f"a push of {named}",
            lambda turn: git(folder, "push", "--quiet", "--force", f"{ours}/bench/repo{turn}", "main", at=source),
            lambda turn: git(folder, "push", "--quiet", f"{peer}/repo{turn}.git", "main", at=source),
            "git http-backend",
            0.15,
            rounds=ROUNDS,
        )
        yield compare(
            f"a clone of {named}",
            lambda turn: clone(folder, f"{ours}/bench/repo0"),
            lambda turn: clone(folder, f"{peer}/repo0.git"),
            "git http-backend",
            0.67,
            rounds=ROUNDS,
        )
        yield compare(
            f"a clone of {named}, from a node that has never served it",
            lambda turn: cold(data, lambda: clone(folder, f"{ours}/bench/repo0")),
            lambda turn: clone(folder, f"{peer}/repo0.git"),
            "git http-backend",
            0.3,
            rounds=ROUNDS,
        )
    live.remove(data)


def cold(data: Path, work: Callable[[], None]) -> None:
    shutil.rmtree(data / "git-cache", ignore_errors=True)
    work()


def clone(folder: Path, url: str) -> None:
    target = folder / "clone"
    git(folder, "clone", "--quiet", "--bare", url, str(target))
    shutil.rmtree(target)


def git(folder: Path, *args: str, at: Path | None = None) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "GIT_TERMINAL_PROMPT": "0"}
    # In one piece: the peer's server knows no chunks.
    subprocess.run(["git", "-c", "http.postBuffer=200000000", *args], cwd=at or folder, env=env, check=True)


def create(url: str, token: str, name: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    httpx.post(f"{url}/api/repos/create", json={"name": name}, headers=headers).raise_for_status()


def make_history(target: Path, files: int, versions: int) -> None:
    """Make a bare repository: the first commit has all files, each further one changes twenty."""
    subprocess.run(["git", "init", "--bare", "--quiet", str(target)], check=True)
    chance = random.Random(1)
    paths = [f"d{n // 100}/s{n // 10 % 10}/f{n}.json" for n in range(files)]
    stream = []
    for version in range(versions):
        stream.append(
            f"commit refs/heads/main\ncommitter A <a@x.org> {1_700_000_000 + version} +0000\ndata 2\nv\n".encode()
        )
        for path in paths if version == 0 else chance.sample(paths, 20):
            content = "".join(f'"{key}": {chance.random()},\n' for key in range(20)).encode()
            stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=target, input=b"".join(stream), check=True)


@contextmanager
def http_backend(root: Path) -> Iterator[str]:
    """Serve the bare repositories in `root` by `git http-backend`; yields the address."""
    root.mkdir()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            env = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REMOTE_USER": "bench",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": self.headers.get("Content-Length", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            done = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE, check=True)
            head, _blank, content = done.stdout.partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().splitlines()]
            status = next((value for name, value in lines if name == "Status"), "200")
            self.send_response(int(status.split()[0]))
            for name, value in lines:
                if name != "Status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the server asks by this name

        def log_message(self, *_args: object) -> None:
            """Say nothing between the figures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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
