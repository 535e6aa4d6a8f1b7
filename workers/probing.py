"""What a confined child tries at the worker's start, to prove that it is refused: `workers.probing FOLDER PORT PID`.

FOLDER holds `readable/file` (which it must be able to read, and not to write), `outside/file`, `outside/socket` and `scratch`
(which it must be able to write to); a server listens on PORT of the loopback; PID is the worker.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from workers import channel


def main() -> None:
    """Try everything and say what was refused and what was not."""
    folder, port, parent = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    tries: dict[str, list[Callable[[], object]]] = {
        "network": [
            lambda: socket.create_connection(("127.0.0.1", port), 2).close(),
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("127.0.0.1", port)),
        ],
        "unix-socket": [lambda: socket.socket(socket.AF_UNIX).connect(str(folder / "outside" / "socket"))],
        "read": [
            lambda: (folder / "outside" / "file").read_bytes(),
            lambda: os.listdir(folder / "outside"),
            lambda: Path("/etc/passwd").read_bytes(),
            lambda: Path(f"/proc/{parent}/environ").read_bytes(),
        ],
        "write": [
            lambda: (folder / "outside" / "new").touch(),
            lambda: (folder / "readable" / "file").write_text("changed"),
            lambda: (folder / "readable" / "new").touch(),
            lambda: Path("/dev/shm/grove-probe").touch(),  # noqa: S108
            lambda: Path("/tmp/grove-probe").touch(),  # noqa: S108
        ],
        "programs": [lambda: subprocess.run([sys.executable, "-c", ""], check=True), _fork],
        "signals": [lambda: os.kill(parent, 0), lambda: os.kill(1, signal.SIGCONT)],
    }
    allowed = [name for name, calls in tries.items() if not all(_is_refused(call) for call in calls)]
    if (folder / "readable" / "file").read_text() != "readable":
        allowed.append("write")
    (folder / "scratch" / "file").write_text("mine")
    refused = [name for name in tries if name not in allowed]
    channel.inherited().send({"refused": refused, "allowed": allowed})


def _fork() -> None:
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except (OSError, subprocess.SubprocessError):
        return True
    return False


if __name__ == "__main__":
    main()
