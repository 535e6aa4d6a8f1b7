"""The files of buckets: a repository of Kind.BUCKET holds these, and no commits."""

from django.db import models

from hub.repos.models.blobs import Blob
from hub.repos.models.repository import Repository


class BucketFile(models.Model):
    """A file of a bucket, as it is now. Its repository holds the content (RepoBlob) as long as any of its files is it."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="bucket_files", db_index=False)
    path = models.TextField(db_collation="C")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    content_type = models.CharField(max_length=200, blank=True)
    modified_at = models.DateTimeField()  # as its sender says
    uploaded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "path"], name="bucket_file_once")]

    def __str__(self) -> str:
        return self.path


class BucketTotals(models.Model):
    """How many files a bucket has and how many bytes they are of, each file counted: kept right by every change of its files,
    since a bucket may have a million of them."""

    repository = models.OneToOneField(
        Repository, primary_key=True, on_delete=models.CASCADE, related_name="bucket_totals"
    )
    files = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)  # bytes
