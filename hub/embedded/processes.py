"""Starting child processes that end with their parent, and finding those that an earlier instance left."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hub.embedded.folders import Account

# Set in the environment of every child, and inherited by theirs: the instance that they belong to.
INSTANCE = "GROVE_INSTANCE"
ENGINE_PROGRAMS = {"postgres", "initdb", "valkey-server", "redis-server"}
PROC = Path("/proc")
PR_SET_PDEATHSIG = 1


def parent_death_signal(number: int, parent: int) -> Callable[[], None] | None:
    """What a process calls to be sent the signal when its parent (a pid) dies, even by `kill -9`. Linux only."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # Looked up before the fork: after it, only plain calls are safe.

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def spawn(
    args: list[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    account: Account | None = None,
    pass_fds: Iterable[int] = (),
    death_signal: int = signal.SIGTERM,
    nice: int = 0,
) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own, so that Ctrl-C at the terminal reaches the supervisor alone.

    Its output and errors come back through one pipe. `account` needs root. nice: how far it steps back for the others.
    """
    ask = parent_death_signal(death_signal, os.getpid())

    def begin() -> None:
        if nice:
            os.nice(nice)
        if ask:
            ask()

    return subprocess.Popen(
        args,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=tuple(pass_fds),
        process_group=0,
        preexec_fn=begin,  # Safe: the supervisor has one thread.
        **as_account(account),
    )


def as_account(account: Account | None) -> dict[str, Any]:
    """The arguments of `subprocess` that run a program as the account."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "umask": 0o077}


def leftovers(folder: Path, instance: str | None = None) -> list[int]:
    """Processes of an earlier run: engines that work below `folder`, and those that carry the instance's mark.

    The engines overwrite their environment with their status, so the mark alone does not find them.
    Zombies are not counted. Empty where there is no /proc.
    """
    mark = f"{INSTANCE}={instance}".encode()
    found = []
    for entry in PROC.glob("[0-9]*"):
        if entry.name == str(os.getpid()):
            continue
        try:
            if (entry / "comm").read_text().strip() in ENGINE_PROGRAMS:
                ours = Path(os.readlink(entry / "cwd")).is_relative_to(folder)
            else:
                ours = instance is not None and mark in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # It has ended, is a zombie, or belongs to somebody else.
        if ours:
            found.append(int(entry.name))
    return found


def end_leftovers(find: Callable[[], list[int]], stop: Callable[[int], None], seconds: float) -> int:
    """Stop the processes that `find` returns, kill those that remain after `seconds`; returns how many there were."""
    first = find()
    for pid in first:
        with suppress(ProcessLookupError):
            stop(pid)
    deadline = time.monotonic() + seconds
    while pids := find():
        if time.monotonic() > deadline:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    return len(first)
