"""Whoever sends content, or relies on it, wins against whoever deletes it, at every step at which they can meet.

The database's own locks hold each side where it is to be met: a step that waits is one that Postgres says is waiting.
"""

import io
import time
from pathlib import Path

import pytest
from django.db import connection, transaction

from hub.core import blobs
from hub.core.blobs import lfs_key, xorb_key
from hub.core.blobs.contract import BlobMissing
from hub.core.blobs.scratch import scratch_file
from hub.core.errors import Unavailable
from hub.repos.claims import claim_blob
from hub.repos.large_uploads import receive_whole
from hub.repos.models import Blob, BlobClaim, RepoBlob, Repository, XetFile, Xorb
from hub.repos.storage import content_garbage, keys
from hub.repos.storage.garbage import Pass
from hub.repos.xet.access import Access
from hub.repos.xet.dedup import answer_dedup
from hub.repos.xet.errors import UnknownContent
from hub.repos.xet.hashing import chunk_hash, to_hex
from tests.factories import make_repo
from tests.repos.racing import Other, other
from tests.repos.xet.building import file_of, shard_of, term
from tests.repos.xet.conftest import register, store

from .content import commit, noise, send, send_chunks

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = noise(1, 5000)
PIECES = [noise(n, 9000) for n in range(2, 5)]
# A pass to which everything that is marked is old enough.
LATE = Pass(clock=10**9)


def delete_blobs() -> None:
    list(content_garbage.deleted_blobs(LATE, ""))


def delete_xorbs() -> None:
    list(content_garbage.deleted_xorbs(LATE, ""))


def condemned_blob() -> tuple[Repository, str]:
    """Return a repository, and whole content that will be deleted if nothing happens."""
    repo = make_repo()
    sha256 = send(repo, CONTENT)
    BlobClaim.objects.all().delete()
    Blob.objects.update(unreferenced_at=0, condemned_at=0)
    return repo, sha256


def condemned_xorb() -> tuple[Repository, str]:
    repo = make_repo()
    name = store(PIECES, repo)
    Xorb.objects.update(unreferenced_at=0, condemned_at=0, last_touched_at="2020-01-01T00:00Z")
    return repo, name


def in_store(key: str) -> bool:
    try:
        return bool(b"".join(blobs.store().read(key)))
    except BlobMissing:
        return False


def test_without_a_race_it_is_deleted() -> None:
    _repo, sha256 = condemned_blob()
    _repo, name = condemned_xorb()
    delete_blobs()
    delete_xorbs()
    assert not Blob.objects.exists()
    assert not Xorb.objects.exists()
    assert not in_store(lfs_key(sha256))
    assert not in_store(xorb_key(name))


# --- commits ------------------------------------------------------------------------------------------------------------


def test_what_a_commit_names_is_not_deleted_before_the_commit_is_there() -> None:
    repo, sha256 = condemned_blob()
    BlobClaim.objects.create(repository=repo, blob_id=sha256, user=repo.created_by)
    with transaction.atomic():
        commit(repo, model=sha256)
        # As if the claim's week were over: nothing that others can see refers to it.
        BlobClaim.objects.all().delete()
        with other(delete_blobs) as collector:
            collector.finish()
    assert RepoBlob.objects.filter(blob=sha256).exists()
    assert in_store(lfs_key(sha256))
    delete_blobs()
    assert in_store(lfs_key(sha256))


def test_marks_that_come_while_a_commit_is_made_do_not_last() -> None:
    repo = make_repo()
    sha256 = send(repo, CONTENT)
    with transaction.atomic():
        commit(repo, model=sha256)
        BlobClaim.objects.all().delete()
        with other(lambda: list(content_garbage.marks_of_blobs(Pass(clock=5), ""))) as marker:
            marker.finish()
    list(content_garbage.marks_of_blobs(Pass(clock=6), ""))
    assert Blob.objects.get().unreferenced_at is None


# --- uploads of the same content ----------------------------------------------------------------------------------------


def test_an_upload_waits_for_the_deletion_of_its_row_and_writes_another() -> None:
    repo, sha256 = condemned_blob()
    user = repo.created_by
    assert user is not None
    with transaction.atomic(), connection.cursor() as cursor:
        # Holds the collector where it has locked the row, and looks once more who refers to it.
        cursor.execute("LOCK TABLE repos_largeupload IN ACCESS EXCLUSIVE MODE")
        collector = Other(delete_blobs)
        collector.start()
        collector.wait_blocked()
        uploader = Other(lambda: receive_whole(repo=repo, user=user, stream=io.BytesIO(CONTENT), length=len(CONTENT)))
        uploader.start()
        uploader.wait_blocked(2)
    collector.finish()
    uploader.finish()
    assert Blob.objects.get().unreferenced_at is None
    assert in_store(lfs_key(sha256))


