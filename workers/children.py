"""Child processes of a worker: started so that they end with it, spoken to over a channel, killed where they pass a limit.

What a child may see and do is decided by `sandbox`. An address-space limit stops torch itself, so the worker watches what a
child has in memory (anonymous and shared pages; the mapped file of the weights is the page cache's) and kills it past its
limit, within half a second or so. The size of its scratch folder is watched in the same way.
"""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from workers.channel import VARIABLE, Channel, ChannelClosed

_WATCH_SECONDS = 0.25
# Characters below a scratch folder. What lies deeper cannot be counted, nor be removed.
_LONGEST_PATH = 1000
_LAST_BYTES = 4000  # of an error output


class ChildLost(Exception):
    """The child is gone. `reason`: memory, scratch (it passed a limit), killed (by us), or ended (by itself, or by others)."""

    def __init__(self, reason: str, detail: str = "", *, by_signal: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.by_signal = by_signal  # it was killed by nobody of ours: by the kernel, say


@dataclass(frozen=True)
class Limits:
    """memory: bytes, or None for no limit. scratch: bytes that the scratch folder may hold."""

    memory: int | None
    scratch: int


class Child:
    """A running child. One thread receives from it; any may send, ask and kill."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", channel: Channel, scratch: Path, limits: Limits, errors: int
    ) -> None:
        self.channel = channel
        self.scratch = scratch
        self.limits = limits
        self.held = 0  # bytes of memory when it was last looked at
        self._process = process
        self._reason = "ended"
        # By name, the child could put a link to anything of ours in its place.
        self._errors = errors
        weakref.finalize(self, os.close, errors)

    @property
    def pid(self) -> int:
        """The process to kill; under bubblewrap the program itself is a descendant of it."""
        return self._process.pid

    def send(self, *messages: dict[str, Any]) -> None:
        """Send JSON objects. Raises ChildLost."""
        try:
            self.channel.send(*messages)
        except ChannelClosed:
            raise self.lost() from None

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        """Return the child's next message, or None after `timeout` seconds without one (None: wait). Raises ChildLost."""
        try:
            return self.channel.receive(timeout)
        except ChannelClosed:
            raise self.lost() from None

    def alive(self) -> bool:
        return self._process.poll() is None

    def rss(self) -> int:
        """Bytes of memory that the child holds, without the pages of mapped files; 0 once it is gone."""
        return sum(_memory_of(pid) for pid in with_descendants(self.pid)) if self.alive() else 0

    def kill(self, reason: str = "killed") -> None:
        """End it at once, and wait until it is gone. `reason` is what `ChildLost` will say."""
        if self._reason == "ended" and self.alive():
            self._reason = reason
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit status, or None where it still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def lost(self) -> ChildLost:
        """Make sure that it is gone and say why. What it last wrote to its error output is the `detail`."""
        self.wait(1)
        self.kill()
        status = self._process.returncode
        # bubblewrap reports its program's signal in the way of a shell.
        by_signal = self._reason == "ended" and status in (-signal.SIGKILL, 128 + signal.SIGKILL)
        return ChildLost(self._reason, self.last_words() or f"status {status}", by_signal=by_signal)

    def last_words(self) -> str:
        """The last line of its error output, at most 300 characters."""
        size = os.fstat(self._errors).st_size
        end = os.pread(self._errors, _LAST_BYTES, max(0, size - _LAST_BYTES))
        lines = end.decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""


def spawn(command: list[str], *, env: Mapping[str, str], scratch: Path, limits: Limits) -> Child:
    """Start a command in its scratch folder, and watch it. It finds its end of the channel by `channel.inherited()`.

    Its output and its error output go to the file `stderr` in the folder. Raises OSError where it cannot be started.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    for end in (ours, theirs):
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
    with theirs, open(scratch / "stderr", "w+b") as errors:

        def launch() -> "subprocess.Popen[bytes]":
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env={**env, VARIABLE: str(theirs.fileno())},
                cwd=scratch,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

        try:
            process = _starter().run(launch)
        except OSError:
            ours.close()
            raise
        child = Child(process, Channel(ours.detach()), scratch, limits, os.dup(errors.fileno()))
    _watchdog().add(child)
    return child


class _Starter:
    """Starts processes in a thread that never ends.

    A child that is to die with its parent dies with the *thread* that started it, and the threads that answer requests come
    and go.
    """

    def __init__(self) -> None:
        self._wanted: queue.SimpleQueue[tuple[Callable[[], Any], queue.SimpleQueue[Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="sandbox-starter", daemon=True).start()

    def run(self, launch: Callable[[], Any]) -> Any:
        answer: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._wanted.put((launch, answer))
        result = answer.get()
        if isinstance(result, BaseException):
            raise result
        return result

    def _work(self) -> None:
        while True:
            launch, answer = self._wanted.get()
            try:
                answer.put(launch())
            except BaseException as error:
                answer.put(error)


class _Watchdog:
    """Kills children that pass their limits."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._work, name="sandbox-watchdog", daemon=True).start()

    def add(self, child: Child) -> None:
        with self._lock:
            self._children.append(child)

    def _work(self) -> None:
        while True:
            time.sleep(_WATCH_SECONDS)
            with self._lock:
                self._children = [child for child in self._children if child.alive()]
                children = list(self._children)
            for child in children:
                child.held = child.rss()
                if child.limits.memory is not None and child.held > child.limits.memory:
                    child.kill("memory")
                elif _size_of(child.scratch) > child.limits.scratch:
                    child.kill("scratch")


@lru_cache(maxsize=1)
def _starter() -> _Starter:
    return _Starter()


@lru_cache(maxsize=1)
def _watchdog() -> _Watchdog:
    return _Watchdog()


def with_descendants(pid: int) -> list[int]:
    """The process and all below it. A confined child may start none of its own, but bubblewrap stands before it."""
    found, at = [pid], 0
    while at < len(found):
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{found[at]}/task"):
                below = Path(f"/proc/{found[at]}/task/{task}/children").read_text()
                found += [int(number) for number in below.split()]
        at += 1
    return found


def _memory_of(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    wanted = [line.split() for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(int(words[1]) << 10 for words in wanted)


def _size_of(folder: Path) -> int:
    """Bytes on disk; an empty file and a folder count as a block. Endless, where a part of it cannot be counted."""
    uncounted: list[OSError] = []
    total = 0
    for parent, _, files in os.walk(folder, onerror=uncounted.append):
        total += 4096
        if len(parent) > len(str(folder)) + _LONGEST_PATH:
            return sys.maxsize
        for name in files:
            with contextlib.suppress(OSError):
                total += max(4096, os.lstat(os.path.join(parent, name)).st_blocks * 512)
    # What was removed meanwhile is no matter.
    return total if all(isinstance(error, FileNotFoundError) for error in uncounted) else sys.maxsize
