"""Git as rows: objects, commits, refs, the listing of `main`, and the append-only record of ref updates."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from hub.accounts.models import User
from hub.core.fields import HexField

BRANCH_PREFIX = "refs/heads/"
TAG_PREFIX = "refs/tags/"
PR_PREFIX = "refs/pr/"
MAIN = f"{BRANCH_PREFIX}main"


def pull_request_ref(number: int) -> str:
    """Return the full name of the ref that holds the commits of pull request `number`."""
    return f"{PR_PREFIX}{number}"


def number_of_ref(ref_name: str) -> int | None:
    """Return N of `refs/pr/N`, None for any other ref."""
    number = ref_name.removeprefix(PR_PREFIX) if ref_name.startswith(PR_PREFIX) else ""
    return int(number) if number.isascii() and number.isdecimal() and number[0] != "0" and len(number) < 10 else None


class GitStore(models.Model):
    """A pool of objects. Each repository has its own: what is in it is what that repository was given."""

    created_at = models.DateTimeField(auto_now_add=True)


class ObjectType(models.IntegerChoices):
    """Object types with the numbers that git's pack format gives them."""

    COMMIT = 1
    TREE = 2
    BLOB = 3
    TAG = 4


class GitObject(models.Model):
    """One object; `body` is the zlib-deflated content without git's header, just as a pack entry holds it."""

    pk = models.CompositePrimaryKey("store_id", "oid")
    store = models.ForeignKey(GitStore, on_delete=models.CASCADE, related_name="+", db_index=False)
    oid = HexField(length=20)
    type = models.SmallIntegerField(choices=ObjectType)
    size = models.PositiveIntegerField()  # bytes, inflated
    body = models.BinaryField()
    # Or was last sent once more, to the day: what no ref reaches is kept for a while, since it may be about to be committed.
    written_at = models.DateTimeField(db_default=Now())


class GitCommit(models.Model):
    """A commit that some ref of the store reaches, in a form that history pages can read without inflating anything."""

    store = models.ForeignKey(GitStore, on_delete=models.CASCADE, related_name="+", db_index=False)
    oid = HexField(length=20)
    tree = HexField(length=20)
    parents = ArrayField(HexField(length=20), default=list)
    # One more than the greatest of the parents': orders history without trusting anybody's clock.
    generation = models.PositiveIntegerField()
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    author_name = models.CharField(max_length=200)
    author_email = models.CharField(max_length=254)
    committed_at = models.DateTimeField()
    title = models.CharField(max_length=500)
    description = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "oid"], name="commit_once")]

    def __str__(self) -> str:
        return f"{self.oid[:7]} {self.title}"

    @property
    def message(self) -> str:
        return f"{self.title}\n\n{self.description}" if self.description else self.title


class GitRef(models.Model):
    """A branch, tag or other ref by its full name (`refs/heads/main`)."""

    repository = models.ForeignKey("repos.Repository", on_delete=models.CASCADE, related_name="refs", db_index=False)
    name = models.CharField(max_length=255, db_collation="C")
    oid = HexField(length=20)
    # The commit behind an annotated tag, whose own object `oid` names; null where `oid` is the commit.
    peeled = HexField(length=20, null=True)
    message = models.TextField(blank=True)  # what was said of a tag
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "name"], name="ref_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def commit(self) -> str:
        return self.peeled or self.oid


class GitPathQuerySet(models.QuerySet["GitPath"]):
    def under(self, folder: str) -> Self:
        """All files anywhere below `folder` ("" for all)."""
        return self.filter(path__startswith=f"{folder}/") if folder else self.all()


class GitPath(models.Model):
    """A file of `main` as it is now, with the commit that last changed it: a listing costs one query."""

    repository = models.ForeignKey("repos.Repository", on_delete=models.CASCADE, related_name="paths", db_index=False)
    path = models.TextField(db_collation="C")
    mode = models.PositiveIntegerField()
    oid = HexField(length=20)
    size = models.PositiveBigIntegerField()  # bytes of the content, of the real file where `sha256` is set
    sha256 = HexField(length=32, null=True)  # the large file behind a pointer
    last_commit = HexField(length=20)
    last_at = models.DateTimeField()  # finer than git tells it: orders commits of one second

    objects = GitPathQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "path"], name="path_once")]

    def __str__(self) -> str:
        return self.path


class CommitReceipt(models.Model):
    """What a commit request with an Idempotency-Key led to: sent again, it is answered with the same commit."""

    repository = models.ForeignKey("repos.Repository", on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request = HexField(length=32)  # sha256 of what was asked: one key, one request
    ref = models.CharField(max_length=255)
    commit = HexField(length=20)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "user", "key"], name="commit_receipt_once")]


class RefUpdate(models.Model):
    """One move of one ref. Append-only; `old` is null for a new ref, `new` for a deleted one."""

    repository = models.ForeignKey("repos.Repository", on_delete=models.CASCADE, related_name="ref_updates")
    name = models.CharField(max_length=255)
    old = HexField(length=20, null=True)
    new = HexField(length=20, null=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
