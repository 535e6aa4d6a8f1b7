"""Content for the tests of stores: put there, and found again."""

import hashlib
from pathlib import Path

from django.conf import settings as hub_settings

from hub.core.blobs import lfs_key
from hub.core.blobs.contract import BlobStore
from hub.core.blobs.intake import ContentCheck
from hub.core.blobs.scratch import scratch_file

# The least that an S3 server takes as a part that is not the last.
PART = 5 * 1024 * 1024


KEY = lfs_key("ab" * 32)


def put(store: BlobStore, content: bytes, key: str = KEY) -> None:
    with scratch_file() as handle:
        handle.write(content)
        store.put(handle, key)


def content_of(store: BlobStore, key: str = KEY) -> bytes:
    return b"".join(store.read(key))


def is_content(expected: bytes) -> ContentCheck:
    return ContentCheck(hashlib.sha256(expected).hexdigest())


def left_over() -> list[Path]:
    return list((hub_settings.DATA_DIR / "blobs").glob("staging/*"))
