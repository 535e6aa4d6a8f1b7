"""The processes of a hub that runs: which there are, and killing them."""

import os
import signal
from pathlib import Path

from hub.embedded import engines_of
from hub.embedded.processes import PROC, leftovers
from tests import live

# What tells each process from the others; the first is that of the others' parent.
MARKS = {
    "web": "gunicorn hub.wsgi",
    "worker": "celery --app=hub --quiet worker",
    "beat": "celery --app=hub.beat --quiet beat",
    "db": "postgres -D",
    "queue": "valkey-server",
}


def processes(data: Path) -> dict[int, str]:
    """Every process of the instance but its supervisor: pid to command line."""
    found = {}
    for pid in leftovers(engines_of(data).home.resolve(), str(data)):
        try:
            found[pid] = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except FileNotFoundError:
            continue
    return found


def count(data: Path, name: str) -> int:
    return sum(MARKS[name] in line for line in processes(data).values())


def kill(hub: live.Instance, name: str) -> None:
    """Kill every process of that service with no chance to tidy up."""
    for pid, line in processes(hub.data).items():
        if MARKS[name] in line:
            os.kill(pid, signal.SIGKILL)
