"""A backup is the hub at one moment, whatever goes on; what is restored from it is that hub."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_django
from django.db import connection
from psycopg import sql

from hub.core.blobs import lfs_key, store, xorb_key
from hub.core.errors import Conflict, Invalid, StorageFull
from hub.repos.git.commits import PutBlob
from hub.repos.models import Blob, BlobClaim, RepoBlob, Repository, StorageRun, Xorb
from hub.repos.storage import backing_up, restoring
from hub.repos.storage.backing_up import Options, back_up
from hub.repos.storage.deletion_pause import deletions_paused, is_paused
from hub.repos.storage.dumping import DumpFailed
from hub.repos.storage.generations import generations, walk
from hub.repos.storage.keys import delete_unnamed
from hub.repos.storage.overview import last_passes
from hub.repos.storage.restoring import Options as RestoreOptions
from hub.repos.storage.restoring import restore
from tests import live, s3
from tests.core.blobs.conftest import s3_settings
from tests.factories import make_repo
from tests.repos.filling import commit, sent
from tests.repos.storage.test_passes import flipped, put
from tests.repos.xet.building import noise
from tests.repos.xet.conftest import upload
from tests.waiting import wait_until

# A dump sees what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

WHOLE = b"content of the test of backups"


@pytest.fixture
def own_store(tmp_path: Path, settings: pytest_django.Settings) -> Iterator[None]:
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    store.cache_clear()
    yield
    store.cache_clear()


@pytest.fixture
def repo(own_store: None) -> Repository:
    return fill()


def fill() -> Repository:
    """Make a repository with a file that came whole and one in chunks."""
    repo = make_repo()
    assert repo.created_by is not None
    commit(repo, PutBlob("whole.bin", sent(repo, WHOLE)))
    commit(repo, PutBlob("chunked.bin", upload([noise(1, 50_000)], repo, repo.created_by).sha256))
    return repo


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def quiet(_line: str) -> None:
    pass


def make(target: Path, **options: Any) -> dict[str, int]:
    return back_up(target, Options(**options), quiet).counts


def renamed(target: Path, name: str) -> None:
    """Have the newest backup be of another time: two of one second are refused."""
    newest = generations(target)[-1].folder
    newest.rename(newest.with_name(name))


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The address of another, empty database of the same server."""
    name = f"restored_{os.getpid()}"
    info = connection.connection.info if connection.connection else None
    if info is None:
        connection.ensure_connection()
        info = connection.connection.info
    with psycopg.connect(info.dsn, dbname="postgres", autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"postgres://{info.user}@/{name}?host={info.host}&port={info.port}"
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def manage(data: Path, database: str, *args: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = live.environment(data, DATABASE_URL=database, **settings)
    command = [sys.executable, "manage.py", *args]
    return subprocess.run(command, cwd=live.BASE, env=env, capture_output=True, text=True, timeout=120)


def test_a_hub_comes_back_and_passes_fsck(repo, target, tmp_path, empty_database) -> None:  # type: ignore[no-untyped-def]
    made = make(target, verify=True)
    assert (made["content"], made["copied"], made["missing"]) == (2, 2, 0)
    data = tmp_path / "other"
    done = manage(data, empty_database, "restore", str(target), "--verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 files of content copied" in done.stdout
    assert "Looked at 1 repositories" in done.stdout
    assert "2 large files, 1 xorbs. All is well." in done.stdout
    assert (data / "blobs" / lfs_key(Blob.objects.get(whole=True).pk)).read_bytes() == WHOLE
    # The same once more, over itself: nothing is copied twice.
    forced = manage(data, empty_database, "restore", str(target), "--force")
    assert "0 files of content copied" in forced.stdout, forced.stdout + forced.stderr
    run = StorageRun.objects.get()
    assert run.finished_at is not None
    assert run.counts["copied"] == 2


def test_from_s3_to_s3(swift: s3.S3Server, target, tmp_path, settings, empty_database) -> None:  # type: ignore[no-untyped-def]
    settings.DATA_DIR = tmp_path / "data"
    settings.S3 = s3_settings(swift, swift.make_bucket())
    store.cache_clear()
    try:
        fill()
        assert make(target, verify=True)["copied"] == 2
    finally:
        store.cache_clear()
    other = swift.make_bucket()
    done = manage(tmp_path / "other", empty_database, "restore", str(target), **swift.settings(other))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All is well." in done.stdout
    assert len(swift.client.list_objects_v2(Bucket=other)["Contents"]) == 2


def test_each_backup_copies_what_is_new(repo: Repository, target: Path, settings: pytest_django.Settings) -> None:
    settings.SECRET_KEY = "the key of this hub"
    make(target)
    assert not (generations(target)[0].folder / "secrets").exists()
    renamed(target, "2026-01-01T00-00-00Z")
    commit(repo, PutBlob("more.bin", sent(repo, b"more of it")))
    made = make(target, secrets=True)
    assert (made["content"], made["copied"], made["bytes"]) == (3, 1, 10)
    assert len(list(walk(target))) == 3
    secret = generations(target)[-1].folder / "secrets" / "secret_key"
    assert secret.read_text() == "the key of this hub"
    assert secret.stat().st_mode & 0o077 == 0
    assert target.stat().st_mode & 0o077 == 0
    # Hard links share the bytes. The store puts new bytes beside old ones, so what changes here does not change there.
    linked = target.with_name("linked")
    make(linked, hard_links=True)
    key = lfs_key(Blob.objects.get(size=len(WHOLE)).pk)
    with store().open_file(key) as ours:  # type: ignore[union-attr]
        assert os.fstat(ours.fileno()).st_ino == (linked / key).stat().st_ino
    put(key, b"x" * len(WHOLE), target.parent)
    assert (linked / key).read_bytes() == WHOLE
    # What the store lacks is named.
    xorb = xorb_key(Xorb.objects.get().pk)
    store().delete(xorb)
    made_without = back_up(target.with_name("third"), Options(), quiet)
    assert (made_without.missing, made_without.counts["missing"]) == ([xorb], 1)
    assert StorageRun.objects.latest("started_at").damages == [f"{xorb}: it is not in the store."]


def test_some_backups_are_kept_with_what_they_name(repo: Repository, target: Path) -> None:
    keys = []
    for number in range(4):
        content = b"of backup %d" % number
        sha256 = sent(repo, content)
        commit(repo, PutBlob("changing.bin", sha256))
        keys.append(lfs_key(sha256))
        make(target)
        renamed(target, f"2026-01-0{number + 1}T00-00-00Z")
        # As the collector does, weeks later.
        RepoBlob.objects.filter(blob=sha256).delete()
        BlobClaim.objects.filter(blob=sha256).delete()
        Blob.objects.filter(pk=sha256).delete()
        assert delete_unnamed(keys[-1]) == len(content)
    # One that did not come to its end, and a file that was being copied.
    (target / "2026-01-05T00-00-00Z").mkdir()
    (target / f"{keys[0]}.part").write_bytes(b"half")
    make(target, keep=2)
    assert [each.name for each in generations(target)][:1] == ["2026-01-04T00-00-00Z"]
    assert len(generations(target)) == 2
    assert [(target / key).exists() for key in keys] == [False, False, False, True]
    assert len(list(walk(target))) == 3


def test_bytes_that_have_changed_are_not_copied_over_good_ones(repo, target, tmp_path) -> None:  # type: ignore[no-untyped-def]
    key = lfs_key(Blob.objects.get(whole=True).pk)
    make(target)
    renamed(target, "2026-01-01T00-00-00Z")
    put(key, flipped(key), tmp_path)
    assert make(target, verify=True)["missing"] == 0
    assert (target / key).read_bytes() == WHOLE
    renamed(target, "2026-01-02T00-00-00Z")
    # The other way round, the copy is made good from the store.
    put(key, WHOLE, tmp_path)
    (target / key).write_bytes(WHOLE[::-1])
    assert make(target, verify=True)["copied"] == 1
    assert (target / key).read_bytes() == WHOLE
    # And where neither is good, the backup says so.
    renamed(target, "2026-01-03T00-00-00Z")
    put(key, flipped(key), tmp_path)
    (target / key).unlink()
    assert back_up(target, Options(verify=True), quiet).missing == [key]


def test_nothing_is_deleted_while_it_is_copied(repo: Repository, target: Path) -> None:
    stray = lfs_key("00" * 32)
    put(stray, b"of nobody", target.parent)
    with deletions_paused():
        assert delete_unnamed(stray) == 0
        with pytest.raises(Conflict, match="Another backup, or a restore, is running"):
            back_up(target, Options(), quiet)
    assert delete_unnamed(stray) == len(b"of nobody")
    # A full disk, too, leaves no backup that is none.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises((StorageFull, backing_up.BackupFailed, DumpFailed)):
            make(target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert generations(target) == []


def _half(target: Path) -> str:
    (generations(target)[0].folder / "manifest.json").unlink()
    return "There is no backup in"


def _short_dump(target: Path) -> str:
    dump = generations(target)[0].dump
    dump.write_bytes(dump.read_bytes()[:-1])
    return "the backup is damaged"


def _flipped_dump(target: Path) -> str:
    dump = generations(target)[0].dump
    content = bytearray(dump.read_bytes())
    content[-10] ^= 1
    dump.write_bytes(content)
    return "does not have the sha256"


def _changed(target: Path, **values: Any) -> None:
    path = generations(target)[0].folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def _other_format(target: Path) -> str:
    _changed(target, format=2)
    return "this Grove reads 1"


def _newer(target: Path) -> str:
    _changed(target, migrations=[["repos", "9999_of_next_year"]], hub_version="9.9")
    return "made by a newer Grove .9.9.: this one does not know repos.9999_of_next_year"


def _lost_content(target: Path) -> str:
    shutil.rmtree(target / "xorbs")
    return "1 files of content are not in the backup"


def _other_program(target: Path) -> str:
    _changed(target, dumped_by=99)
    return "There is no pg_restore of PostgreSQL 99"


HARMS = [_half, _short_dump, _flipped_dump, _other_format, _newer, _lost_content, _other_program]


def test_what_is_no_good_backup_is_refused_before_anything_is_lost(repo, target, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    make(target)
    with pytest.raises(Conflict, match="This hub has accounts or repositories"):
        restore(target, RestoreOptions(), quiet)
    # Whoever is let past must not take this test's database along.
    monkeypatch.setattr(restoring.dumping, "fill", None)
    monkeypatch.setattr(restoring, "_require_place", quiet)
    for harm in HARMS:
        spoilt = target.with_name(harm.__name__)
        shutil.copytree(target, spoilt)
        said = harm(spoilt)
        with pytest.raises((Invalid, DumpFailed), match=said):
            restore(spoilt, RestoreOptions(), quiet)
    assert Repository.objects.filter(pk=repo.pk).exists()


def test_a_backup_that_is_killed_holds_nothing_up(repo: Repository, target: Path, tmp_path: Path) -> None:
    stray = lfs_key("00" * 32)
    put(stray, b"of nobody", tmp_path)
    code = (
        "import time; from hub.repos.models import StorageRun; from hub.repos.storage.deletion_pause import deletions_paused\n"
        "StorageRun.objects.create(task='backup')\n"
        "with deletions_paused(): print('held', flush=True); time.sleep(600)"
    )
    info = connection.connection.info
    env = live.environment(tmp_path / "data", DATABASE_URL=f"postgres://{info.user}@/{info.dbname}?host={info.host}")
    child = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-c", code], cwd=live.BASE, env=env, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child:
        while "held" not in (line := child.stdout.readline()):
            assert line, "it ended"
        assert delete_unnamed(stray) == 0
        assert [state.running for state in last_passes() if state.run] == [True]
        child.kill()
    wait_until(lambda: not is_paused())
    assert [state.running for state in last_passes() if state.run] == [False]
    assert delete_unnamed(stray) == len(b"of nobody")
    make(target)
    assert not StorageRun.objects.filter(finished_at=None).exists()
