"""Content on its way in: whole bytes with their hash, or nothing."""

import hashlib
import io
from collections.abc import Callable

import pytest
import pytest_django
from django.contrib.auth.models import AnonymousUser

from hub.core.blobs.files import FileStore
from hub.core.blobs.intake import received
from hub.core.errors import Invalid, StorageFull, TooLarge
from hub.repos.models import Repository
from hub.repos.xet.services import store_xorb
from tests.core.blobs.content import KEY, content_of, left_over

pytestmark = pytest.mark.usefixtures("file_store")


def test_bytes_are_known_by_their_hash(file_store: FileStore) -> None:
    content = bytes(range(256)) * 10_000
    with received(io.BytesIO(content), length=len(content), limit=10**9) as found:
        assert (found.sha256, found.size) == (hashlib.sha256(content).hexdigest(), len(content))
        file_store.put(found.handle, KEY)
    assert content_of(file_store) == content
    assert not left_over()


@pytest.mark.parametrize(
    ("length", "limit", "sha256", "error", "said"),
    [
        (5, 10, "", Invalid, "ended 2 bytes early"),
        (3, 10, "00" * 32, Invalid, "not 00"),
        (3, 2, "", TooLarge, "up to 2 bytes"),
    ],
)
def test_what_is_short_wrong_or_too_large_leaves_nothing(
    length: int, limit: int, sha256: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said), received(io.BytesIO(b"abc"), length=length, limit=limit, sha256=sha256):
        pytest.fail("it was let in")
    assert not left_over()


def test_a_full_disk_is_said_and_leaves_nothing(limit_files: Callable[[int], None]) -> None:
    limit_files(1024 * 1024)
    with pytest.raises(StorageFull), received(io.BytesIO(bytes(4 * 1024**2)), length=4 * 1024**2, limit=10**9):
        pytest.fail("it was let in")
    assert not left_over()


@pytest.mark.django_db
def test_bytes_that_leave_no_room_for_the_rest_of_the_hub_are_not_read(settings: pytest_django.Settings) -> None:
    settings.KEEP_FREE_BYTES = 10**18
    body = io.BytesIO(b"abc")
    with pytest.raises(StorageFull, match="room for 0 bytes"), received(body, length=3, limit=10):
        pytest.fail("it was let in")
    with pytest.raises(StorageFull, match="room for 0 bytes"):
        store_xorb(stream=body, length=3, expected_hash="00" * 32, repository=Repository(), user=AnonymousUser())
    assert body.tell() == 0
