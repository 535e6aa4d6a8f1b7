"""Run OpenStack Swift: `.venv-swift/bin/python -P tests/swift_server.py FOLDER PID`. tests/s3.py writes FOLDER and calls this.

One process each for the proxy (which speaks S3), the accounts, the containers and the objects. They end with this one, however
it ends, and it ends with the process PID. It goes into the background at once, its own id in FOLDER/pid; what they say goes to
FOLDER/log. Runs in Swift's own environment.
"""

import ctypes
import json
import os
import signal
import socket
import sys
from pathlib import Path

from swift.account import server as _account  # noqa: F401 - loaded once, here, for all that are forked below
from swift.common.ring import RingBuilder
from swift.common.wsgi import run_wsgi
from swift.container import server as _container  # noqa: F401
from swift.obj import server as _object  # noqa: F401
from swift.proxy import server as _proxy  # noqa: F401

SET_DEATH_SIGNAL = 1


def main(folder: Path, owner: int) -> None:
    ports = json.loads((folder / "ports.json").read_text())
    for kind in ("account", "container", "object"):
        if not (folder / f"{kind}.ring.gz").exists():
            make_ring(folder / f"{kind}.ring.gz", ports[kind])
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind(("127.0.0.1", ports["log"]))
    heard.settimeout(1)
    if pid := os.fork():
        (folder / "pid").write_text(str(pid))
        os._exit(0)
    os.setsid()
    parent = os.getpid()
    children = []
    for kind in ("account", "container", "object", "proxy"):
        if pid := os.fork():
            children.append(pid)
            continue
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() == parent:
            os._exit(run_wsgi(str(folder / f"{kind}.conf"), f"{kind}-server"))
        os._exit(1)
    with (folder / "log").open("ab", buffering=0) as log:
        while is_alive(owner) and os.waitpid(-1, os.WNOHANG) == (0, 0):
            try:
                log.write(heard.recv(65536).rstrip(b"\0") + b"\n")
            except TimeoutError:
                continue
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def make_ring(path: Path, port: int) -> None:
    """One device with one copy of everything: the folder `device` beside the ring."""
    builder = RingBuilder(4, 1, 0)
    builder.add_dev(
        {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "ip": "127.0.0.1", "port": port, "device": "device"}
    )
    builder.rebalance()
    builder.get_ring().save(str(path))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
