"""Where large content lies: immutable, content-addressed, in files below the data folder or in an S3-compatible store.

Keys are `lfs/aa/bb/<sha256>` and `xorbs/aa/bb/<hash>`. Both stores keep one contract (`contract.BlobStore`), and a name that
exists always means whole bytes. What passes through this machine on its way in lies in scratch files (`scratch`).
"""

import os
from functools import cache

from django.conf import settings

from hub.core.blobs.contract import BlobMissing, BlobStore, StoreAway
from hub.core.blobs.files import FileStore

__all__ = ["BlobMissing", "BlobStore", "StoreAway", "lfs_key", "store", "xorb_key"]


def lfs_key(sha256: str) -> str:
    return f"lfs/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def xorb_key(xorb_hash: str) -> str:
    return f"xorbs/{xorb_hash[:2]}/{xorb_hash[2:4]}/{xorb_hash}"


@cache
def store() -> BlobStore:
    """Return this hub's store."""
    if settings.S3 is None:
        return FileStore()
    # Loading boto3 takes a while and 30 MB, which a hub with files does without.
    from hub.core.blobs.s3 import S3Store

    return S3Store(settings.S3)


# Two processes on one connection would read each other's answers.
os.register_at_fork(after_in_child=store.cache_clear)
