"""`manage.py up`: start an instance, keep it running, stop it. One thread, one log, no Django in this process."""

import argparse
import enum
import errno
import http.client
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hub.embedded.errors import Exit, StartError
from hub.embedded.folders import mark_stopping, open_data_folder
from hub.embedded.places import engines_of
from hub.embedded.processes import INSTANCE, parent_death_signal, spawn
from hub.embedded.services import EngineSet, Service, site_services

BASE = Path(__file__).resolve().parent.parent.parent
COLOURS = {"grove": 32, "web": 36, "db": 34, "queue": 35, "worker": 33, "beat": 90, "setup": 90}
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between a crash and the next start
STEADY_SECONDS = 60  # a child that ran this long was well, and its next crash is its first
START_ATTEMPTS = 4  # of a child that has never been ready
SAME_CTRL_C_SECONDS = 0.5
START_SECONDS = 180  # for an engine to recover, or the site to answer

DESCRIPTION = """\
Start Grove: the engines that are not connected by a URL, the web server, the hub worker and its clock.
Runs until Ctrl-C, then stops everything that it started; a second Ctrl-C stops at once.
"""
EPILOG = """\
environment:
  GROVE_DATA        where everything is kept (./data)
  HOST, PORT        where the site listens (127.0.0.1, 8000; PORT=0 takes a free one)
  GROVE_PUBLIC_URL  the address that people use, if it is another
  DATABASE_URL      a PostgreSQL to connect to, instead of the carried one
  REDIS_URL         a Valkey or Redis to connect to, instead of the carried one
  GROVE_POSTGRES_BIN  the folder of another PostgreSQL build to carry

exit codes:
  0  stopped as asked            1  another failure
  2  wrong usage or setting      3  the port cannot be used
  4  the data folder cannot be   5  another instance runs on the
     written or used                data folder
  6  PostgreSQL or Valkey is     7  a process does not start
     missing                     8  the database could not be prepared
"""


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
        for child in self.children:
            if child.state is State.STARTED and child.process and child.process.poll() is not None:
                self._ended(child, child.process.returncode)
            elif child.state is State.WAITING and time.monotonic() >= child.start_at:
                self._start(child)

    def _ended(self, child: Child, code: int) -> None:
        self._drain(child)
        if self.interrupts:
            child.state = State.STOPPED
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


def main(arguments: list[str]) -> int:
    """Run an instance until it is told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="manage.py up",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--engines", action="store_true", help="start only the engines (for tests and development)")
    parser.add_argument(
        "--end-with-parent", action="store_true", help="stop when the program that started this ends, even by kill -9"
    )
    options = parser.parse_args(arguments)
    supervisor = Supervisor()
    if options.end_with_parent and (ask := parent_death_signal(signal.SIGTERM, os.getppid())):
        ask()
    try:
        up(supervisor, engines_only=options.engines)
    except Stopping:
        code = Exit.OK
    except StartError as error:
        supervisor.say(str(error))
        code = error.code
    if supervisor.lock is not None:
        mark_stopping(supervisor.lock)
    if supervisor.children:
        supervisor.say("Stopping.")
        supervisor.stop("web", "beat")
        supervisor.stop("worker")
        supervisor.stop("queue", "db")
        supervisor.say("Stopped.")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # Nothing is left to stop, and the exit code stands.
    return code


def up(supervisor: Supervisor, *, engines_only: bool) -> NoReturn:
    """Start everything in order, then keep it running until Ctrl-C (`Stopping`)."""
    env = {name: value for name, value in os.environ.items() if value}
    data = Path(env.get("GROVE_DATA", BASE / "data")).absolute()
    supervisor.lock = open_data_folder(data)
    data = data.resolve()
    host, port = env.get("HOST", "127.0.0.1"), _port(env.get("PORT", "8000"))
    engine_env = {"PATH": env.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    engine_set = EngineSet(data, engines_of(data), "DATABASE_URL" not in env, "REDIS_URL" not in env, engine_env)
    engine_set.open()
    if ended := engine_set.end_leftovers(str(data)):
        supervisor.say(f"An earlier run was killed; ended what it left ({ended} processes).")
    listener = None if engines_only else _listen(host, port)
    supervisor.wait_ready(*[supervisor.add(service) for service in engine_set.services()])
    if listener is None:
        supervisor.say(f"The engines of {data} are ready.")
        _run_on(supervisor)

    port = listener.getsockname()[1]
    env |= {"GROVE_DATA": str(data), "HOST": host, "PORT": str(port), INSTANCE: str(data), "PYTHONUNBUFFERED": "1"}
    if supervisor.run_once(_manage("setup", "prepare", env)) != 0:
        raise StartError(Exit.PREPARE, "The database could not be prepared. See the lines above.")
    children = [supervisor.add(service) for service in site_services(BASE, data, env, listener.fileno())]
    supervisor.until(lambda: _answers(listener), "The site did not answer")
    for child in children:
        child.was_ready = True
    supervisor.say(f"Data is in {data}" + (f", the engines in {engine_set.engines.home}." if engine_set.any else "."))
    supervisor.run_once(_manage("grove", "setup_link", env))
    supervisor.say(f"Grove is at {env.get('GROVE_PUBLIC_URL') or _address(listener)}  (Ctrl-C stops it)")
    _run_on(supervisor)


def _run_on(supervisor: Supervisor) -> NoReturn:
    while not supervisor.interrupts:
        supervisor.pump(60)
    raise Stopping


def _manage(name: str, command: str, env: dict[str, str]) -> Service:
    return Service(name=name, args=[sys.executable, "manage.py", command], env=env, cwd=BASE)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise StartError(Exit.USAGE, f"PORT is {text!r}; it takes a number from 0 to 65535.")
    return int(text)


def _listen(host: str, port: int) -> socket.socket:
    """The listening socket, opened before anything slow is done. The web server gets it ready-made."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # "localhost" may come with both; people type 127.0.0.1.
        family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        return socket.create_server(
            address[:2],
            family=family,
            backlog=512,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        advice = "Choose another with PORT." if error.errno == errno.EADDRINUSE else "Check HOST and PORT."
        # A name that cannot be resolved has a number of its own kind.
        said = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise StartError(Exit.PORT, f"Port {port} on {host} cannot be used ({said}). {advice}") from None


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not listened on)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _answers(listener: socket.socket) -> bool:
    """Whether the site says that every engine is reached. The wait is short: the log must go on meanwhile."""
    host, port = listener.getsockname()[:2]
    web = http.client.HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=0.5)  # noqa: S104
    try:
        web.request("GET", "/readyz")
        return web.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        web.close()
