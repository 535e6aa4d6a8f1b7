"""Keys that an operator has made, for workers that are started together with the hub."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from hub.jobs.errors import WorkerRefused
from hub.jobs.services import revoke_worker, worker_of_key

pytestmark = pytest.mark.django_db
KEY = "worker_" + "k" * 40


def make(name: str, path: Path) -> str:
    said = StringIO()
    call_command("create_worker", name, "--kind", "demo", "--key-file", str(path), stdout=said)
    return said.getvalue()


def test_a_key_from_a_file_opens_however_often_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    assert make("demo-1", path) == make("demo-1", path) == ""
    assert worker_of_key(KEY).name == "demo-1"
    path.write_text(KEY + "2")
    make("demo-1", path)
    with pytest.raises(WorkerRefused):
        worker_of_key(KEY)
    assert worker_of_key(KEY + "2").name == "demo-1"


def test_a_key_that_was_taken_away_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    make("demo-1", path)
    revoke_worker(name="demo-1")
    make("demo-1", path)
    with pytest.raises(WorkerRefused):
        worker_of_key(KEY)


@pytest.mark.parametrize("content", [None, "", "worker_short", "k" * 60])
def test_what_is_no_key_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content)
    with pytest.raises(CommandError):
        make("demo-1", tmp_path / "key")


def test_two_workers_have_two_keys(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    make("demo-1", tmp_path / "key")
    with pytest.raises(CommandError, match="Another worker"):
        make("demo-2", tmp_path / "key")
