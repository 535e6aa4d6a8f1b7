"""Noting who has sent, or proven to hold, which large content for which repository."""

from django.db import transaction

from hub.accounts.models import Someone, User
from hub.repos.models import Blob, BlobClaim, Repository


def claim(*, repo: Repository, user: Someone, sha256: str) -> None:
    """Let commits of `user` to `repo` name this content from now on, for CLAIM_LIFE, in the caller's transaction.

    The caller has seen that they hold the bytes, or may read them.
    """
    BlobClaim.objects.bulk_create(
        [BlobClaim(repository=repo, blob_id=sha256, user_id=user.pk)],
        update_conflicts=True,
        unique_fields=["repository", "blob", "user"],
        update_fields=["created_at"],
    )


@transaction.atomic
def claim_blob(*, repo: Repository, user: User, sha256: str, size: int) -> Blob:
    """Note that `user` has sent the whole, checked bytes of `sha256`, so that commits of this repository may name it."""
    blob, created = Blob.objects.get_or_create(sha256=sha256, defaults={"size": size, "whole": True})
    if not created and not blob.whole:
        blob.whole = True
        blob.save(update_fields=["whole"])
    claim(repo=repo, user=user, sha256=sha256)
    return blob
