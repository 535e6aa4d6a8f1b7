"""Large content. A sha256 is a name, not a right: rows here say which repository has shown that it holds the bytes."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.utils import timezone

from hub.accounts.models import Someone, User
from hub.core.fields import HexField
from hub.repos.models.keeping import Kept
from hub.repos.models.repository import Repository
from hub.repos.models.xet import XetFileXorb

# Long enough to send the rest of a large push on a slow line; after it the content is sent again.
CLAIM_LIFE = timedelta(days=7)


class BlobQuerySet(models.QuerySet["Blob"]):
    def usable_in(self, repository: Repository, user: Someone) -> Self:
        """Blobs that `user` may commit to `repository`: those that they have sent to it, and those in any repository whose
        files they may fetch."""
        claimed = BlobClaim.objects.standing(repository, user).values("blob")
        readable = RepoBlob.objects.filter(repository__in=Repository.objects.readable_by(user)).values("blob")
        return self.filter(models.Q(pk__in=claimed) | models.Q(pk__in=readable))

    def sound(self) -> Self:
        """Blobs that can be read, whole or as chunks, as far as anybody knows."""
        damaged = XetFileXorb.objects.filter(file=models.OuterRef("xet_file"), xorb__damaged_at__isnull=False)
        chunked = models.Q(xet_file__isnull=False) & ~models.Exists(damaged)
        return self.filter(models.Q(whole=True, damaged_at=None) | chunked)


class BlobManager(models.Manager["Blob"].from_queryset(BlobQuerySet)):  # type: ignore[misc]
    """Blobs without their sums, which have 8 KB for each GB: whoever compares reads those that it needs."""

    def get_queryset(self) -> BlobQuerySet:
        return super().get_queryset().defer("block_sums")


class Blob(Kept):
    """Verified content, stored whole (`lfs`), as Xet chunks (`xet`) or both.

    `damaged_at` is of the whole form: the chunks' damages are noted at their xorbs.
    """

    sha256 = HexField(length=32, primary_key=True)
    size = models.PositiveBigIntegerField()  # bytes
    whole = models.BooleanField(default=False)
    xet_file = models.ForeignKey("repos.XetFile", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # xxh3_64 of each BLOCK of whole content, little-endian: what is read is compared with it before it leaves.
    block_sums = models.BinaryField(null=True)

    objects = BlobManager()

    class Meta(Kept.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(whole=True) | models.Q(xet_file__isnull=False), name="blob_is_stored_somehow"
            )
        ]


class BlobClaimQuerySet(models.QuerySet["BlobClaim"]):
    def standing(self, repository: Repository, user: Someone) -> Self:
        """Claims that count: what `user` has sent to `repository` within CLAIM_LIFE."""
        return self.filter(repository=repository, user=user.pk, created_at__gte=timezone.now() - CLAIM_LIFE)


class BlobClaim(models.Model):
    """Somebody has sent, or proven to hold, these bytes for this repository; a commit of theirs may name them for CLAIM_LIFE.

    A claim is its user's alone: whoever may propose changes may send content, and none of it is anybody else's to read.
    It ends where the repository forgets or deletes the content.
    """

    repository = models.ForeignKey("repos.Repository", on_delete=models.CASCADE, related_name="+", db_index=False)
    blob = models.ForeignKey(Blob, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)  # or was sent once more

    objects = BlobClaimQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "blob", "user"], name="claim_once")]


class RepoBlob(models.Model):
    """A commit that some ref of this repository reaches points at this blob, so whoever reads the repository's files may
    read the blob."""

    repository = models.ForeignKey("repos.Repository", on_delete=models.CASCADE, related_name="+", db_index=False)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "blob"], name="repo_blob_once")]


class LargeUpload(models.Model):
    """A large file that arrives in parts (the `multipart` transfer of git-lfs). Parts lie in the staging area until all are
    there."""

    repository = models.ForeignKey("repos.Repository", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    sha256 = HexField(length=32)
    size = models.PositiveBigIntegerField()  # bytes
    part_size = models.PositiveBigIntegerField()  # bytes of each part but the last
    parts = models.TextField(default="")  # the store's name of the upload, with which its parts are found
    created_at = models.DateTimeField(auto_now_add=True)


class LargeFileLock(models.Model):
    """Somebody works on this file and asks others not to (git-lfs locks)."""

    repository = models.ForeignKey("repos.Repository", on_delete=models.CASCADE, related_name="+", db_index=False)
    path = models.TextField(db_collation="C")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    locked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "path"], name="large_file_lock_once")]

    def __str__(self) -> str:
        return self.path
