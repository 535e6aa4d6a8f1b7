"""What nothing needs goes after its grace, and nothing else ever does."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from hub.core import blobs, locks
from hub.core.blobs import lfs_key
from hub.core.blobs.scratch import scratch_file
from hub.repos.errors import FilesExpired
from hub.repos.git.commits import Stage, create_commit
from hub.repos.git.files import list_files, resolve_revision
from hub.repos.large_uploads import begin_upload
from hub.repos.models import (
    Blob,
    BucketFile,
    GitObject,
    GitStore,
    LargeUpload,
    RepoBlob,
    Repository,
    StorageClock,
    StorageRun,
    XetFile,
    Xorb,
)
from hub.repos.services import delete_repo
from hub.repos.storage import clock, collecting
from hub.repos.storage.deletion_pause import deletions_paused
from tests.factories import make_repo

from .content import commit, noise, put, send, send_chunks

pytestmark = pytest.mark.django_db

Age = Callable[[float], None]
Stored = Callable[[], set[str]]


def collect() -> dict[str, int]:
    run = collecting.collect_now()
    assert run is not None
    return run.counts


def drop(repo: Repository) -> None:
    assert repo.created_by is not None
    delete_repo(repo=repo, actor=repo.created_by)


def test_whole_content_goes_a_week_after_the_last_that_held_it(age: Age, stored: Stored) -> None:
    first, second = make_repo(), make_repo()
    content = noise(1, 5000)
    sha256 = put(first, "a.bin", content)
    put(second, "b.bin", content)
    drop(first)
    age(30)
    collect()
    assert Blob.objects.get().unreferenced_at is None
    drop(second)
    assert collect() == {"blobs marked": 1}
    age(6.9)
    assert collect() == {}
    age(0.2)
    assert collect() == {"blobs condemned": 1}
    assert collect() == {}
    assert stored() == {sha256}
    age(0.6)
    assert collect() == {"blobs deleted": 1, "bytes freed": 5000}
    assert not stored()
    assert not Blob.objects.exists()


def test_chunks_go_when_no_client_remembers_them(age: Age, stored: Stored) -> None:
    repo = make_repo()
    pieces = [noise(n, 9000) for n in range(3)]
    commit(repo, model=send_chunks(repo, pieces))
    drop(repo)
    collect()
    age(8)
    collect()
    age(1)
    counts = collect()
    assert (counts["blobs deleted"], counts["files forgotten"], counts["xorbs marked"]) == (1, 1, 1)
    assert not XetFile.objects.exists()
    age(27)
    assert collect() == {}
    age(1.1)
    assert collect() == {"xorbs condemned": 1}
    age(1)
    size = Xorb.objects.get().stored_size
    assert collect() == {"xorbs deleted": 1, "bytes freed": size}
    assert not stored()


def test_a_xorb_that_a_client_was_told_of_starts_its_grace_again(age: Age, stored: Stored) -> None:
    repo = make_repo()
    pieces = [noise(n, 9000) for n in range(3)]
    commit(repo, model=send_chunks(repo, pieces))
    drop(repo)
    for days in (0, 8, 1, 28):
        age(days)
        collect()
    assert Xorb.objects.get().condemned_at
    # The same is sent again: the client is told that the hub has it.
    send_chunks(make_repo(), pieces)
    assert Xorb.objects.get().condemned_at is None
    age(20)
    collect()
    assert len(stored()) == 1


@pytest.mark.parametrize("reference", ["claim", "upload", "bucket"])
def test_whatever_refers_to_content_keeps_it(age: Age, stored: Stored, reference: str) -> None:
    repo = make_repo()
    user = repo.created_by
    assert user is not None
    content = noise(2, 4000)
    sha256 = send(repo, content)
    for days in (20, 8) if reference != "claim" else ():
        age(days)
        collect()
    if reference == "upload":
        begin_upload(repo=repo, user=user, sha256=sha256, size=4000, part_size=4000)
    elif reference == "bucket":
        BucketFile.objects.create(
            repository=repo, path="a", blob_id=sha256, modified_at=timezone.now(), uploaded_at=timezone.now()
        )
    for _turn in range(4):
        age(0.9)
        collect()
    assert stored() == {sha256}
    LargeUpload.objects.all().delete()
    BucketFile.objects.all().delete()
    for days in (20, 8, 1):
        age(days)
        collect()
    assert not stored()


def test_another_packing_of_the_same_content_goes(age: Age, stored: Stored) -> None:
    repo = make_repo()
    content = noise(3, 40_000)
    first = send_chunks(repo, [content[:20_000], content[20_000:]])
    assert send_chunks(repo, [content[:10_000], content[10_000:]]) == first
    commit(repo, model=first)
    assert XetFile.objects.count() == 2
    for days in (13, 2, 28.1, 0.1, 1):
        age(days)
        collect()
    assert XetFile.objects.count() == Xorb.objects.count() == len(stored()) == 1


# --- clocks -------------------------------------------------------------------------------------------------------------


def test_the_clock_counts_the_hours_in_which_the_hub_runs() -> None:
    start = clock.tick()
    for jump, counted in [
        (timedelta(minutes=30), 1800),
        (timedelta(days=31), 7200),
        (timedelta(days=-400), 0),
    ]:
        before = clock.now()
        StorageClock.objects.update(ticked_at=timezone.now() - jump)
        assert clock.tick() - before == pytest.approx(counted, abs=5)
        assert StorageClock.objects.get().ticked_at <= timezone.now()
    assert clock.now() - start < 9100


def test_a_machine_clock_that_jumps_takes_nothing_away(
    age: Age, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = make_repo()
    gone, whole = send(make_repo(), noise(4, 4000)), send(repo, noise(5, 4000))
    chunks = send_chunks(repo, [noise(6, 9000)])
    stage = Stage(repo)
    put_small = stage.file("small.txt", b"staged, and committed after the jump")
    stage.finish()
    RepoBlob.objects.all().delete()
    age(8)  # So that what has no row is looked for.
    there = stored()
    collect()
    really, real_now = time.time, timezone.now
    jump = timedelta(days=6)
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: really() + jump.total_seconds())
        patch.setattr(timezone, "now", lambda: real_now() + jump)
        for _turn in range(3):
            collect()
    collect()
    assert stored() == there
    commit(repo, whole=send(repo, noise(5, 4000)))
    assert {gone, whole, chunks} == set(Blob.objects.values_list("pk", flat=True))
    assert put_small.path == "small.txt"


# --- what has no row ----------------------------------------------------------------------------------------------------


def orphan(own_store: Path, content: bytes, name: str) -> Path:
    with scratch_file() as handle:
        handle.write(content)
        blobs.store().put(handle, lfs_key(name))
    return own_store / lfs_key(name)


def test_bytes_without_a_row_go_once_nobody_can_be_sending_them(own_store: Path, stored: Stored) -> None:
    repo = make_repo()
    named = put(repo, "a.bin", noise(7, 3000))
    old, fresh = orphan(own_store, b"old", "ab" * 32), orphan(own_store, b"fresh", "cd" * 32)
    by_hand = old.with_name("README")
    by_hand.write_text("Do not delete anything here.")
    at = time.time() - 3 * 24 * 3600
    for path in (old, by_hand):
        os.utime(path, (at, at))
    # A database that is new beside a store that is not: its backup may be on the way.
    assert collect() == {}
    StorageClock.objects.update(seconds=8 * 24 * 3600)
    assert collect() == {"unnamed deleted": 1, "bytes freed": 3}
    assert stored() == {named, fresh.name, "README"}


def test_nothing_is_deleted_while_a_backup_copies(
    age: Age, stored: Stored, own_store: Path, transactional_db: None
) -> None:
    sha256 = send(make_repo(), noise(8, 3000))
    for days in (20, 8):
        age(days)
        collect()
    orphan(own_store, b"old", "ab" * 32)
    age(3)
    with deletions_paused():
        assert "bytes freed" not in collect()
    assert stored() == {sha256, "ab" * 32}
    assert collect()["bytes freed"] == 3003
    assert not stored()


# --- git ----------------------------------------------------------------------------------------------------------------


def test_objects_that_no_ref_reaches_go_after_a_week(age: Age) -> None:
    repo = make_repo()
    user = repo.created_by
    assert user is not None
    stage = Stage(repo)
    kept, lost = stage.file("kept.txt", b"committed within the week"), stage.file("lost.txt", b"never committed")
    stage.finish()
    age(6)
    assert collect() == {}
    create_commit(repo=repo, actor=user, operations=[kept], title="Commit what was sent days ago")
    age(2)
    assert collect() == {"objects deleted": 1, "bytes of objects": len(b"never committed")}
    assert {file.path for file in list_files(repo, resolve_revision(repo, "main"))} == {".gitattributes", "kept.txt"}
    with pytest.raises(FilesExpired, match=r"lost\.txt"):
        create_commit(repo=repo, actor=user, operations=[lost], title="Too late")
    stage = Stage(repo)
    again = stage.file("lost.txt", b"never committed")
    stage.finish()
    create_commit(repo=repo, actor=user, operations=[again], title="Once more")


def test_what_is_written_again_is_not_taken_for_old(age: Age) -> None:
    repo = make_repo()
    user = repo.created_by
    assert user is not None
    for days in (6, 5):
        stage = Stage(repo)
        put_again = stage.file("a.txt", b"sent twice")
        stage.finish()
        age(days)
        collect()
    create_commit(repo=repo, actor=user, operations=[put_again], title="Commit")


def test_pools_of_deleted_repositories_go(age: Age) -> None:
    pool = GitStore.objects.create()
    GitStore.objects.update(created_at=timezone.now() - timedelta(days=2))
    repo = make_repo()
    GitObject.objects.filter(store=repo.store).update(store=pool)
    count = collect()
    assert count["pools deleted"] == 1
    assert GitStore.objects.get() == repo.store


# --- passes -------------------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_and_changes_nothing(age: Age, stored: Stored) -> None:
    sha256 = send(make_repo(), noise(9, 3000))
    for days in (20, 8, 1):
        age(days)
        if days != 1:
            collect()
    send(make_repo(), noise(10, 3000))
    age(15)
    expected = {"claims forgotten": 1, "blobs deleted": 1, "bytes freed": 3000}
    assert collecting.what_would_go() == expected == collecting.what_would_go()
    assert len(stored()) == 2
    collect()
    assert sha256 not in stored()


def test_a_pass_goes_on_where_it_was_cut_off(age: Age, stored: Stored) -> None:
    for n in range(3):
        drop_me = make_repo()
        put(drop_me, "a", noise(20 + n, 3000))
        drop(drop_me)
    collect()
    age(8)
    collect()
    age(1)
    turns = 1
    while collecting.collect_due(seconds=-1):
        turns += 1
    assert turns >= 3
    assert not stored()
    runs = StorageRun.objects.order_by("-started_at")
    assert runs[0].finished_at is not None
    assert runs[0].counts == {"blobs deleted": 3, "bytes freed": 9000}
    # The next one begins some hours later.
    assert not collecting.collect_due(seconds=-1)
    assert StorageRun.objects.count() == 3


@pytest.fixture
def another_collector(transactional_db: None) -> Iterator[None]:
    with locks.alone(collecting.LOCK):
        yield


def test_one_process_at_a_time_collects(another_collector: None) -> None:
    assert collecting.collect_now() is None
    assert not collecting.collect_due(seconds=10)
