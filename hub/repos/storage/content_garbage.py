"""Large content that nothing refers to: marked, condemned, deleted, in batches. The protocol is that of `keys`.

What refers to a blob: a repository that holds it, a file of a bucket, a claim, an upload of it that is under way. To a Xet
file: a blob. To a xorb: a Xet file. Chunks that clients may ask about refer to nothing, and go with their xorb.
"""

import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from hub.core.blobs import lfs_key, store, xorb_key
from hub.core.blobs.contract import Stored
from hub.repos.models import Blob, BlobClaim, XetFile, Xorb
from hub.repos.models.blobs import CLAIM_LIFE
from hub.repos.storage.deletion_pause import may_delete
from hub.repos.storage.garbage import Batch, Pass
from hub.repos.storage.keys import delete_unnamed

# Clients remember for three weeks that a xorb exists, and an upload that names a deleted one fails until they forget.
REMEMBERED = timedelta(days=28)
# How long what is condemned stays so. A pass comes several times in that time.
CONDEMNED = timedelta(hours=12)
# Bytes without a row are those of an upload that was killed between two steps; it may be sending still.
UNNAMED = timedelta(days=2)
# A new hub on a store that is in use knows nothing of what is there. It may yet be restored from a backup.
NEW_HUB = timedelta(days=7)
# Claims that stand no more, and files that another packing of the same content has taken the place of, are kept for twice as
# long as a claim stands: a machine's clock that is set to another day takes none of them away.
OUTLIVED = 2 * CLAIM_LIFE

_MARKED_AT_ONCE = 5000
_DELETED_AT_ONCE = 200
_UNNAMED_AT_ONCE = 1000

_BLOB_IS_USED = """(
    EXISTS (SELECT 1 FROM repos_repoblob r WHERE r.blob_id = k.sha256)
    OR EXISTS (SELECT 1 FROM repos_bucketfile f WHERE f.blob_id = k.sha256)
    OR EXISTS (SELECT 1 FROM repos_blobclaim c WHERE c.blob_id = k.sha256)
    OR EXISTS (SELECT 1 FROM repos_largeupload u WHERE u.sha256 = k.sha256)
)"""
_XORB_IS_USED = "EXISTS (SELECT 1 FROM repos_xetfilexorb x WHERE x.xorb_id = k.hash)"
_KINDS = {
    "blobs": ("repos_blob", "sha256", _BLOB_IS_USED, "CASE WHEN whole THEN size ELSE 0 END", "TRUE"),
    "xorbs": ("repos_xorb", "hash", _XORB_IS_USED, "stored_size", "last_touched_at < %(remembered)s"),
}

