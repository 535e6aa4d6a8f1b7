"""Buckets, and files in them."""

from datetime import UTC, datetime
from hashlib import sha256

from hub.accounts.models import User
from hub.core.blobs import lfs_key, store
from hub.core.blobs.scratch import scratch_file
from hub.repos.buckets import Put, change_files, create_bucket
from hub.repos.claims import claim_blob
from hub.repos.models import (
    Repository,
    Visibility,
)
from tests.factories import make_user

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def make_bucket(owner: User | None = None, *, name: str = "things", visibility: str = Visibility.PUBLIC) -> Repository:
    owner = owner or make_user()
    return create_bucket(actor=owner, namespace=owner.namespace, name=name, visibility=visibility)


def send(bucket: Repository, content: bytes, by: User | None = None) -> str:
    """Send content to a bucket as its maker; return its sha256."""
    user = by or bucket.created_by
    assert user is not None
    digest = sha256(content).hexdigest()
    with scratch_file() as handle:
        handle.write(content)
        store().put(handle, lfs_key(digest))
    claim_blob(repo=bucket, user=user, sha256=digest, size=len(content))
    return digest


def put(bucket: Repository, files: dict[str, bytes]) -> None:
    """Put files into a bucket as its maker."""
    assert bucket.created_by is not None
    operations = [Put(path, THEN, sha256=send(bucket, content)) for path, content in files.items()]
    assert change_files(repo=bucket, actor=bucket.created_by, operations=operations) == []
