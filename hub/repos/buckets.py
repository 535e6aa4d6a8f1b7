"""Changing buckets: making one, and putting, copying and removing their files. What is in them is read by `bucket_files`.

A bucket is renamed, hidden and deleted by `services`, as every repository is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import Namespace, User
from hub.core.errors import HubError, TooLarge
from hub.core.models import record
from hub.repos.bucket_files import EMPTY_SHA256, EMPTY_XET_HASH
from hub.repos.errors import PathInvalid, RepoMoved, RepoNotFound
from hub.repos.models import (
    Blob,
    BucketFile,
    BucketTotals,
    Kind,
    RepoBlob,
    Repository,
    Visibility,
    XetFile,
)
from hub.repos.names import SHA256, check_path
from hub.repos.permissions import get_repo_for_content
from hub.repos.services import register_repo
from hub.repos.signals import content_waits, repository_created
from hub.repos.storage.accounting import hold_blobs, release_blobs
from hub.repos.storage.keys import touch_blobs
from hub.repos.storage.quotas import check_held

MAX_OPERATIONS = 1000  # of one call
MAX_FILES = 1_000_000  # of one bucket
MAX_DEPTH = 64  # folders in a path: each is looked up, so that no file comes to be where a folder is
MAX_CONTENT_TYPE = 200  # characters
# Removed paths that the record of acts names.
_RECORDED = 100


@dataclass(frozen=True)
class Put:
    """A file comes to `path`, in place of what is there. Its content is named by its Xet hash or by its sha256.

    source: the kind and the full name of the repository that holds the content; without one the caller has sent it to the
    bucket, or may read it anywhere.
    """

    path: str
    modified_at: datetime
    xet_hash: str = ""
    sha256: str = ""
    source: tuple[str, str] | None = None
    content_type: str = ""


@dataclass(frozen=True)
class Remove:
    """The file at `path` goes."""

    path: str


Operation = Put | Remove


class Failure(NamedTuple):
    """An operation that was left out, by its path, and why."""

    path: str
    error: str


class _Content(NamedTuple):
    sha256: str
    size: int  # bytes
    chunked: bool = True


class _Refused(Exception):
    """One operation cannot be done; the others can."""


@transaction.atomic
def create_bucket(*, actor: User, namespace: Namespace, name: str, visibility: str = Visibility.PUBLIC) -> Repository:
    """Make an empty bucket. `namespace` has passed get_namespace_for_create. Raises Invalid, RepoNameInvalid, RepoExists."""
    repo = register_repo(actor=actor, namespace=namespace, kind=Kind.BUCKET, name=name, visibility=visibility)
    BucketTotals.objects.create(repository=repo)
    record(actor=actor, verb="repo.create", target=repo.audit_name, visibility=visibility)
    repository_created.send(sender=Repository, repository=repo, actor=actor)
    return repo


@transaction.atomic
def change_files(*, repo: Repository, actor: User, operations: Sequence[Operation]) -> list[Failure]:
    """Do the operations in their order, all at one moment for whoever reads; return those that could not be done.

    The caller has passed get_repo_for_write. Changes of one bucket come one after the other. Raises TooLarge, RepoNotFound.
    """
    if len(operations) > MAX_OPERATIONS:
        raise TooLarge(_("One call changes at most %(max)d files. Split it into several.") % {"max": MAX_OPERATIONS})
    refused = {number: error for number, o in enumerate(operations) if (error := _error_of(o.path))}
    sound = [o for number, o in enumerate(operations) if number not in refused]
    totals = _lock(repo)
    contents = _Contents(repo, actor, [o for o in sound if isinstance(o, Put)])
    changes = _Changes(repo, totals.files, sound)
    for number, operation in enumerate(operations):
        if number in refused:
            continue
        try:
            if isinstance(operation, Put):
                changes.put(operation, contents.of(operation))
            else:
                changes.remove(operation.path)
        except _Refused as error:
            refused[number] = str(error)
    changes.write(actor)
    return [Failure(operations[number].path, error) for number, error in sorted(refused.items())]


def _error_of(path: str) -> str:
    """Return what is wrong with a path, "" for one that a file can have."""
    try:
        check_path(path)
    except PathInvalid as error:
        return error.message
    if path.count("/") > MAX_DEPTH:
        return _("A file of a bucket is in at most %(max)d folders.") % {"max": MAX_DEPTH}
    return ""


def _lock(repo: Repository) -> BucketTotals:
    """Have the bucket's files to oneself until the transaction ends. Before any row of content is locked."""
    if not Repository.objects.select_for_update(no_key=True).filter(pk=repo.pk, kind=Kind.BUCKET).exists():
        raise RepoNotFound(_("%(name)s has just been deleted.") % {"name": repo.full_name})
    return BucketTotals.objects.get_or_create(repository=repo)[0]


