"""The supervisor: starts children, joins what they say, starts again what crashes, stops all in order. One thread."""

import enum
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from hub.embedded.errors import Exit, StartError
from hub.embedded.processes import spawn
from hub.embedded.services import Service

COLOURS = {
    "grove": 32,
    "web": 36,
    "db": 34,
    "queue": 35,
    "worker": 33,
    "beat": 90,
    "setup": 90,
    "demo": 92,
    "job": 93,
    "sample": 95,
}
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between a crash and the next start
STEADY_SECONDS = 60  # a child that ran this long was well, and its next crash is its first
START_ATTEMPTS = 4  # of a child that has never been ready
SAME_CTRL_C_SECONDS = 0.5
START_SECONDS = 180  # for an engine to recover, or the site to answer


class Stopping(Exception):
    """Ctrl-C or SIGTERM arrived."""


class State(enum.Enum):
    WAITING = "waiting to be started"
    STARTED = "started"
    STOPPED = "stopped for good"


@dataclass
class Child:
    """A service and its present process."""

    service: Service
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    start_at: float = 0
    crashes: int = 0
    was_ready: bool = False
    state: State = State.WAITING
    line: bytes = b""

    def is_ready(self) -> bool:
        return self.process is not None and self.service.is_ready(self.process.pid)


class Supervisor:
    """Starts children, joins their output into one log, starts again what crashes, and stops all in order."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.lock: int | None = None
        self.interrupts = 0
        self.interrupted = float("-inf")
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.selector = selectors.DefaultSelector()
        self._listen_to_signals()

    def _listen_to_signals(self) -> None:
        waker, wakes = socket.socketpair()
        for end in (waker, wakes):
            end.setblocking(False)
        self.selector.register(waker, selectors.EVENT_READ)
        self._wakes = wakes  # Kept open for as long as signals may arrive.
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # It only has to end the wait.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup has the hang-up signal ignored, and that is to stay so.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._interrupt)

    def _interrupt(self, *_: object) -> None:
        # `timeout` and some terminals send one Ctrl-C twice, to the process and to its group.
        if time.monotonic() - self.interrupted > SAME_CTRL_C_SECONDS:
            self.interrupts += 1
            self.interrupted = time.monotonic()

    # --- the log ---------------------------------------------------------------------------------------------

    def say(self, text: str, name: str = "grove") -> None:
        prefix = f"{name:<6} |"
        if self.colour:
            prefix = f"\033[{COLOURS.get(name, 0)}m{prefix}\033[0m"
        try:
            print(f"{prefix} {text}", flush=True)
        except OSError:
            # Whoever read the log has gone. The site goes on, and what it says is lost.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (open until the end)

    def _read(self, child: Child) -> None:
        process = child.process
        if process is None or process.stdout is None:
            return
        received = os.read(process.stdout.fileno(), 65536)
        if not received:
            self.selector.unregister(process.stdout)
            process.stdout.close()
        *lines, child.line = (child.line + received).split(b"\n")
        if not received and child.line:
            lines, child.line = [*lines, child.line], b""
        for line in lines:
            self.say(line.decode(errors="replace").rstrip(), child.service.name)

    # --- starting and restarting -----------------------------------------------------------------------------

    def add(self, service: Service) -> Child:
        child = Child(service)
        self.children.append(child)
        self._start(child)
        return child

    def _start(self, child: Child) -> None:
        service = child.service
        service.prepare()
        child.process = spawn(
            service.args,
            cwd=service.cwd,
            env=service.env,
            account=service.account,
            pass_fds=service.pass_fds,
            death_signal=service.stop_signal,
            nice=service.nice,
        )
        child.started = time.monotonic()
        child.state = State.STARTED
        assert child.process.stdout
        self.selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def pump(self, seconds: float) -> None:
        """Pass on what the children say, and see to those that ended or are due, for at most `seconds`."""
        now = time.monotonic()
        due = [child.start_at - now for child in self.children if child.state is State.WAITING]
        for key, _ in self.selector.select(max(0, min([seconds, *due]))):
            if key.data is None:
                key.fileobj.recv(4096)  # type: ignore[union-attr]
            else:
                self._read(key.data)
        for child in list(self.children):
            if child.state is State.STARTED and child.process and child.process.poll() is not None:
                self._ended(child, child.process.returncode)
            elif child.state is State.WAITING and time.monotonic() >= child.start_at:
                self._start(child)

    def _ended(self, child: Child, code: int) -> None:
        self._drain(child)
        if self.interrupts:
            child.state = State.STOPPED
            return
        if child.service.on_end:
            child.state = State.STOPPED
            child.service.on_end(code)
            return
        name = child.service.name
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        child.crashes = 1 if time.monotonic() - child.started > STEADY_SECONDS else child.crashes + 1
        if not child.was_ready and child.crashes >= START_ATTEMPTS:
            child.state = State.STOPPED
            often = f"{how} {child.crashes} times and was never ready"
            raise StartError(Exit.ENGINE, f"{name} {often}. See its lines above.")
        pause = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** (child.crashes - 1))
        child.state, child.start_at = State.WAITING, time.monotonic() + pause
        self.say(f"{name} {how}; it starts again in {pause:.0f} s.")

    def _drain(self, child: Child) -> None:
        """Read what an ended child still had to say. Its own children may hold the pipe open, so never wait for it."""
        process = child.process
        if process is None or process.stdout is None or process.stdout.closed:
            return
        os.set_blocking(process.stdout.fileno(), False)
        try:
            while not process.stdout.closed:
                self._read(child)
        except BlockingIOError:
            self.selector.unregister(process.stdout)
            process.stdout.close()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Pump until the condition holds; `what` names it where it never does."""
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            if self.interrupts:
                raise Stopping
            if time.monotonic() > deadline:
                raise StartError(Exit.ENGINE, f"{what} within {START_SECONDS} s. See the lines above.")
            self.pump(0.05)
        if self.interrupts:
            raise Stopping

    def wait_ready(self, *children: Child) -> None:
        for child in children:
            self.until(child.is_ready, f"{child.service.name} was not ready")
            child.was_ready = True

    def run_once(self, service: Service) -> int:
        """Run a command to its end with its output in the log; returns its exit code."""
        child = Child(service)
        self._start(child)
        process = child.process
        assert process
        try:
            self.until(lambda: process.poll() is not None, f"{service.name} did not end")
        except Stopping:
            process.terminate()
            process.wait()
            raise
        finally:
            if process.poll() is None:
                process.kill()
            self._drain(child)
        return process.returncode

    # --- stopping --------------------------------------------------------------------------------------------

    def stop(self, *names: str) -> None:
        """Stop the named children together, each in its own way, killing those that take too long."""
        group = [child for child in self.children if child.service.name in names]
        began, forced = time.monotonic(), self.interrupts
        self.interrupts = max(1, self.interrupts)  # From here on, nothing is started again.
        for child in group:
            if child.state is State.WAITING:
                child.state = State.STOPPED
            self._signal(child, child.service.force_signal if forced > 1 else child.service.stop_signal)
        while any(child.state is State.STARTED for child in group):
            if self.interrupts > max(1, forced):
                forced = self.interrupts
                for child in group:
                    self._signal(child, child.service.force_signal)
            for child in group:
                if time.monotonic() - began > child.service.patience:
                    self._signal(child, signal.SIGKILL)
            self.pump(0.1)

    def _signal(self, child: Child, number: int) -> None:
        process = child.process
        if child.state is not State.STARTED or process is None or process.poll() is not None:
            return
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)  # A killed server cannot end its own workers.
        else:
            process.send_signal(number)
