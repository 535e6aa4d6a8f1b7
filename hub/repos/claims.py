"""Noting who has sent, or proven to hold, which large content for which repository."""

from hub.accounts.models import Someone
from hub.repos.models import BlobClaim, Repository


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