class _Contents:
    """Finds what the operations of one call name, and keeps it from being deleted meanwhile. A few queries for all of them."""

    def __init__(self, repo: Repository, actor: User, puts: list[Put]) -> None:
        files = XetFile.objects.filter(pk__in={put.xet_hash for put in puts if SHA256.fullmatch(put.xet_hash)})
        self._sha256s = dict(files.values_list("hash", "sha256"))
        self._sources = _Sources(actor)
        named = {self._name(put) for put in puts} - {""}
        own = {self._name(put) for put in puts if put.source is None} & named
        usable = Blob.objects.usable_in(repo, actor).filter(pk__in=own) if own else Blob.objects.none()
        self._usable = set(usable.values_list("sha256", flat=True))
        sources = {source.pk for put in puts if put.source and (source := self._sources.find(put.source))}
        held = RepoBlob.objects.filter(repository__in=sources, blob__in=named) if sources else RepoBlob.objects.none()
        self._held = set(held.values_list("repository_id", "blob_id"))
        # Only theirs: whoever merely knows a hash must not keep what was deleted from going.
        there = touch_blobs(sorted(self._usable | {sha256 for _source, sha256 in self._held}))
        blobs = Blob.objects.filter(pk__in=there).values_list("sha256", "size", "xet_file_id")
        self._there = {sha256: _Content(sha256, size, xet_file is not None) for sha256, size, xet_file in blobs}
        self._usable &= there
        self._held = {(source, sha256) for source, sha256 in self._held if sha256 in there}

    def _name(self, put: Put) -> str:
        """Return the sha256 of what is named, "" where nothing here has that name."""
        if put.xet_hash == EMPTY_XET_HASH:
            return EMPTY_SHA256
        return put.sha256 if SHA256.fullmatch(put.sha256) else self._sha256s.get(put.xet_hash, "")

    def of(self, put: Put) -> _Content:
        """Return what an operation names. Raises _Refused where it is not there, or not the caller's to name."""
        sha256 = self._name(put)
        if put.source is None:
            if sha256 not in self._usable:
                raise _Refused(
                    _("The content of “%(path)s” has not been uploaded to this bucket. Upload it first.")
                    % {"path": put.path}
                )
        else:
            source = self._sources.get(put.source)
            if (source.pk, sha256) not in self._held:
                raise _Refused(
                    _("%(name)s does not hold the content that “%(path)s” is to have.")
                    % {"name": source.full_name, "path": put.path}
                )
        return self._there[sha256]


class _Sources:
    """The repositories that files are copied from, each loaded once, and only where the caller may fetch their files."""

    def __init__(self, actor: User) -> None:
        self._actor = actor
        self._known: dict[tuple[str, str], Repository | str] = {}

    def find(self, named: tuple[str, str]) -> Repository | None:
        if named not in self._known:
            self._known[named] = self._load(*named)
        found = self._known[named]
        return found if isinstance(found, Repository) else None

    def get(self, named: tuple[str, str]) -> Repository:
        """Return a source. Raises _Refused in the words of the refusal to open it."""
        found = self.find(named) or self._known[named]
        if isinstance(found, str):
            raise _Refused(found)
        return found

    def _load(self, kind: str, full_name: str) -> Repository | str:
        namespace, _slash, name = full_name.partition("/")
        if kind not in Kind.values or not namespace or not name:
            return _("A source is a repository's type and its full name, not “%(kind)s” and “%(name)s”.") % {
                "kind": kind[:40],
                "name": full_name[:200],
            }
        try:
            try:
                return get_repo_for_content(self._actor, kind, namespace, name)
            except RepoMoved as moved:
                return get_repo_for_content(self._actor, kind, *moved.full_name.split("/", 1))
        except HubError as refused:
            return refused.message


@dataclass
class _File:
    """A file that is there, or comes to be there."""

    content: _Content
    put: Put | None = None  # None: it has been there


