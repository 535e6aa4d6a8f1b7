"""How much each repository takes up: what it holds, and what the store keeps for it.

The size of the large files that it holds is right at each moment: `hold_blobs` and `release_blobs` change it together with what
is held. Git objects, and the share of the store, are counted anew soon after a change; everything is, once a day.
"""

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from hub.accounts.models import Namespace
from hub.repos.models import BucketFile, GitPath, RepoBlob, Repository, RepositoryUsage, StorageRun
from hub.repos.signals import content_changed

_HOLD = """
WITH held AS (
    INSERT INTO repos_repoblob (repository_id, blob_id) SELECT %s, unnest(%s::bytea[]) ON CONFLICT DO NOTHING
    RETURNING blob_id
)
SELECT coalesce(sum(b.size), 0) FROM held JOIN repos_blob b ON b.sha256 = held.blob_id
"""
_RELEASE = """
WITH gone AS (DELETE FROM repos_repoblob WHERE repository_id = %s AND blob_id = ANY(%s) RETURNING blob_id)
SELECT count(*), coalesce(sum(b.size), 0) FROM gone JOIN repos_blob b ON b.sha256 = gone.blob_id
"""
_LARGE = """
SELECT coalesce(sum(b.size), 0) FROM repos_repoblob r JOIN repos_blob b ON b.sha256 = r.blob_id WHERE r.repository_id = %s
"""
_GIT = "SELECT coalesce(sum(size), 0) FROM repos_gitobject WHERE store_id = %s"
# What several repositories share is there for the one that held it first: the one with the lowest RepoBlob.
_WHOLE = """
SELECT coalesce(sum(b.size), 0) FROM repos_repoblob r JOIN repos_blob b ON b.sha256 = r.blob_id
WHERE r.repository_id = %s AND b.whole
    AND NOT EXISTS (SELECT 1 FROM repos_repoblob o WHERE o.blob_id = r.blob_id AND o.id < r.id)
"""
_CHUNKS = """
WITH mine AS (
    SELECT x.xorb_id, min(r.id) AS first FROM repos_repoblob r JOIN repos_blob b ON b.sha256 = r.blob_id
    JOIN repos_xetfilexorb x ON x.file_id = b.xet_file_id WHERE r.repository_id = %s GROUP BY x.xorb_id
)
SELECT coalesce(sum(k.stored_size), 0) FROM mine JOIN repos_xorb k ON k.hash = mine.xorb_id
WHERE NOT EXISTS (
    SELECT 1 FROM repos_xetfilexorb x JOIN repos_blob b ON b.xet_file_id = x.file_id
    JOIN repos_repoblob o ON o.blob_id = b.sha256 WHERE x.xorb_id = mine.xorb_id AND o.id < mine.first
)
"""


EVERY = timedelta(hours=23)
_PLACE = ("repository", "sha256", "path")
_AT_ONCE = 100  # repositories
# Of StorageRun.counts: the last repository that was counted.
_AFTER = "_after"


class Usage(NamedTuple):
    """Bytes: of the large files held, each content once per repository; of git objects, inflated; of the store."""

    large: int
    git: int
    stored: int

    @property
    def held(self) -> int:
        """What counts against a quota."""
        return self.large + self.git


def hold_blobs(*, repo: Repository, sha256s: Iterable[str]) -> int:
    """Let a repository hold blobs that the caller has touched, in the caller's transaction; return the bytes that it did not
    hold before. Where there are any, the caller ends with `quotas.check_held`."""
    assert connection.in_atomic_block
    # In one order, so that two who let a repository hold the same content wait for each other instead of deadlocking.
    names = [bytes.fromhex(sha256) for sha256 in sorted(set(sha256s))]
    if not names:
        return 0
    added = _sum(_HOLD, repo.pk, names)
    if added:
        RepositoryUsage.objects.bulk_create([RepositoryUsage(repository=repo)], ignore_conflicts=True)
        RepositoryUsage.objects.filter(pk=repo.pk).update(large_size=F("large_size") + added)
        content_changed.send(sender=Repository, repository=repo)
    return added


