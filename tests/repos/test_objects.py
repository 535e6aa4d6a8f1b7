"""Objects in and out of rows, large ones in pieces."""

import os

import pytest

from hub.repos.git.objects import ObjectWriter, open_object, read_object
from hub.repos.models.git import GitObject, GitStore, ObjectType

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "content",
    [b"", b"small", os.urandom(3_000_000), bytes(8_000_000)],
    ids=["empty", "small", "large", "large when inflated"],
)
def test_content_comes_back_whole_and_in_ranges(content: bytes) -> None:
    store = GitStore.objects.create()
    for _ in range(2):
        # Written twice, there is one.
        writer = ObjectWriter(store.pk)
        oid = writer.add(ObjectType.BLOB, content)
        writer.flush()
    assert GitObject.objects.filter(store=store).count() == 1
    assert read_object(store.pk, oid, ObjectType.BLOB) == content
    size = len(content)
    for start, stop in [(0, size), (3, size), (size // 2, size // 2 + 10), (max(size - 5, 0), size), (7, 7)]:
        assert b"".join(open_object(store.pk, oid, start, stop)) == content[start:stop]
    assert all(len(piece) <= 1024 * 1024 for piece in open_object(store.pk, oid, 0, size))