# A batch of names from `after` on, with marks put on what nothing refers to and taken off the rest. What others have locked is
# being relied on at this moment, or is marked in the next pass.
_MARK = """
WITH batch AS (
    SELECT {name} AS name FROM {table} WHERE {name} > %(after)s ORDER BY {name} LIMIT %(limit)s
), wrong AS (
    SELECT k.{name} AS name, NOT {used} AS garbage FROM {table} k
    WHERE k.{name} IN (SELECT name FROM batch) AND (k.unreferenced_at IS NULL) <> {used}
    ORDER BY k.{name} FOR NO KEY UPDATE OF k SKIP LOCKED
), marked AS (
    UPDATE {table} k SET unreferenced_at = CASE WHEN wrong.garbage THEN %(clock)s::bigint END, condemned_at = NULL
    FROM wrong WHERE k.{name} = wrong.name RETURNING wrong.garbage
)
SELECT (SELECT max(name) FROM batch), (SELECT count(*) FROM batch),
    (SELECT count(*) FROM marked WHERE garbage), (SELECT count(*) FROM marked WHERE NOT garbage)
"""
_CONDEMN = """
UPDATE {table} SET condemned_at = %(clock)s WHERE {name} IN (
    SELECT {name} FROM {table} WHERE condemned_at IS NULL AND unreferenced_at <= %(before)s AND {ripe}
    ORDER BY {name} LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
"""
_LOCK = """
SELECT {name} FROM {table} WHERE condemned_at <= %(before)s AND {ripe}
ORDER BY {name} LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
# A statement of its own, behind the locks, sees whatever was committed before they were taken.
_STILL_GARBAGE = "SELECT {name}, {bytes} FROM {table} k WHERE k.{name} = ANY(%(names)s) AND NOT {used}"


def marks_of_blobs(work: Pass, after: str) -> Iterator[Batch]:
    return _marks("blobs", work, after)


def marks_of_xorbs(work: Pass, after: str) -> Iterator[Batch]:
    return _marks("xorbs", work, after)


def condemned_blobs(work: Pass, _after: str) -> Iterator[Batch]:
    return _condemned("blobs", work, timedelta(days=settings.BLOB_GRACE_DAYS))


def condemned_xorbs(work: Pass, _after: str) -> Iterator[Batch]:
    return _condemned("xorbs", work, REMEMBERED)


def deleted_blobs(work: Pass, _after: str) -> Iterator[Batch]:
    """Delete condemned blobs: the row, and what is stored whole. Their chunks go in the steps that follow."""
    return _deleted("blobs", work)


def deleted_xorbs(work: Pass, _after: str) -> Iterator[Batch]:
    return _deleted("xorbs", work)


def _marks(kind: str, work: Pass, after: str) -> Iterator[Batch]:
    table, name, used, _bytes, _ripe = _KINDS[kind]
    statement = _MARK.format(table=table, name=name, used=used)
    while True:
        values: dict[str, Any] = {"after": bytes.fromhex(after), "limit": _MARKED_AT_ONCE, "clock": work.clock}
        with work.transaction(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            last, count, marked, unmarked = cursor.fetchone()
        if not count:
            return
        after = bytes(last).hex()
        yield Batch(after, {f"{kind} marked": marked, f"{kind} in use again": unmarked})


def _condemned(kind: str, work: Pass, grace: timedelta) -> Iterator[Batch]:
    table, name, _used, _bytes, ripe = _KINDS[kind]
    values: dict[str, Any] = {
        "clock": work.clock,
        "before": work.clock - int(grace.total_seconds()),
        "remembered": timezone.now() - REMEMBERED,
        "limit": None if work.dry else _MARKED_AT_ONCE,
    }
    while True:
        with work.transaction(), connection.cursor() as cursor:
            cursor.execute(_CONDEMN.format(table=table, name=name, ripe=ripe), values)
            count = cursor.rowcount
        if count:
            yield Batch("", {f"{kind} condemned": count})
        if work.dry or count < _MARKED_AT_ONCE:
            return


def _deleted(kind: str, work: Pass) -> Iterator[Batch]:
    table, name, used, size, ripe = _KINDS[kind]
    values: dict[str, Any] = {
        "before": work.clock - int(CONDEMNED.total_seconds()),
        "remembered": timezone.now() - REMEMBERED,
        "limit": None if work.dry else _DELETED_AT_ONCE,
    }
    while True:
        with work.transaction(), connection.cursor() as cursor:
            if not may_delete():
                return
            cursor.execute(_LOCK.format(table=table, name=name, ripe=ripe), values)
            locked = [row[0] for row in cursor.fetchall()]
            cursor.execute(_STILL_GARBAGE.format(table=table, name=name, used=used, bytes=size), {"names": locked})
            gone = {bytes(found).hex(): stored for found, stored in cursor.fetchall()}
            # What is in use after all loses its marks in the next pass, which begins with that.
            (Blob if kind == "blobs" else Xorb).objects.filter(pk__in=gone).delete()
        freed = sum(gone.values())
        if not work.dry:
            key = lfs_key if kind == "blobs" else xorb_key
            freed = sum(delete_unnamed(key(found)) for found, stored in gone.items() if stored)
        if gone:
            yield Batch("", {f"{kind} deleted": len(gone), "bytes freed": freed})
        if work.dry or not gone:
            return


def expired_claims(work: Pass, _after: str) -> Iterator[Batch]:
    """Forget who has sent what, once it is long that a commit could name it for that."""
    while True:
        limit = None if work.dry else _MARKED_AT_ONCE
        old = BlobClaim.objects.filter(created_at__lt=timezone.now() - OUTLIVED).order_by("pk")[:limit]
        with work.transaction():
            count = BlobClaim.objects.filter(pk__in=old.values("pk")).delete()[0]
        if count:
            yield Batch("", {"claims forgotten": count})
        if work.dry or count < _MARKED_AT_ONCE:
            return


# Of files that no blob is: those whose content is gone, and those that another packing of the content has taken the place of.
_FILES = """
SELECT f.hash FROM repos_xetfile f
WHERE f.hash > %(after)s AND NOT EXISTS (SELECT 1 FROM repos_blob b WHERE b.xet_file_id = f.hash)
    AND (f.created_at < %(outlived)s OR NOT EXISTS (SELECT 1 FROM repos_blob b WHERE b.sha256 = f.sha256))
ORDER BY f.hash LIMIT %(limit)s FOR UPDATE OF f SKIP LOCKED
"""


def unused_files(work: Pass, after: str) -> Iterator[Batch]:
    """Delete the Xet files that no blob is put together by, so that their xorbs can go, too."""
    while True:
        with work.transaction(), connection.cursor() as cursor:
            values: dict[str, Any] = {
                "after": bytes.fromhex(after),
                "outlived": timezone.now() - OUTLIVED,
                "limit": _DELETED_AT_ONCE,
            }
            cursor.execute(_FILES, values)
            locked = [bytes(row[0]).hex() for row in cursor.fetchall()]
            in_use = set(Blob.objects.filter(xet_file__in=locked).values_list("xet_file", flat=True))
            XetFile.objects.filter(pk__in=[name for name in locked if name not in in_use]).delete()
        if not locked:
            return
        after = locked[-1]
        yield Batch(after, {"files forgotten": len(locked) - len(in_use)})


def unnamed_whole(work: Pass, after: str) -> Iterator[Batch]:
    return _unnamed("lfs/", work, after)


def unnamed_xorbs(work: Pass, after: str) -> Iterator[Batch]:
    return _unnamed("xorbs/", work, after)


def _unnamed(prefix: str, work: Pass, after: str) -> Iterator[Batch]:
    """Delete what lies in the store and no row names."""
    if work.clock < NEW_HUB.total_seconds():
        return
    before = time.time() - UNNAMED.total_seconds()
    walk = store().walk(prefix, after)
    while batch := list(islice(walk, _UNNAMED_AT_ONCE)):
        lonely = [found for found in _without_rows(prefix, batch) if found.modified < before]
        freed = [found.size if work.dry else delete_unnamed(found.key, older_than=before) for found in lonely]
        yield Batch(batch[-1].key, {"unnamed deleted": sum(size > 0 for size in freed), "bytes freed": sum(freed)})


def _without_rows(prefix: str, stored: list[Stored]) -> list[Stored]:
    names = {found.key.rsplit("/", 1)[-1]: found for found in stored}
    # What is not named as content is nobody's upload: it was put there by hand, and is left to whoever did.
    names = {name: found for name, found in names.items() if len(name) == 64 and set(name) <= set("0123456789abcdef")}
    rows = Xorb.objects.all() if prefix == "xorbs/" else Blob.objects.filter(whole=True)
    known = set(rows.filter(pk__in=list(names)).values_list("pk", flat=True))
    return [found for name, found in names.items() if name not in known]
