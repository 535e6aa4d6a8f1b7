"""`manage.py up`: an instance from its start to its end. One process, one log, no Django in it."""

import argparse
import errno
import http.client
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from hub.embedded import workers
from hub.embedded.errors import Exit, StartError
from hub.embedded.folders import mark_stopping, open_data_folder
from hub.embedded.places import engines_of
from hub.embedded.processes import INSTANCE, parent_death_signal
from hub.embedded.secret_files import read_files
from hub.embedded.services import EngineSet, Service, site_services
from hub.embedded.supervisor import Stopping, Supervisor

BASE = Path(__file__).resolve().parent.parent.parent

DESCRIPTION = """\
Start Grove: the engines that are not connected by a URL, the web server, the hub worker and its clock, then one worker
that runs demos and one that runs jobs. Their environment is installed while the site serves already.
Runs until Ctrl-C, then stops everything that it started; a second Ctrl-C stops at once.
"""
EPILOG = """\
environment:
  GROVE_DATA        where everything is kept (./data)
  HOST, PORT        where the site listens (127.0.0.1, 8000; PORT=0 takes a free one)
  GROVE_PUBLIC_URL  the address that people use, if it is another
  DATABASE_URL      a PostgreSQL to connect to, instead of the carried one
  REDIS_URL         a Valkey or Redis to connect to, instead of the carried one
  GROVE_WORKERS     off: start no worker for demos and jobs (on)
  GROVE_WORKER_REDIS_URL  the workers' own way into the queue of REDIS_URL; `manage.py worker_acl` makes one
  GROVE_POSTGRES_BIN  the folder of another PostgreSQL build to carry

exit codes:
  0  stopped as asked            1  another failure
  2  wrong usage or setting      3  the port cannot be used
  4  the data folder cannot be   5  another instance runs on the
     written or used                data folder
  6  PostgreSQL or Valkey is     7  a process does not start
     missing                     8  the database could not be prepared
"""


def main(arguments: list[str]) -> int:
    """Run an instance until it is told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="manage.py up",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--samples", action="store_true", help="fill the hub with sample content, once it is up")
    parser.add_argument("--engines", action="store_true", help="start only the engines (for tests and development)")
    parser.add_argument(
        "--end-with-parent", action="store_true", help="stop when the program that started this ends, even by kill -9"
    )
    options = parser.parse_args(arguments)
    supervisor = Supervisor()
    if options.end_with_parent and (ask := parent_death_signal(signal.SIGTERM, os.getppid())):
        ask()
    try:
        up(supervisor, engines_only=options.engines, with_samples=options.samples)
    except Stopping:
        code = Exit.OK
    except StartError as error:
        supervisor.say(str(error))
        code = error.code
    if supervisor.lock is not None:
        mark_stopping(supervisor.lock)
    if supervisor.children:
        supervisor.say("Stopping.")
        # Workers give their jobs back while there is a site to take them.
        supervisor.stop("sample")
        supervisor.stop("setup", "demo", "job")
        supervisor.stop("web", "beat")
        supervisor.stop("worker")
        supervisor.stop("queue", "db")
        supervisor.say("Stopped.")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # Nothing is left to stop, and the exit code stands.
    return code


def up(supervisor: Supervisor, *, engines_only: bool, with_samples: bool) -> NoReturn:
    """Start everything in order, then keep it running until Ctrl-C (`Stopping`)."""
    env = read_files({name: value for name, value in os.environ.items() if value})
    data = Path(env.get("GROVE_DATA", BASE / "data")).absolute()
    supervisor.lock = open_data_folder(data)
    data = data.resolve()
    host, port = env.get("HOST", "127.0.0.1"), _port(env.get("PORT", "8000"))
    with_workers = workers.are_wanted(env) and not engines_only
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
    if names := env.get("GROVE_ALLOWED_HOSTS"):
        env["GROVE_ALLOWED_HOSTS"] = f"{names},127.0.0.1,[::1]"  # The workers come by these.
    prepare = ["prepare", "--workers"] if with_workers else ["prepare"]
    if supervisor.run_once(_manage("setup", prepare, env)) != 0:
        raise StartError(Exit.PREPARE, "The database could not be prepared. See the lines above.")
    workers.note(data, workers.Setup.STARTING if with_workers else workers.Setup.OFF)
    children = [supervisor.add(service) for service in site_services(BASE, data, env, listener.fileno())]
    supervisor.until(lambda: _answers(listener), "The site did not answer")
    for child in children:
        child.was_ready = True
    supervisor.say(f"Data is in {data}" + (f", the engines in {engine_set.engines.home}." if engine_set.any else "."))
    supervisor.run_once(_manage("grove", ["setup_link"], env))
    supervisor.say(f"Grove is at {env.get('GROVE_PUBLIC_URL') or _address(listener)}  (Ctrl-C stops it)")
    if with_workers:
        _start_workers(supervisor, data, env, _address(listener), engine_set, with_samples=with_samples)
    elif with_samples:
        supervisor.say(
            f"The sample content is made by the workers' tools, so it needs them: leave out {workers.SETTING}."
        )
    _run_on(supervisor)


def _start_workers(
    supervisor: Supervisor, data: Path, env: dict[str, str], hub: str, engine_set: EngineSet, *, with_samples: bool
) -> None:
    """Start the workers, at once where their environment is there, and otherwise once it is installed.

    with_samples: then fill the hub with sample content, whose models are trained in the same environment.
    """

    def start() -> None:
        workers.note(data, workers.Setup.STARTING)
        for service in workers.services(BASE, data, env, hub, engine_set):
            # A site without workers is a site all the same, so they may fail as often as they like.
            supervisor.add(service).was_ready = True
        if with_samples:
            samples = _manage("sample", ["make_samples", "--if-missing", f"--url={hub}"], env)
            samples.on_end = filled
            supervisor.add(samples)

    def filled(code: int) -> None:
        if code != 0:
            supervisor.say("The sample content could not be made; the lines above say why. The hub goes on without it.")

    def installed(code: int) -> None:
        if code == 0:
            start()
            return
        workers.note(data, workers.Setup.FAILED)
        supervisor.say(
            "The workers could not be installed, so there are no demos and no evaluations; the lines above say why. "
            f"Stop Grove and start it again to try once more, or set {workers.SETTING}=off."
        )

    if reason := workers.why_not(env):
        workers.note(data, workers.Setup.OFF)
        supervisor.say(reason)
    elif supervisor.run_once(workers.installation(BASE, env)) == 0:
        start()
    else:
        workers.note(data, workers.Setup.INSTALLING)
        supervisor.add(workers.installation(BASE, env, installed))


def _run_on(supervisor: Supervisor) -> NoReturn:
    while not supervisor.interrupts:
        supervisor.pump(60)
    raise Stopping


def _manage(name: str, command: list[str], env: dict[str, str]) -> Service:
    return Service(name=name, args=[sys.executable, "manage.py", *command], env=env, cwd=BASE)


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


def _reached_at(listener: socket.socket) -> tuple[str, int]:
    """Where this machine reaches what listens: at the loopback where it listens everywhere."""
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 (compared, not listened on)


def _address(listener: socket.socket) -> str:
    host, port = _reached_at(listener)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _answers(listener: socket.socket) -> bool:
    """Whether the site says that every engine is reached. The wait is short: the log must go on meanwhile."""
    web = http.client.HTTPConnection(*_reached_at(listener), timeout=0.5)
    try:
        web.request("GET", "/readyz")
        return web.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        web.close()
