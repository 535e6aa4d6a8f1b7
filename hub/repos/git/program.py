"""Running the git program: with none of the machine's configuration, within limits, and never longer than it is needed.

What it reads was sent by strangers. Linux keeps it within its memory; elsewhere time and sizes alone bound it.
"""

import os
import resource
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

# Blobs above this are never held as a whole, so that a bomb of zeros takes no memory.
_STREAMED = "1m"
MEMORY = 1536 * 1024 * 1024  # bytes of address space, mapped files included
_CONFIG = {
    "core.bigFileThreshold": _STREAMED,
    "core.packedGitWindowSize": "32m",
    "core.packedGitLimit": "256m",
    "core.deltaBaseCacheLimit": "64m",
    "pack.windowMemory": "64m",
    "pack.deltaCacheSize": "64m",
    "pack.threads": "2",
    "gc.auto": "0",
    "advice.detachedHead": "false",
    # A folder that the hub made itself; whoever owns the disk beneath it.
    "safe.directory": "*",
}


class GitFailed(Exception):
    """The program ended with an error. The text is the last thing that it said."""


def environment(**config: str) -> dict[str, str]:
    """Return the environment for git: no configuration but ours, no home folder, no questions, English."""
    settings = _CONFIG | {key.replace("__", "."): value for key, value in config.items()}
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        # Each thread of the C library would otherwise reserve addresses that count as memory.
        "MALLOC_ARENA_MAX": "2",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env


@contextmanager
def running(
    repository: Path,
    *arguments: str,
    seconds: float,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    cpu_seconds: int | None = None,
    file_bytes: int | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `git --git-dir=repository ...` for the length of the block; it is killed, with its children, at the end of it.

    seconds: after which it is killed in any case. Its standard output is a pipe, and so is its error output.
    """
    process = subprocess.Popen(
        ["git", f"--git-dir={repository}", *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment() | (env or {}),
        cwd=repository,
        start_new_session=True,
    )
    _limit(process.pid, cpu_seconds, file_bytes)
    timer = threading.Timer(seconds, kill, [process])
    timer.daemon = True
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        kill(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()


def _limit(pid: int, cpu_seconds: int | None, file_bytes: int | None) -> None:
    """Bound a process that has only just begun, and through it its children."""
    if not hasattr(resource, "prlimit"):
        return
    limits = [(resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)]
    limits += [(resource.RLIMIT_CPU, cpu_seconds)] if cpu_seconds else []
    limits += [(resource.RLIMIT_FSIZE, file_bytes)] if file_bytes else []
    with suppress(ProcessLookupError):
        for which, most in limits:
            resource.prlimit(pid, which, (most, most))


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and whatever it has started. Whether it still runs makes no difference."""
    # Not yet waited for, so the group's number is still its own.
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def run(
    repository: Path,
    *arguments: str,
    lines: Iterable[bytes] | None = None,
    seconds: float = 120,
    cpu_seconds: int | None = None,
    env: dict[str, str] | None = None,
) -> bytes:
    """Run git to its end, given `lines` to read; return what it wrote. Raises GitFailed. Memory: the output."""
    with feeding(repository, *arguments, lines=lines, seconds=seconds, cpu_seconds=cpu_seconds, env=env) as output:
        return output.read()


@contextmanager
def feeding(
    repository: Path,
    *arguments: str,
    lines: Iterable[bytes] | None = None,
    seconds: float = 120,
    cpu_seconds: int | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[IO[bytes]]:
    """Run git while its output is read, and `lines` are written to it by another thread.

    Raises GitFailed at the end of the block where it has failed; what was read until then is worth nothing.
    """
    stdin = subprocess.DEVNULL if lines is None else subprocess.PIPE
    with running(repository, *arguments, stdin=stdin, seconds=seconds, cpu_seconds=cpu_seconds, env=env) as process:
        assert process.stdout is not None
        errors = Errors(process)
        writer = threading.Thread(target=_write, args=(process, lines or ()), daemon=True)
        writer.start()
        yield process.stdout
        while process.stdout.read(65536):
            pass
        if process.wait():
            raise GitFailed(errors.last())


class Errors:
    """Reads what a program complains of, so that it never waits for somebody to; keeps the end of it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._kept = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        with suppress(OSError, ValueError):
            while piece := self._process.stderr.read1(4096):  # type: ignore[attr-defined]
                self._kept = (self._kept + piece)[-4096:]

    def last(self) -> str:
        """Return its last line that says something, once it has ended."""
        self._thread.join(timeout=5)
        lines = [line.strip() for line in self._kept.decode("utf-8", "replace").splitlines() if line.strip()]
        fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
        return (fatal or lines or [f"git ended with {self._process.returncode}"])[-1][:300]


def _write(process: subprocess.Popen[bytes], lines: Iterable[bytes]) -> None:
    if process.stdin is None:
        return
    with suppress(OSError, ValueError):
        try:
            process.stdin.writelines(lines)
        finally:
            process.stdin.close()


def make_bare(folder: Path) -> None:
    """Make the least that git takes for a bare repository."""
    for name in ("objects/info", "objects/pack", "refs/heads"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_bytes(b"ref: refs/heads/main\n")
