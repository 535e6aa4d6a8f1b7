"""Noting who has sent, or proven to hold, which large content for which repository."""

from django.db import transaction

from hub.accounts.models import Someone, User
from hub.core.blobs import lfs_key, store
from hub.core.errors import Unavailable
from hub.repos.models import Blob, BlobClaim, Repository
from hub.repos.storage.keys import UNMARKED, share_key, touch_blobs


def claim(*, repo: Repository, user: Someone, sha256: str) -> None:
    """Let commits of `user` to `repo` name this content from now on, for CLAIM_LIFE, in the caller's transaction.

    The caller has seen that they hold the bytes, or may read them. Raises Unavailable where it has gone meanwhile.
    """
    if not touch_blobs([sha256]):
        raise _just_deleted()
    BlobClaim.objects.bulk_create(
        [BlobClaim(repository=repo, blob_id=sha256, user_id=user.pk)],
        update_conflicts=True,
        unique_fields=["repository", "blob", "user"],
        update_fields=["created_at"],
    )


@transaction.atomic
def claim_blob(*, repo: Repository, user: User, sha256: str, size: int, sums: bytes | None = None) -> Blob:
    """Note that `user` has sent the whole, checked bytes of `sha256`, so that commits of this repository may name it.

    sums: of the blocks of these bytes; without them, they are made when the whole is next read. The bytes are in the store.
    Raises Unavailable where they were taken for nobody's and deleted since.
    """
    key = lfs_key(sha256)
    share_key(key)
    if store().stat(key) is None:
        raise _just_deleted()
    Blob.objects.bulk_create(
        [Blob(sha256=sha256, size=size, whole=True, block_sums=sums)],
        update_conflicts=True,
        unique_fields=["sha256"],
        # What was damaged of it has been written over.
        update_fields=["whole", "block_sums", "damaged_at", *UNMARKED],
    )
    claim(repo=repo, user=user, sha256=sha256)
    return Blob.objects.get(pk=sha256)


def _just_deleted() -> Unavailable:
    return Unavailable(
        "This content was deleted at this moment, since nothing needed it. Send it again.", retry_after=1
    )
