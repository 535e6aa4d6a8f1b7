"""An instance whose engines are elsewhere, named by URL."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from django.db import connection as database

from hub.embedded import engines_of, valkey
from hub.embedded.errors import Exit
from hub.embedded.processes import leftovers
from tests import live
from tests.ports import free_ports
from tests.waiting import wait_until


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Valkey that somebody else runs."""
    [port] = free_ports(1)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--save", ""]
    with subprocess.Popen([valkey.find_server(None), *options], stdout=subprocess.DEVNULL) as server:
        yield f"redis://127.0.0.1:{port}"
        server.terminate()


@pytest.fixture
def database_url(db: None) -> Iterator[str]:
    """An empty database of a PostgreSQL that is not the instance's own: that of the test run."""
    place = database.settings_dict
    name = f"connected_{place['NAME']}"
    with database._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    yield f"postgres://{place['USER']}@/{place['HOST']}/{name}"
    with database._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.full  # in the usual run, tests/production runs on connected ones
def test_connected_engines_are_used_and_none_is_carried(tmp_path: Path, redis_url: str, database_url: str) -> None:
    data = tmp_path / "data"
    with live.running(data, DATABASE_URL=database_url, REDIS_URL=redis_url) as hub:
        assert httpx.get(f"{hub.url}/readyz").status_code == 200
        hub.manage("create_user", "ada", "--email", "ada@example.org", "--password", "a long enough passphrase")
        assert leftovers(engines_of(data).home.resolve()) == []
        assert not (data / "engines").exists()
    wait_until(lambda: leftovers(data, str(data)) == [])


def test_an_engine_that_cannot_be_reached_is_named(tmp_path: Path, redis_url: str) -> None:
    nowhere = "postgres://grove@127.0.0.1:9/grove"
    hub = live.launch(tmp_path / "data", DATABASE_URL=nowhere, REDIS_URL=redis_url)
    assert hub.process.wait(timeout=60) == Exit.PREPARE
    assert "setup  | Error: DATABASE_URL cannot be reached: " in hub.said()
    assert "Traceback" not in hub.said()