def release_blobs(*, repo: Repository, sha256s: Iterable[str]) -> int:
    """Let a repository hold these blobs no longer, in the caller's transaction; return how many it did hold."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [repo.pk, [bytes.fromhex(sha256) for sha256 in sha256s]])
        count, size = cursor.fetchone()
    if count:
        RepositoryUsage.objects.filter(pk=repo.pk).update(large_size=Greatest(F("large_size") - int(size), 0))
        content_changed.send(sender=Repository, repository=repo)
    return int(count)


@transaction.atomic
def count(repo: Repository) -> Usage:
    """Count what a repository takes up, and write it down. A few queries over what it holds."""
    RepositoryUsage.objects.bulk_create([RepositoryUsage(repository=repo)], ignore_conflicts=True)
    # Whoever adds to it meanwhile does so behind this, or is seen by what follows.
    usage = RepositoryUsage.objects.select_for_update().get(pk=repo.pk)
    found = Usage(_sum(_LARGE, repo.pk), _sum(_GIT, repo.store_id), _sum(_WHOLE, repo.pk) + _sum(_CHUNKS, repo.pk))
    usage.large_size, usage.git_size, usage.stored_size = found
    usage.save()
    return found


def count_due(*, seconds: float) -> bool:
    """Go on with the day's count of all repositories, or begin it if the last is EVERY ago; return whether more is to be done.

    Two that do it at once count some repositories twice, and that is all.
    """
    run = StorageRun.latest(StorageRun.Task.COUNT)
    if run is None or (run.finished_at is not None and timezone.now() - run.started_at >= EVERY):
        run = StorageRun.objects.create(task=StorageRun.Task.COUNT, counts={_AFTER: 0, "repositories": 0})
    until = time.monotonic() + seconds
    while run.finished_at is None:
        repos = list(Repository.objects.filter(pk__gt=run.counts[_AFTER]).order_by("pk")[:_AT_ONCE])
        for repo in repos:
            count(repo)
        done = run.counts["repositories"] + len(repos)
        if len(repos) < _AT_ONCE:
            run.counts, run.finished_at = {"repositories": done}, timezone.now()
        else:
            run.counts = {_AFTER: repos[-1].pk, "repositories": done}
        run.save(update_fields=["counts", "finished_at"])
        if time.monotonic() > until:
            break
    return run.finished_at is None


def usage_of(repo: Repository) -> Usage:
    """Return what was counted last. One query."""
    return _totals(RepositoryUsage.objects.filter(pk=repo.pk))


def usage_in(namespace: Namespace) -> Usage:
    """Return the sums over the repositories of a namespace. One query."""
    return _totals(RepositoryUsage.objects.filter(repository__namespace=namespace))


class HeldFile(NamedTuple):
    """Large content that a repository holds. ``path``: one where it is now, "" where only older commits have it."""

    repository: Repository
    path: str
    sha256: str
    size: int


def list_largest(repositories: QuerySet[Repository], limit: int) -> list[HeldFile]:
    """Return the largest files of these repositories, the largest first. Three queries."""
    held = RepoBlob.objects.filter(repository__in=repositories).select_related("blob", "repository__namespace")
    rows = list(held.order_by("-blob__size", "pk")[:limit])
    where = {"repository__in": [row.repository_id for row in rows], "sha256__in": [row.blob_id for row in rows]}
    paths = {(r, sha256): path for r, sha256, path in GitPath.objects.filter(**where).values_list(*_PLACE)}
    where["blob__in"] = where.pop("sha256__in")
    kept = BucketFile.objects.filter(**where).values_list("repository", "blob", "path")
    paths.update({(r, sha256): path for r, sha256, path in kept})
    return [
        HeldFile(row.repository, paths.get((row.repository_id, row.blob_id), ""), row.blob_id, row.blob.size)
        for row in rows
    ]


def _totals(rows: QuerySet[RepositoryUsage]) -> Usage:
    found = rows.aggregate(
        large=Coalesce(Sum("large_size"), 0), git=Coalesce(Sum("git_size"), 0), stored=Coalesce(Sum("stored_size"), 0)
    )
    return Usage(**{what: int(size) for what, size in found.items()})


def _sum(statement: str, *values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.fetchone()[0])
