"""The two workers that run beside the site, from an environment of their own with torch in it: what they are started with,
and what the site is told of them meanwhile."""

import re
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from hub.embedded.errors import Exit, StartError
from hub.embedded.processes import INSTANCE
from hub.embedded.services import MEMORY, EngineSet, Service
from hub.embedded.valkey import WORKER, WORKER_DATABASE

# name -> kind. The hub makes their keys, under these names, when it is prepared.
CARRIED = {"demo-1": "demo", "job-1": "job"}
SETTING = "GROVE_WORKERS"
ENVIRONMENT = ".venv-worker"
# People wait for pages first, then for demos; a job takes what is left.
OPTIONS = {"demo": ("--concurrency=64", 3), "job": ("--concurrency=1", 5)}
WORKER_COMMAND = (
    "celery --app=workers.app --quiet worker --pool=threads --without-gossip --without-mingle --without-heartbeat "
    "--loglevel=WARNING"
)
# What a worker is given of the environment that `up` was started with: where programs and devices are, what language and
# time it is, the limits that an operator set for workers. No address and no secret of the hub's.
PASSED = re.compile(
    r"PATH|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|NO_COLOR"
    r"|(CUDA|NVIDIA|ROCR|HIP|HSA|PYTORCH|OMP|MKL|OPENBLAS)_\w+"
    r"|GROVE_WORKER_(REDIS_URL|BROKER_URL|DISK)|GROVE_MODEL_MEMORY|GROVE_UNSAFE_ENGINES"
)


class Setup(StrEnum):
    """What has become of the carried workers, as the supervisor leaves it for the site to read."""

    OFF = "off"
    STARTING = "starting"
    INSTALLING = "installing"
    FAILED = "failed"


def folder_of(data: Path, name: str = "") -> Path:
    """Where a worker of this data folder keeps what it fetched; without a name, the folder that holds these."""
    return data / "workers" / name


def key_file(data: Path, name: str) -> Path:
    """Where the key of a carried worker is kept, readable by the owner only."""
    return folder_of(data, f"{name}.key")


def note(data: Path, setup: Setup) -> None:
    """Leave the state for the site."""
    path = folder_of(data, "state")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(setup)
    draft.replace(path)


def noted(data: Path) -> tuple[Setup, float] | None:
    """The state that the supervisor left, and since when (seconds since the epoch); None where it has left none."""
    path = folder_of(data, "state")
    try:
        return Setup(path.read_text()), path.stat().st_mtime
    except (OSError, ValueError):
        return None


def are_wanted(env: dict[str, str]) -> bool:
    """Whether workers are to run beside this site. Raises StartError for a setting that is neither yes nor no."""
    given = env.get(SETTING, "on")
    if given not in ("on", "off"):
        raise StartError(Exit.USAGE, f"{SETTING} is {given!r}; it takes on or off.")
    return given == "on"


def why_not(env: dict[str, str]) -> str:
    """What keeps the workers from running, as a line for the log; empty where nothing does."""
    if "REDIS_URL" in env and "GROVE_WORKER_REDIS_URL" not in env:
        return (
            "No worker is started: REDIS_URL names the queue, and workers have a user of their own there. "
            "`manage.py worker_acl` says how to make it; or set GROVE_WORKERS=off."
        )
    return ""


def installation(base: Path, env: dict[str, str], on_end: Callable[[int], None] | None = None) -> Service:
    """The command that brings the workers' environment up to date; without `on_end`, the one that asks whether it is."""
    args = [sys.executable, str(base / ".ci" / "environment.py"), ENVIRONMENT, "only:worker"]
    return Service(
        name="setup",
        args=args if on_end else [*args, "--check"],
        env=env,
        cwd=base,
        # pip takes no hints. What it leaves half done is done again.
        patience=0,
        on_end=on_end,
    )


def services(base: Path, data: Path, env: dict[str, str], hub: str, engine_set: EngineSet) -> list[Service]:
    """The carried workers. `hub` is the address at which they reach the site."""
    shared = {name: value for name, value in env.items() if PASSED.fullmatch(name)}
    if engine_set.with_queue:
        login = f"{WORKER}:{engine_set.worker_password}"
        shared["GROVE_WORKER_REDIS_URL"] = engine_set.engines.redis_url(WORKER_DATABASE, login)
        shared["GROVE_WORKER_BROKER_URL"] = engine_set.engines.broker_url(WORKER_DATABASE, login)
    return [_service(base, data, shared, hub, name, kind) for name, kind in CARRIED.items()]


def _service(base: Path, data: Path, shared: dict[str, str], hub: str, name: str, kind: str) -> Service:
    folder = folder_of(data, name)
    folder.mkdir(mode=0o700, exist_ok=True)
    concurrency, nice = OPTIONS[kind]
    env = {
        **MEMORY,
        **shared,
        INSTANCE: str(data),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(folder),
        "GROVE_HUB_URL": hub,
        "GROVE_WORKER_NAME": name,
        "GROVE_WORKER_KEY": key_file(data, name).read_text(),
        "GROVE_WORKER_DATA": str(folder),
    }
    python = str(base / ENVIRONMENT / "bin" / "python")
    # See `site_services`: tasks come as JSON, not as code.
    calm = ["-W", "ignore:You're running the worker with superuser", "-m"]
    named = [f"--queues={kind},{kind}.{name}", f"--hostname={name}@%h", concurrency]
    return Service(
        name=kind,
        args=[python, *calm, *WORKER_COMMAND.split(), *named],
        env=env,
        cwd=base,
        patience=20,
        nice=nice,
    )
