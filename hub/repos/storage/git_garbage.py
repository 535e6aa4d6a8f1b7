"""Git objects that no ref reaches, object pools of deleted repositories, and their caches."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from hub.core.database import binary_cursor
from hub.repos.git.cache import delete_caches_of_deleted
from hub.repos.git.locks import lock_history
from hub.repos.git.reachable import Tips, objects_of, reachable_objects, tips_of
from hub.repos.models import GitStore, Repository
from hub.repos.storage.garbage import Batch, Pass

# Objects are written some time before a ref reaches them: a browser commits within a day what it has sent.
UNREACHED = timedelta(days=7)
# A pool is made together with its repository; none is without one, but where that was deleted.
_NEW_POOL = timedelta(days=1)
# A pass looks through one part of the repositories, so each has its turn about once a week.
PARTS = 28

_REPOSITORIES_AT_ONCE = 100
_OBJECTS_AT_ONCE = 20_000

_OLD = "SELECT oid FROM repos_gitobject WHERE store_id = %s AND written_at < %s ORDER BY oid"
_DELETE = """
WITH gone AS (DELETE FROM repos_gitobject WHERE store_id = %s AND oid = ANY(%s) AND written_at < %s RETURNING size)
SELECT count(*), coalesce(sum(size), 0) FROM gone
"""


def unreached_objects(work: Pass, after: str) -> Iterator[Batch]:
    """Delete the objects that no ref of their repository has reached for UNREACHED. Memory: 100 bytes for each object."""
    repos = Repository.objects.order_by("pk")
    if work.part is not None:
        repos = repos.alias(part=F("pk") % PARTS).filter(part=work.part)
    while True:
        found = list(repos.filter(pk__gt=int(after or 0))[:_REPOSITORIES_AT_ONCE])
        for repo in found:
            after = str(repo.pk)
            count, size = _collect(work, repo)
            yield Batch(after, {"objects deleted": count, "bytes of objects": size})
        if not found:
            return


def _collect(work: Pass, repo: Repository) -> tuple[int, int]:
    """Delete the old unreached objects of a repository; return how many, and their bytes inflated."""
    before = timezone.now() - UNREACHED
    with transaction.atomic():
        old = _names(_OLD, repo.store_id, before)
        tips = tips_of(repo)
        # Without a lock, for it may take a while: what is reached only meanwhile is seen below.
        for batch in objects_of(repo) if old else ():
            old.difference_update(batch)
    count = size = 0
    unreached = sorted(old)
    for start in range(0, len(unreached), _OBJECTS_AT_ONCE):
        names = unreached[start : start + _OBJECTS_AT_ONCE]
        with work.transaction():
            lock_history(repo)
            now = tips_of(repo)
            reached = {oid for batch in _since(repo, tips, now) for oid in batch}
            with binary_cursor() as cursor:
                cursor.execute(_DELETE, [repo.store_id, [oid for oid in names if oid not in reached], before])
                row = cursor.fetchone()
                assert row is not None
                count, size = count + row[0], size + int(row[1])
    return count, size


def _since(repo: Repository, tips: Tips, now: Tips) -> Iterator[list[bytes]]:
    """Yield what the refs reach `now` and did not reach when they were at `tips`, or a little more."""
    yield now.tags
    if now.commits != tips.commits:
        yield from reachable_objects(repo.store_id, now.commits, tips.commits)


def _names(query: str, *values: object) -> set[bytes]:
    with binary_cursor() as cursor:
        cursor.execute(query, values, binary=True)
        return {oid for (oid,) in cursor}


def empty_pools(work: Pass, _after: str) -> Iterator[Batch]:
    """Delete the object pools that no repository has, objects first and in batches."""
    pools = GitStore.objects.filter(repositories=None, created_at__lt=timezone.now() - _NEW_POOL).order_by("pk")
    for pool in pools.values_list("pk", flat=True):
        for table in ("repos_gitcommit", "repos_gitobject"):
            while _delete_some(work, table, pool) and not work.dry:
                yield Batch("", {})
        with work.transaction():
            GitStore.objects.filter(pk=pool).delete()
        yield Batch("", {"pools deleted": 1})


def _delete_some(work: Pass, table: str, pool: int) -> int:
    statement = (
        f"DELETE FROM {table} WHERE store_id = %s AND oid IN (SELECT oid FROM {table} WHERE store_id = %s LIMIT %s)"  # noqa: S608
    )
    with work.transaction(), connection.cursor() as cursor:
        cursor.execute(statement, [pool, pool, _OBJECTS_AT_ONCE])
        return cursor.rowcount


def dead_caches(work: Pass, _after: str) -> Iterator[Batch]:
    """Delete this machine's caches of repositories that are gone; other machines' go when they were not used for long."""
    if not work.dry and (count := delete_caches_of_deleted()):
        yield Batch("", {"caches deleted": count})
