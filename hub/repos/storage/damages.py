"""What is not as it should be: marks in rows of content, and which files they are about."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from hub.repos.models import Blob, BucketFile, GitPath, RepoBlob, Repository, XetFileXorb, Xorb
from hub.repos.models.keeping import mark_damaged

# Repositories that are named for one damage.
_PLACES = 5


class Damage(NamedTuple):
    """Something that is not as it should be. ``text``: a sentence; ``blob``, ``xorb``: whose stored bytes it is about.

    ``new``: nobody knew of it before.
    """

    text: str
    blob: str = ""
    xorb: str = ""
    new: bool = False


def marked(damage: Damage) -> Damage | None:
    """Mark the content that a damage is about, and return it with `new` set; None where that has been deleted meanwhile."""
    if damage.xorb:
        rows: QuerySet[Any] = Xorb.objects.filter(pk=damage.xorb)
    else:
        rows = Blob.objects.filter(pk=damage.blob, whole=True)
    new = mark_damaged(rows)
    return damage._replace(new=new) if rows.update(checked_at=timezone.now()) else None


class Place(NamedTuple):
    """Where content is used. ``path``: one of its paths, "" where only older commits or other branches have it."""

    repository: Repository
    path: str


class DamagedContent(NamedTuple):
    """Content that is marked as damaged. ``places``: the first few repositories that hold it; ``more``: how many others do.

    ``readable``: it can still be read, since it is stored in another way, too.
    """

    name: str
    is_xorb: bool
    size: int
    since: datetime
    readable: bool
    places: list[Place]
    more: int


def count_damaged() -> int:
    return Blob.objects.filter(damaged_at__isnull=False).count() + Xorb.objects.filter(damaged_at__isnull=False).count()


def list_damaged(limit: int) -> list[DamagedContent]:
    """Return what is marked as damaged, the newest first, `limit` at most. A few queries for each."""
    found = []
    for blob in Blob.objects.filter(damaged_at__isnull=False).order_by("-damaged_at")[:limit]:
        assert blob.damaged_at is not None
        readable = blob.xet_file_id is not None and not damaged_files([blob.xet_file_id])
        places, more = _places([blob.pk])
        found.append(DamagedContent(blob.pk, False, blob.size, blob.damaged_at, readable, places, more))
    for xorb in Xorb.objects.filter(damaged_at__isnull=False).order_by("-damaged_at")[:limit]:
        assert xorb.damaged_at is not None
        files = XetFileXorb.objects.filter(xorb=xorb).values("file")
        blobs = Blob.objects.filter(xet_file__in=files)
        readable = not blobs.exclude(whole=True, damaged_at=None).exists()
        places, more = _places(list(blobs.values_list("pk", flat=True)[:1000]))
        found.append(DamagedContent(xorb.pk, True, xorb.stored_size, xorb.damaged_at, readable, places, more))
    return sorted(found, key=lambda each: each.since, reverse=True)[:limit]


def damaged_files(files: Iterable[str]) -> set[str]:
    """Return those of the Xet files (by hash) that need a xorb which is marked as damaged. One query."""
    rows = XetFileXorb.objects.filter(file__in=list(files), xorb__damaged_at__isnull=False)
    return set(rows.values_list("file", flat=True))


def _places(sha256s: list[str]) -> tuple[list[Place], int]:
    repositories = Repository.objects.filter(pk__in=RepoBlob.objects.filter(blob__in=sha256s).values("repository"))
    count = repositories.count()
    places = []
    for repository in repositories.select_related("namespace").order_by("pk")[:_PLACES]:
        files = GitPath.objects.filter(repository=repository, sha256__in=sha256s).order_by("path")
        path = files.values_list("path", flat=True).first()
        if path is None:
            kept = BucketFile.objects.filter(repository=repository, blob__in=sha256s).order_by("path")
            path = kept.values_list("path", flat=True).first()
        places.append(Place(repository, path or ""))
    return places, count - len(places)
