"""A whole hub for tests: `manage.py up` as people run it, on a free port and a data folder of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx

from hub.embedded import engines_of
from tests.resident import Resident

BASE = Path(__file__).resolve().parent.parent
# Ended with the test run, however that ends.
UP = ("up", "--end-with-parent")
READY = re.compile(r"Grove is at (\S+)|The engines of .* are ready")
START_SECONDS = 300


@dataclass
class Instance:
    """One run of `manage.py up`. `log` holds everything that it and its children said."""

    data: Path
    log: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes]
    url: str = field(default="", init=False)
    _commands: Resident | None = field(default=None, init=False)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_ready(self) -> None:
        """Wait until it says where it is. Raises AssertionError with the log where it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not (found := READY.search(self.said())):
            ended = self.process.poll()
            assert ended is None, f"`up` ended with {ended}:\n{self.said()}"
            assert time.monotonic() < deadline, f"`up` is not ready:\n{self.said()}"
            time.sleep(0.05)
        self.url = found[1] or ""

    def wait_for_workers(self) -> None:
        """Wait until a demo worker and a job worker are heard of. Raises AssertionError with the log where they are not."""
        deadline = time.monotonic() + START_SECONDS
        while not {"demo", "job"} <= (found := self.parts_that_are_well()):
            assert time.monotonic() < deadline, f"Only {found} are well:\n{self.said()}"
            time.sleep(0.2)

    def parts_that_are_well(self) -> set[str]:
        """The parts that /readyz calls ok; none where it does not answer."""
        try:
            checks = httpx.get(f"{self.url}/readyz", timeout=5).json()["checks"]
        except (httpx.HTTPError, ValueError):
            return set()
        return {name for name, word in checks.items() if word == "ok"}

    def manage(self, *args: str) -> str:
        """Run a management command on this instance; returns what it printed. Raises AssertionError if it fails.

        All commands share a process, which takes a moment for each; `run` starts one, as people do.
        """
        if self._commands is None:
            self._commands = Resident(sys.executable, BASE, self.env)
        done = self._commands.run("manage", *args)
        assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def run(self, *args: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a management command on this instance, whatever comes of it."""
        return subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=BASE,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def stop(self, seconds: float = 90) -> int:
        """Ask it to end as Ctrl-C does; returns its exit code."""
        if self._commands:
            self._commands.stop()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=seconds)


def environment(data: Path, **settings: str) -> dict[str, str]:
    """The environment of a hub on `data`: that of the tests without the tests' own settings. Workers run beside it where
    GROVE_WORKERS="on" asks for them."""
    ours = re.compile(r"GROVE_|HF_|PYTEST_|COV_|DJANGO_|S3_|(DATABASE_URL|REDIS_URL|EMAIL_URL|HOST|PORT)$")
    env = {name: value for name, value in os.environ.items() if not ours.match(name)}
    chosen = {"GROVE_DATA": str(data), "PORT": "0", "PYTHONUNBUFFERED": "1", "GROVE_WORKERS": "off"}
    # Receivers of webhooks are on this machine.
    chosen["GROVE_WEBHOOK_ALLOW"] = "127.0.0.0/8"
    # Small parts, so that files of a few megabytes are sent in several.
    chosen["GROVE_LFS_PART_SIZE"] = str(5 * 1024**2)
    # Nobody is new: tests write much in the first minutes of an account.
    chosen["GROVE_NEW_ACCOUNT_DAYS"] = "0"
    return {**env, **chosen, **settings}


def launch(data: Path, *args: str, program: tuple[str, ...] = ("manage.py", *UP), **settings: str) -> Instance:
    """Start `manage.py up` on a data folder, or a program that becomes it, and do not wait for it."""
    data.parent.mkdir(parents=True, exist_ok=True)
    log = log_of(data)
    env = environment(data, **settings)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *program, *args],
            cwd=BASE,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    return Instance(data=data, log=log, env=env, process=process)


def log_of(data: Path) -> Path:
    """Where an instance on the data folder says what it says: beside the folder."""
    return data.with_name(f"{data.name}.log")


@contextmanager
def running(data: Path, *args: str, **settings: str) -> Iterator[Instance]:
    """A hub on `data` for the length of the block: `with running(tmp_path / "data", GROVE_SIGNUP="closed") as hub:`."""
    instance = launch(data, *args, **settings)
    try:
        instance.wait_ready()
        yield instance
    finally:
        try:
            instance.stop()
        finally:
            instance.process.kill()


def remove(data: Path) -> None:
    """Delete a data folder, with the engines that root keeps elsewhere."""
    home = engines_of(data).home.resolve()
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
