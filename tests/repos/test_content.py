"""Whole content as it is read: compared with its sums, which are made where there are none yet."""

import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.core.blobs import lfs_key, store
from hub.repos.content import open_blob
from hub.repos.models import Blob, Repository
from hub.repos.xet.errors import DamagedContentError
from tests.factories import make_repo, make_user
from tests.repos.filling import sent
from tests.repos.test_chunking import MB, flip

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo() -> Repository:
    return make_repo(make_user())


def load(sha256: str) -> Blob:
    return Blob.objects.get(pk=sha256)


def test_sums_are_made_as_content_comes_in(repo: Repository) -> None:
    content = random.Random(11).randbytes(2 * MB + 1)
    sha256 = sent(repo, content)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        blob = load(sha256)
    assert "block_sums" not in asked.captured_queries[0]["sql"]
    assert len(blob.block_sums or b"") == 3 * 8
    assert b"".join(open_blob(blob, 0, blob.size)) == content
    assert list(open_blob(blob, 5, 5)) == []
    flip(lfs_key(sha256), 2 * MB)
    assert b"".join(open_blob(blob, 1, 2 * MB)) == content[1 : 2 * MB]
    with pytest.raises(DamagedContentError):
        list(open_blob(blob, 2 * MB - 1, 2 * MB + 1))
    assert load(sha256).damaged_at is not None


def test_content_without_sums_gets_them_when_it_is_read(repo: Repository) -> None:
    content = random.Random(12).randbytes(2 * MB + 1)
    sha256 = sent(repo, content)
    made = load(sha256).block_sums
    Blob.objects.update(block_sums=None)
    assert b"".join(open_blob(load(sha256), 10, 20)) == content[10:20]
    assert load(sha256).block_sums is None
    assert b"".join(open_blob(load(sha256), 0, len(content))) == content
    assert load(sha256).block_sums == made


def test_damaged_content_without_sums_never_leaves_whole(repo: Repository) -> None:
    content = random.Random(13).randbytes(2 * MB + 1)
    sha256 = sent(repo, content)
    Blob.objects.update(block_sums=None)
    flip(lfs_key(sha256), 3)
    left = []
    with pytest.raises(DamagedContentError):
        left.extend(open_blob(load(sha256), 0, len(content)))
    assert sum(map(len, left)) < len(content)
    assert load(sha256).block_sums is None and load(sha256).damaged_at is not None


def test_lost_content_is_damage(repo: Repository) -> None:
    sha256 = sent(repo, b"lost")
    store().delete(lfs_key(sha256))
    with pytest.raises(DamagedContentError):
        list(open_blob(load(sha256), 0, 4))
    assert load(sha256).damaged_at is not None
