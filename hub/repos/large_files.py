"""The large files of a repository: which there are, taking some away for good, and handing some to another repository.

Large content is what a repository takes up. An owner can take it away from all commits at once, in two ways: the commits stay
and their files have no content any more, or history is written again without the files.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core.errors import Invalid
from hub.core.models import record
from hub.repos.claims import claim
from hub.repos.git.locks import hold_history, lock_history
from hub.repos.git.objects import format_pointer, object_id
from hub.repos.git.pruning import forget_unreachable
from hub.repos.git.reachable import first_paths
from hub.repos.git.rewriting import rewrite_without
from hub.repos.models import Blob, BlobClaim, GitCommit, GitObject, GitPath, RepoBlob, Repository
from hub.repos.models.git import MAIN, ObjectType
from hub.repos.signals import repository_changed
from hub.repos.storage.accounting import hold_blobs, release_blobs
from hub.repos.storage.keys import touch_blobs
from hub.repos.storage.quotas import check_held

# Files that one call deletes, and that one call hands over.
MAX_DELETED = 1000
MAX_HANDED_OVER = 500
# What the record of acts calls a deletion; its `files` are the sha256s.
DELETED = "repo.large_files.delete"


@dataclass(frozen=True)
class LargeFile:
    """Large content that a repository holds. `path` is one place where it is, `pushed_at` when it came to be there; `ref` is
    set where that is the head of `main`. `path` is "" where only commits that changed meanwhile had it."""

    id: int  # orders them: a later one came later
    sha256: str
    size: int  # bytes
    pointer: str  # the git object that stands for it
    path: str
    ref: str | None
    commit: str | None
    pushed_at: datetime


def large_content_of(repo: Repository) -> QuerySet[RepoBlob]:
    """Return what any ref reaches of large content, the blobs loaded, in the order in which it came."""
    return RepoBlob.objects.filter(repository=repo).select_related("blob").defer("blob__block_sums").order_by("pk")


def describe_large_files(repo: Repository, rows: Iterable[RepoBlob]) -> list[LargeFile]:
    """Return what people want to know of `rows`, which are some of `large_content_of`, in their order.

    A few queries where all are on `main`; else trees of other commits are read until each has been found.
    """
    found = list(rows)
    on_main = {
        path.sha256: path
        for path in GitPath.objects.filter(repository=repo, sha256__in=[row.blob_id for row in found]).order_by("-path")
    }
    elsewhere = _find_elsewhere(repo, [row.blob for row in found if row.blob_id not in on_main])
    listed = []
    where: tuple[str, str, str | None, str | None, datetime]
    for row in found:
        pointer = _pointer_names(row.blob)[0]
        if here := on_main.get(row.blob_id):
            where = (here.oid, here.path, MAIN, here.last_commit, here.last_at)
        else:
            oid, path, commit, at = elsewhere.get(row.blob_id, (pointer, "", None, row.blob.created_at))
            where = (oid, path, None, commit, at)
        listed.append(LargeFile(row.pk, row.blob_id, row.blob.size, *where))
    return listed


def _find_elsewhere(repo: Repository, blobs: list[Blob]) -> dict[str, tuple[str, str, str, datetime]]:
    """Return sha256 -> (pointer, path, commit, when) for content that other commits than the head of `main` have."""
    pointers = {name: blob.sha256 for blob in blobs for name in _pointer_names(blob)}
    if not pointers:
        return {}
    places = first_paths(repo, {bytes.fromhex(name) for name in pointers})
    commits = {commit for _path, commit in places.values()}
    times = dict(GitCommit.objects.filter(store=repo.store_id, oid__in=commits).values_list("oid", "committed_at"))
    return {
        pointers[oid.hex()]: (oid.hex(), path, commit, times.get(commit, timezone.now()))
        for oid, (path, commit) in places.items()
    }


def _pointer_names(blob: Blob) -> tuple[str, str]:
    """Return the names of the git objects that may stand for the content: as tools write it, and without the last newline."""
    text = format_pointer(blob.sha256, blob.size)
    return object_id(ObjectType.BLOB, text), object_id(ObjectType.BLOB, text.rstrip(b"\n"))


@transaction.atomic
def delete_large_files(*, repo: Repository, actor: User, sha256s: Iterable[str], rewrite_history: bool) -> int:
    """Take large content away from a repository for good; return how many files that were.

    Without `rewrite_history` all commits stay and their files cannot be fetched any more; sending the same content again and
    committing it brings them back, and nothing else does. With it, all commits are written again without the files.
    Other repositories that have the same content keep it. The caller has passed get_repo_for_admin: it cannot be undone.
    Raises Invalid, RefProtected, TooLarge.
    """
    wanted = set(sha256s)
    if not wanted or len(wanted) > MAX_DELETED:
        raise Invalid(_("Choose from 1 to %(max)d large files to delete.") % {"max": MAX_DELETED}, field="sha")
    lock_history(repo)
    renamed = rewrite_without(repo=repo, actor=actor, sha256s=wanted) if rewrite_history else {}
    count = release_blobs(repo=repo, sha256s=wanted)
    # Else whoever had sent it before could bring it back by a commit that only names it.
    BlobClaim.objects.filter(repository=repo, blob__in=list(wanted)).delete()
    if renamed:
        forget_unreachable(repo)
    record(
        actor=actor,
        verb=DELETED,
        target=repo.audit_name,
        files=sorted(wanted),
        rewritten=len(renamed),
    )
    repository_changed.send(sender=Repository, repository=repo)
    return count


@transaction.atomic
def restore_content(*, repo: Repository, sha256s: Iterable[str]) -> None:
    """Serve large content again that commits point at while the repository does not hold it: it was deleted, or its commits
    came before it. The caller may write, and has shown that they hold it, or may read it elsewhere.

    One query where no object points at any of it, as with new files; else trees are read until each has been found.
    """
    hold_history(repo)
    held = RepoBlob.objects.filter(repository=repo).values("blob")
    blobs = Blob.objects.filter(pk__in=list(sha256s)).exclude(pk__in=held)
    pointers = {name: blob for blob in blobs for name in _pointer_names(blob)}
    there = GitObject.objects.filter(store=repo.store_id, oid__in=list(pointers)).values_list("oid", flat=True)
    places = first_paths(repo, {bytes.fromhex(oid) for oid in there})
    kept = touch_blobs({pointers[oid.hex()].sha256 for oid in places})
    if hold_blobs(repo=repo, sha256s=kept):
        check_held(repo)


@transaction.atomic
def hand_over(*, source: Repository, target: Repository, actor: User, sha256s: Iterable[str]) -> set[str]:
    """Let commits of `actor` to `target` name large content that `source` holds; return what `source` does not hold.

    The caller has passed get_repo_for_content for the source, and may write, or propose changes, to the target.
    """
    wanted = set(sha256s)
    if len(wanted) > MAX_HANDED_OVER:
        raise Invalid(_("Hand over at most %(max)d files at a time.") % {"max": MAX_HANDED_OVER}, field="files")
    held = set(RepoBlob.objects.filter(repository=source, blob__in=list(wanted)).values_list("blob_id", flat=True))
    held = touch_blobs(held)
    for sha256 in sorted(held):
        claim(repo=target, user=actor, sha256=sha256)
    return wanted - held
