"""What an instance runs, in the order of starting: engines, then the site's own processes."""

import secrets
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hub.embedded import postgres, valkey
from hub.embedded.folders import Account, engine_account, open_engine_folders
from hub.embedded.places import Engines
from hub.embedded.processes import end_leftovers, leftovers

# How long the processes of an earlier run may take to end before they are killed, in seconds.
LEFTOVER_SECONDS = 15
# Of each web process. A token stream takes a thread for as long as it lasts, and streams may have half of them; connections
# to the database are for the requests that use one just then, and cost far more.
THREADS_SETTING, THREADS, CONNECTIONS = "GROVE_WEB_THREADS", 64, 16
# With threads, the timeout is no limit on a request: only a worker that has stopped altogether is ended.
WEB = (
    "gunicorn hub.wsgi --worker-class=gthread --workers=2 --preload --no-control-socket "
    "--keep-alive=30 --timeout=120 --graceful-timeout=10 --limit-request-line=8190 --log-level=warning "
    "--logger-class=hub.core.logs.GunicornLogger"
)
# One line for each request, for operators who want them.
ACCESS_SETTING = "GROVE_ACCESS_LOG"
WORKER = (
    "celery --app=hub --quiet worker --queues=hub --hostname=hub@%h --autoscale=2,1 "
    "--without-gossip --without-mingle --loglevel=WARNING"
)
BEAT = "celery --app=hub.beat --quiet beat --loglevel=WARNING"


@dataclass
class Service:
    """One long-running child: how it is started, when it is ready, how it is stopped."""

    name: str
    args: list[str]
    env: dict[str, str]
    cwd: Path
    account: Account | None = None
    pass_fds: tuple[int, ...] = ()
    stop_signal: int = signal.SIGTERM
    force_signal: int = signal.SIGKILL
    # Seconds between the stop signal and SIGKILL.
    patience: float = 15
    prepare: Callable[[], object] = lambda: None
    is_ready: Callable[[int], bool] = lambda pid: True
    # It runs once, and this is called with its exit code; anything else is started again when it ends.
    on_end: Callable[[int], None] | None = None
    nice: int = 0


@dataclass
class EngineSet:
    """The carried engines of one data folder; those that are connected by URL are not among them."""

    data: Path
    engines: Engines
    with_database: bool
    with_queue: bool
    env: dict[str, str]
    account: Account | None = field(default=None, init=False)
    # Of the workers' user in the queue: a new one at each start, which only processes of that start are given.
    worker_password: str = field(default_factory=secrets.token_urlsafe, init=False, repr=False)

    @property
    def any(self) -> bool:
        return self.with_database or self.with_queue

    def open(self) -> None:
        if self.any:
            self.account = engine_account()
            open_engine_folders(self.data, self.engines, self.account)

    def end_leftovers(self, instance: str) -> int:
        """Stop everything that an earlier run of this data folder left; returns how many processes that were."""
        home = self.engines.home.resolve()
        return end_leftovers(
            lambda: leftovers(home, instance),
            lambda pid: postgres.stop_leftover(self.engines, pid),
            LEFTOVER_SECONDS,
        )

    def services(self) -> list[Service]:
        found = []
        if self.with_database:
            found.append(self._database())
        if self.with_queue:
            found.append(self._queue())
        return found

    def _database(self) -> Service:
        build = postgres.find_build(self.engines.postgres_data, self.account)
        postgres.create_cluster(build, self.engines, self.account, self.env)
        postgres.write_settings(build, self.engines, self.account)

        def clear() -> None:
            # Sessions outlive a server that was killed, and hold its shared memory for a moment.
            end_leftovers(
                lambda: leftovers(self.engines.postgres_data.resolve()),
                lambda pid: postgres.stop_leftover(self.engines, pid),
                LEFTOVER_SECONDS,
            )
            postgres.clear_stale_pid(self.engines)

        return Service(
            name="db",
            args=postgres.command(build, self.engines),
            env=self.env,
            cwd=self.engines.home,
            account=self.account,
            stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: sessions end, nothing is lost.
            force_signal=signal.SIGQUIT,
            patience=60,
            prepare=clear,
            is_ready=lambda pid: postgres.is_ready(self.engines, pid),
        )

    def _queue(self) -> Service:
        server = valkey.find_server(self.account)
        valkey.write_settings(server, self.engines, self.account, self.worker_password)
        return Service(
            name="queue",
            args=valkey.command(server, self.engines),
            env=self.env,
            cwd=self.engines.valkey_data,
            account=self.account,
            force_signal=signal.SIGTERM,
            patience=30,
            is_ready=lambda pid: valkey.is_ready(self.engines),
        )


# glibc keeps freed buffers of many megabytes for each thread that once needed them; so they go back to the system. Those of
# one megabyte, by which content passes, stay: mapping each anew costs more than all that is done with it.
MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "4194304", "MALLOC_TRIM_THRESHOLD_": "4194304"}


def site_services(base: Path, data: Path, env: dict[str, str], listener: int) -> list[Service]:
    """Web, hub worker and beat. `listener` is the descriptor of the listening socket, which outlives the web server:
    connections wait in it while a crashed server starts again."""
    env = {**MEMORY, **env}
    # Root may run the site, and Celery's advice against it would stand in every log: tasks come as JSON, not as code.
    calm = "ignore:You're running the worker with superuser"
    beat = [f"--schedule={data / 'beat-schedule'}", "--pidfile="]

    def service(name: str, patience: float, *args: str) -> Service:
        return Service(name=name, args=[sys.executable, "-W", calm, "-m", *args], env=env, cwd=base, patience=patience)

    settings = {THREADS_SETTING: str(THREADS), "GROVE_DATABASE_POOL": str(CONNECTIONS), **env}
    web = service("web", 20, *WEB.split(), f"--threads={settings[THREADS_SETTING]}", f"--bind=fd://{listener}")
    if settings.get(ACCESS_SETTING, "off") == "on":
        web.args += ["--access-logfile=-"]
    web.env = settings
    web.pass_fds = (listener,)
    return [web, service("worker", 20, *WORKER.split()), service("beat", 10, *BEAT.split(), *beat)]
