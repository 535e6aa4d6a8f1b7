"""The file store: whole bytes under a name, or nothing."""

import hashlib
import io
import resource
import time
from pathlib import Path

import pytest
import pytest_django

from hub.core import blobparts, blobstore
from hub.core.errors import Invalid, StorageFull, TooLarge
from hub.repos.models import Repository
from hub.repos.xet.services import store_xorb


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, settings: pytest_django.Settings) -> None:
    settings.DATA_DIR = tmp_path


def staged() -> list[Path]:
    return list(blobstore._root().glob("staging/*"))


def test_bytes_come_back_by_their_hash() -> None:
    content = bytes(range(256)) * 10_000
    sha256, size = blobstore.store_stream(io.BytesIO(content), length=len(content), limit=10**9)
    assert sha256 == hashlib.sha256(content).hexdigest()
    key = blobstore.lfs_key(sha256)
    assert blobstore.size(key) == size == len(content)
    with blobstore.open_blob(key) as stored:
        assert stored.read() == content
    assert blobstore.store_stream(io.BytesIO(content), length=size, limit=10**9) == (sha256, size)
    assert not staged()


def test_what_is_short_wrong_or_too_large_leaves_nothing() -> None:
    with pytest.raises(Invalid, match="ended 2 bytes early"):
        blobstore.store_stream(io.BytesIO(b"abc"), length=5, limit=10)
    with pytest.raises(Invalid, match="not 00"):
        blobstore.store_stream(io.BytesIO(b"abc"), length=3, limit=10, sha256="00" * 32)
    with pytest.raises(TooLarge):
        blobstore.store_stream(io.BytesIO(b"abc"), length=3, limit=2)
    assert not staged()
    assert not list(blobstore._root().glob("lfs/**/*"))


def test_a_full_disk_is_said_and_leaves_nothing() -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, before[1]))
    try:
        with pytest.raises(StorageFull):
            blobstore.store_stream(io.BytesIO(bytes(4 * 1024 * 1024)), length=4 * 1024 * 1024, limit=10**9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not staged()


@pytest.mark.django_db
def test_bytes_that_leave_no_room_for_the_rest_of_the_hub_are_not_read(settings: pytest_django.Settings) -> None:
    settings.KEEP_FREE_BYTES = 10**18
    body = io.BytesIO(b"abc")
    with pytest.raises(StorageFull, match="room for 0 bytes"):
        blobstore.store_stream(body, length=3, limit=10)
    with pytest.raises(StorageFull, match="room for 0 bytes"):
        blobparts.store_part(1, 1, body, length=3)
    with pytest.raises(StorageFull, match="room for 0 bytes"):
        store_xorb(stream=body, length=3, expected_hash="00" * 32, repository=Repository())
    assert body.tell() == 0


def test_only_old_scratch_files_are_swept() -> None:
    with blobstore.staging_file():
        assert blobstore.sweep_staging(older_than=60) == 0
        assert len(staged()) == 1
        time.sleep(0.01)
        assert blobstore.sweep_staging(older_than=0) == 1