def test_bytes_that_were_sent_again_since_their_row_went_stay() -> None:
    repo, sha256 = condemned_blob()
    user = repo.created_by
    assert user is not None
    with transaction.atomic():
        keys.share_key(lfs_key(sha256))
        collector = Other(delete_blobs)
        collector.start()
        collector.wait_blocked()
        assert not Blob.objects.exists()
        claim_blob(repo=repo, user=user, sha256=sha256, size=len(CONTENT))
    collector.finish()
    assert Blob.objects.get().pk == sha256
    assert in_store(lfs_key(sha256))


def test_bytes_that_went_before_they_had_a_row_are_put_again_or_asked_for_again() -> None:
    repo = make_repo()
    user = repo.created_by
    assert user is not None
    sha256 = send(repo, CONTENT)
    Blob.objects.all().delete()
    with scratch_file() as handle:
        handle.write(CONTENT)
        blobs.store().put(handle, lfs_key(sha256))
        # Nobody's, as far as a collector can see, and old enough.
        assert keys.delete_unnamed(lfs_key(sha256)) == len(CONTENT)
        with pytest.raises(Unavailable, match="Send it again"):
            claim_blob(repo=repo, user=user, sha256=sha256, size=len(CONTENT))
        with transaction.atomic():
            keys.share_key(lfs_key(sha256))
            keys.put_again_if_gone(handle, lfs_key(sha256))
            claim_blob(repo=repo, user=user, sha256=sha256, size=len(CONTENT))
    assert in_store(lfs_key(sha256))


def test_a_collector_that_is_killed_between_row_and_bytes_leaves_no_promise() -> None:
    _repo, sha256 = condemned_blob()
    with transaction.atomic():
        keys.share_key(lfs_key(sha256))
        with other(delete_blobs) as collector:
            collector.wait_blocked()
            collector.kill()
    assert collector.error is not None
    assert not Blob.objects.exists()
    assert in_store(lfs_key(sha256))
    assert keys.delete_unnamed(lfs_key(sha256), older_than=time.time() + 60) == len(CONTENT)


# --- chunks -------------------------------------------------------------------------------------------------------------


def test_a_shard_keeps_the_xorbs_that_it_names() -> None:
    repo, name = condemned_xorb()
    user = repo.created_by
    assert user is not None
    body = shard_of([(file_of(PIECES), [term(name, PIECES)], None)])
    with transaction.atomic():
        register(body, repo, user)
        with other(delete_xorbs) as collector:
            collector.finish()
    assert Xorb.objects.get().condemned_at is None
    delete_xorbs()
    assert in_store(xorb_key(name))
    assert XetFile.objects.exists()


def test_a_shard_that_comes_too_late_says_what_to_send() -> None:
    repo, name = condemned_xorb()
    user = repo.created_by
    assert user is not None
    delete_xorbs()
    with pytest.raises(UnknownContent, match="Upload it again"):
        register(shard_of([(file_of(PIECES), [term(name, PIECES)], None)]), repo, user)


def test_what_a_dedup_answer_names_starts_its_grace_again() -> None:
    repo = make_repo()
    user = repo.created_by
    assert user is not None
    commit(repo, model=send_chunks(repo, PIECES))
    Xorb.objects.update(unreferenced_at=0, last_touched_at="2020-01-01T00:00Z")
    with transaction.atomic():
        assert answer_dedup(access=Access(repo, user, writes=True), chunk_hash=to_hex(chunk_hash(PIECES[0])))
        with other(lambda: list(content_garbage.condemned_xorbs(LATE, ""))) as collector:
            collector.finish()
    xorb = Xorb.objects.get()
    assert (xorb.unreferenced_at, xorb.condemned_at) == (None, None)


def test_a_xorb_that_is_sent_while_it_is_deleted_is_there_in_the_end(own_store: Path) -> None:
    repo, name = condemned_xorb()
    with transaction.atomic():
        keys.share_key(xorb_key(name))
        collector = Other(delete_xorbs)
        collector.start()
        collector.wait_blocked()
        uploader = Other(lambda: store(PIECES, repo))
        uploader.start()
        uploader.wait_blocked(2)
    collector.finish()
    uploader.finish()
    assert Xorb.objects.get().pk == name
    assert (own_store / xorb_key(name)).is_file()
