"""The servers under measurement: nginx, and what any server's processes take of processor and memory."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.needs import program

COMMIT = "0" * 40
_TICKS = os.sysconf("SC_CLK_TCK")
_CONF = """
daemon off;
{user}
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  default_type application/octet-stream;
  sendfile on;
  client_max_body_size 0;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/other;
  fastcgi_temp_path {folder}/other;
  uwsgi_temp_path {folder}/other;
  scgi_temp_path {folder}/other;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/root;
    location /put/ {{
      dav_methods PUT;
      create_full_put_path on;
    }}
    location / {{
      add_header X-Repo-Commit {commit};
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """nginx with the files below `root`: those at `NAME/resolve/main/FILE` can be downloaded by the client library, and
    `put/` takes files by DAV."""

    url: str
    root: Path
    pid: int

    def publish(self, path: Path, repo: str, file: str) -> None:
        """Let the client library download a file that is there already."""
        target = self.root / repo / "resolve" / "main" / file
        target.parent.mkdir(parents=True)
        target.hardlink_to(path)


@contextmanager
def nginx(folder: Path) -> Iterator[Nginx]:
    """Run Debian's nginx on a port of its own, with its folder at `folder`."""
    for name in ("root/put", "body", "other"):
        (folder / name).mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    # Workers of another account could not read the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    conf = folder / "nginx.conf"
    conf.write_text(_CONF.format(folder=folder, user=user, port=port, commit=COMMIT))
    process = subprocess.Popen([program("nginx", "nginx-light"), "-p", str(folder), "-c", str(conf)])
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            assert process.poll() is None, (folder / "error.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield Nginx(f"http://127.0.0.1:{port}", folder / "root", process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def put(url: str, path: Path) -> None:
    """PUT a file as cheaply as a client can. Raises AssertionError where it is refused."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=300)
    try:
        connection.putrequest("PUT", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        connection.putheader("Content-Length", str(path.stat().st_size))
        connection.endheaders()
        with path.open("rb") as file:
            connection.sock.sendfile(file)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status < 300, f"{answer.status} {said!r}"
    finally:
        connection.close()


def processor_seconds(pid: int) -> float:
    """Seconds of processor time that a process and its descendants have taken."""
    total = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # Own time, and that of children who have ended.
        total += sum(map(int, fields[11:15]))
    return total / _TICKS


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def resident(pid: int) -> dict[int, int]:
    """Resident bytes of each process of a family, shared pages of the engines left out."""
    found = {}
    for one in family(pid):
        try:
            status = dict(line.split(":", 1) for line in Path(f"/proc/{one}/status").read_text().splitlines())
            found[one] = int(status["RssAnon"].split()[0]) * 1024
        except (FileNotFoundError, ProcessLookupError, KeyError):
            continue
    return found


@contextmanager
def watched(pid: int) -> Iterator[dict[int, int]]:
    """The highest resident bytes of each process of a family during the block, looked at twenty times a second."""
    peak: dict[int, int] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            for one, size in resident(pid).items():
                peak[one] = max(size, peak.get(one, 0))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
