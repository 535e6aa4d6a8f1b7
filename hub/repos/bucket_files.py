"""Reading what is in a bucket: folders, everything below one, single files. Paths are in the order of their bytes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hub.repos.errors import EntryNotFound
from hub.repos.models import BucketFile, Repository

# The names of what has no bytes, which is in no chunks either.
EMPTY_XET_HASH = "0" * 64
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
# Behind every name: the greatest character there is.
_LAST = "\U0010ffff"

# From one entry of a folder to the next, over what lies in a folder below: as many steps as entries, however many files there
# are. `low`: where the next entry may begin. The names of files hold no character below U+0020.
_ENTRIES = """
WITH RECURSIVE walk AS (
    (SELECT 1 AS number, file.id, file.path FROM repos_bucketfile AS file
     WHERE file.repository_id = %(repo)s AND file.path >= %(low)s COLLATE "C" AND file.path < %(high)s COLLATE "C"
     ORDER BY file.path LIMIT 1)
  UNION ALL
    SELECT walk.number + 1, next.id, next.path FROM walk CROSS JOIN LATERAL (
        SELECT file.id, file.path FROM repos_bucketfile AS file
        WHERE file.repository_id = %(repo)s AND file.path < %(high)s COLLATE "C"
        AND file.path >= (CASE WHEN strpos(substr(walk.path, %(base)s + 1), '/') > 0
            THEN left(walk.path, %(base)s + strpos(substr(walk.path, %(base)s + 1), '/') - 1) || '0'
            ELSE walk.path || chr(1) END) COLLATE "C"
        ORDER BY file.path LIMIT 1
    ) AS next WHERE walk.number < %(limit)s
)
SELECT walk.path, blob.size, blob.sha256, blob.xet_file_id, file.content_type, file.modified_at, file.uploaded_at
FROM walk JOIN repos_bucketfile AS file ON file.id = walk.id JOIN repos_blob AS blob ON blob.sha256 = file.blob_id
ORDER BY walk.number
"""


@dataclass(frozen=True)
class Entry:
    """A file of a bucket; or a folder, of which only the path is told."""

    path: str
    is_folder: bool = False
    size: int = 0  # bytes
    sha256: str = ""
    chunks: str | None = None  # the Xet hash, None where its content came whole and has not been cut into chunks yet
    content_type: str = ""
    modified_at: datetime | None = None
    uploaded_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def xet_hash(self) -> str | None:
        return self.chunks or (None if self.size else EMPTY_XET_HASH)

    @property
    def cursor(self) -> str:
        """What stands for "after this one" in addresses: no file's path ends in a slash."""
        return f"{self.path}/" if self.is_folder else self.path


def list_folder(repo: Repository, path: str, *, after: str = "", limit: int) -> list[Entry]:
    """Return files and folders of the folder `path` ("" for the top); none where there is no such folder.

    after: the cursor of the last entry of the page before.
    """
    return (
        _entries(repo, path, f"{path}/", f"{path}0", after, limit)
        if path
        else _entries(repo, "", "", _LAST, after, limit)
    )


def list_at(repo: Repository, prefix: str, *, after: str = "", limit: int) -> list[Entry]:
    """Return what is in the folder `prefix`; of a file, that file. What is neither, and ends in no slash: what begins like it.

    after: the cursor of the last entry of the page before.
    """
    path = prefix.rstrip("/")
    found = list_folder(repo, path, after=after, limit=limit)
    if found or path != prefix or not path or after.startswith(f"{path}/"):
        return found
    beside = _entries(repo, path.rpartition("/")[0], path, path + _LAST, after, limit)
    # A file has its path for itself: what else begins like it was not asked for.
    return beside[:1] if beside and beside[0].path == path else beside


def _entries(repo: Repository, base: str, low: str, high: str, after: str, limit: int) -> list[Entry]:
    """Return entries of the folder `base` from `low` to `high`."""
    base = f"{base}/" if base else ""
    if after:
        low = max(low, f"{after[:-1]}0" if after.endswith("/") else f"{after}\x01")
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, {"repo": repo.pk, "low": low, "high": high, "base": len(base), "limit": limit})
        rows = cursor.fetchall()
    return [_entry(base, *row) for row in rows[:limit]]


def _entry(
    base: str,
    path: str,
    size: int,
    sha256: bytes,
    xet_hash: bytes | None,
    content_type: str,
    modified_at: datetime,
    uploaded_at: datetime,
) -> Entry:
    inner = path.find("/", len(base))
    if inner >= 0:
        return Entry(path[:inner], is_folder=True)
    return Entry(
        path,
        size=size,
        sha256=sha256.hex(),
        chunks=None if xet_hash is None else xet_hash.hex(),
        content_type=content_type,
        modified_at=modified_at,
        uploaded_at=uploaded_at,
    )


def list_below(repo: Repository, prefix: str, *, after: str = "", limit: int) -> list[Entry]:
    """Return all files whose path begins with `prefix`, at any depth. `after`: the path of the last one of the page before."""
    files = BucketFile.objects.filter(repository=repo, path__gte=prefix, path__lt=prefix + _LAST)
    if after:
        files = files.filter(path__gt=after)
    return _files(files.order_by("path")[:limit])


def find_files(repo: Repository, paths: Iterable[str]) -> list[Entry]:
    """Return the files among `paths`."""
    wanted = [path for path in paths if "\0" not in path]
    return _files(BucketFile.objects.filter(repository=repo, path__in=wanted).order_by("path"))


def _files(rows: QuerySet[BucketFile]) -> list[Entry]:
    told = rows.values_list(
        "path", "blob__size", "blob_id", "blob__xet_file_id", "content_type", "modified_at", "uploaded_at"
    )
    return [
        Entry(path, False, size, sha256, chunks, content_type, modified_at, uploaded_at)
        for path, size, sha256, chunks, content_type, modified_at, uploaded_at in told
    ]


def get_file(repo: Repository, path: str) -> BucketFile:
    """Return a file with its content's row, for sending. Raises EntryNotFound."""
    found = (
        BucketFile.objects.filter(repository=repo, path=path).select_related("blob__xet_file").first()
        if "\0" not in path
        else None
    )
    if found is None:
        raise EntryNotFound(_("There is no file “%(path)s” in this bucket.") % {"path": path[:200]})
    return found