@dataclass
class _Changes:
    """What the files of a bucket become, one operation after the other, in memory; then the rows, at once.

    Nothing is a file and a folder: no disk could hold it.
    """

    repo: Repository
    count: int  # files of the bucket
    operations: Sequence[Operation]
    _before: dict[str, _Content] = field(init=False)
    _now: dict[str, _File] = field(init=False)
    _folders: Counter[str] = field(init=False)  # folder -> how many files of `_now` are below it
    _folders_beside: set[str] = field(
        init=False
    )  # paths of puts that are folders by files which this call leaves alone

    def __post_init__(self) -> None:
        put = {o.path for o in self.operations if isinstance(o, Put)}
        removed = {o.path for o in self.operations if isinstance(o, Remove)}
        looked_at = put | removed | {folder for path in put for folder in folders_of(path)}
        rows = BucketFile.objects.filter(repository=self.repo, path__in=looked_at)
        self._before = {
            path: _Content(sha256, size) for path, sha256, size in rows.values_list("path", "blob_id", "blob__size")
        }
        self._now = {path: _File(content) for path, content in self._before.items()}
        self._folders = Counter(folder for path in self._now for folder in folders_of(path))
        self._folders_beside = self._folders_among(put - self._before.keys(), removed)

    def _folders_among(self, paths: set[str], removed: set[str]) -> set[str]:
        if not paths:
            return set()
        with connection.cursor() as cursor:
            cursor.execute(_FOLDERS_AMONG, [sorted(paths), self.repo.pk, sorted(removed)])
            return {path for (path,) in cursor.fetchall()}

    def put(self, put: Put, content: _Content) -> None:
        """Raises _Refused where a folder has the name, or a folder on the way is a file, or the bucket is full."""
        path = put.path
        if path in self._folders_beside or self._folders[path]:
            raise _Refused(
                _("“%(path)s” is a folder here. Choose another name, or remove its files first.") % {"path": path}
            )
        if above := next((folder for folder in folders_of(path) if folder in self._now), None):
            raise _Refused(
                _("“%(path)s” is a file here, so nothing can be below it. Remove it first.") % {"path": above}
            )
        if path not in self._now:
            if self.count >= MAX_FILES:
                raise _Refused(
                    _("A bucket holds at most %(max)d files. Remove some, or make another bucket.") % {"max": MAX_FILES}
                )
            self.count += 1
            self._folders.update(folders_of(path))
        self._now[path] = _File(content, put)

    def remove(self, path: str) -> None:
        """Raises _Refused where there is no such file."""
        if path not in self._now:
            raise _Refused(_("There is no file “%(path)s” in this bucket.") % {"path": path[:200]})
        del self._now[path]
        self.count -= 1
        self._folders.subtract(folders_of(path))

    def write(self, actor: User) -> None:
        now = timezone.now()
        put = {path: file for path, file in self._now.items() if file.put is not None}
        gone = sorted(self._before.keys() - self._now.keys())
        if not put and not gone:
            return
        if gone:
            BucketFile.objects.filter(repository=self.repo, path__in=gone).delete()
        BucketFile.objects.bulk_create(
            [_row(self.repo, file, now) for file in put.values()],
            update_conflicts=True,
            unique_fields=["repository", "path"],
            update_fields=["blob", "content_type", "modified_at", "uploaded_at"],
        )
        added = sum(file.content.size for file in put.values())
        removed = sum(self._before[path].size for path in {*gone, *put} & self._before.keys())
        BucketTotals.objects.filter(repository=self.repo).update(files=self.count, size=F("size") + (added - removed))
        if any(not file.content.chunked and file.content.size for file in put.values()):
            content_waits.send(sender=Repository, repository=self.repo)
        self.repo.updated_at = now
        self.repo.save(update_fields=["updated_at"])
        record(
            actor=actor,
            verb="bucket.change",
            target=self.repo.audit_name,
            put=len(put),
            removed=len(gone),
            paths=gone[:_RECORDED],
        )
        # Last, since it waits for others of the same owner.
        _hold_content(
            self.repo,
            {file.content.sha256 for file in put.values()},
            {self._before[path].sha256 for path in {*gone, *put} & self._before.keys()},
        )


# A folder is where some file is below. Names before and after `/` in the order of bytes mark where it begins and ends.
_FOLDERS_AMONG = """
SELECT wanted.path FROM unnest(%s::text[]) AS wanted(path) WHERE EXISTS (
    SELECT 1 FROM repos_bucketfile AS file
    WHERE file.repository_id = %s
    AND file.path >= (wanted.path || '/') COLLATE "C" AND file.path < (wanted.path || '0') COLLATE "C"
    AND file.path <> ALL(%s::text[])
)
"""


def folders_of(path: str) -> Iterator[str]:
    """Yield the folders that a file is in, the outermost first."""
    at = path.find("/")
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _row(repo: Repository, file: _File, now: datetime) -> BucketFile:
    assert file.put is not None
    return BucketFile(
        repository=repo,
        path=file.put.path,
        blob_id=file.content.sha256,
        content_type=file.put.content_type[:MAX_CONTENT_TYPE],
        modified_at=file.put.modified_at,
        uploaded_at=now,
    )


def _hold_content(repo: Repository, wanted: Iterable[str], left: Iterable[str]) -> None:
    """Let the bucket hold what its files are: `wanted` in any case, what files have `left` only where others still are it."""
    added = hold_blobs(repo=repo, sha256s=wanted)
    others = set(BucketFile.objects.filter(repository=repo, blob__in=sorted(left)).values_list("blob_id", flat=True))
    release_blobs(repo=repo, sha256s=set(left) - others)
    if added:
        check_held(repo)
