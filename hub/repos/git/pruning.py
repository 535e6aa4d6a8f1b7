"""Forgetting what no ref reaches any more, so that nothing that was deleted can be read again.

Objects are addressed through commit rows, and large content through RepoBlob and BlobClaim rows. Those go here, in the
transaction that takes the ref away; the objects themselves stay until they are collected.
"""

from collections.abc import Iterable

from django.db.models import F

from hub.core.database import binary_cursor
from hub.repos.git.reachable import pointers_among, reachable_commits, tips_of, walk_trees
from hub.repos.models import BlobClaim, RepoBlob, Repository
from hub.repos.storage.accounting import release_blobs

_FORGET = """
DELETE FROM repos_gitcommit WHERE store_id = %(store)s AND oid NOT IN (
    WITH RECURSIVE line(oid) AS (
        SELECT unnest(%(tips)s::bytea[])
        UNION SELECT parent FROM line JOIN repos_gitcommit c ON c.store_id = %(store)s AND c.oid = line.oid,
            unnest(c.parents) AS parent
    ) SELECT oid FROM line
) RETURNING oid, tree, parents
"""


def forget_unreachable(repo: Repository) -> bool:
    """Forget the commits that no ref of `repo` reaches, and the large content that only they pointed at.

    Returns whether there were any. Runs in the caller's transaction, which took `lock_history` before anything else and has
    moved the refs by now.
    Forgotten large content is claimed by nobody any more: whoever wants it again sends it again.
    Time: a query where nothing went; else the trees that went, and where those held large content, all trees that are left
    (a few seconds for 25,000 files and 200 commits).
    """
    tips = tips_of(repo).commits
    with binary_cursor() as cursor:
        cursor.execute(_FORGET, {"store": repo.store_id, "tips": tips}, binary=True)
        gone = cursor.fetchall()
    if not gone:
        return False
    Repository.objects.filter(pk=repo.pk).update(rewrites=F("rewrites") + 1)
    kept = reachable_commits(repo.store_id, tips)
    # What went is compared with its neighbours first: they still hold most of its content.
    near = {parent for _oid, _tree, parents in gone for parent in parents}.union(tips)
    seen: set[bytes] = set()
    for _batch in walk_trees(repo.store_id, (commit.tree for commit in kept if commit.oid in near), seen):
        pass
    missing = _large_content(repo, (tree for _oid, tree, _parents in gone), seen)
    if missing:
        _forget_large_content(repo, missing, (commit.tree for commit in kept))
    return True


def _large_content(repo: Repository, trees: Iterable[bytes], seen: set[bytes]) -> set[str]:
    """Return the sha256 of the large content that `trees` point at, less what is in `seen`, and that `repo` holds."""
    found: set[str] = set()
    for batch in walk_trees(repo.store_id, trees, seen):
        named = {sha256 for sha256, _size in pointers_among(repo.store_id, batch).values()}
        found.update(RepoBlob.objects.filter(repository=repo, blob__in=named).values_list("blob_id", flat=True))
    return found


def _forget_large_content(repo: Repository, missing: set[str], trees: Iterable[bytes]) -> None:
    """Take away the rows of `missing`, less what `trees` point at after all."""
    for batch in walk_trees(repo.store_id, trees, set()):
        missing -= {sha256 for sha256, _size in pointers_among(repo.store_id, batch).values()}
        if not missing:
            return
    release_blobs(repo=repo, sha256s=missing)
    BlobClaim.objects.filter(repository=repo, blob__in=missing).delete()
