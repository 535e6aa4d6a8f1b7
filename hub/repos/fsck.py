"""Checking that what the hub promises is there: refs, commits, trees, files, large content, and the bytes in the store.

Everything is looked at from the refs, so objects that nothing reaches are none of its business. Each repository is read as it
is at one moment, while the hub goes on working.
"""

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction
from dulwich.errors import ObjectFormatException
from dulwich.objects import Commit

from hub.core.blobs import lfs_key, store, xorb_key
from hub.core.database import binary_cursor
from hub.core.models import AuditEvent
from hub.repos.content import open_blob
from hub.repos.git.objects import MAX_POINTER_BYTES, SUBMODULE_MODE, TREE_ENTRY, TREE_MODES, object_id, parse_pointer
from hub.repos.git.reachable import reachable_commits, tips_of
from hub.repos.large_files import DELETED
from hub.repos.models import Blob, GitCommit, GitPath, GitRef, Release, RepoBlob, Repository, Xorb
from hub.repos.models.git import MAIN, TAG_PREFIX, ObjectType
from hub.repos.xet.reading import open_file

# Objects whose bodies one query reads, and whose types one query asks for.
READ_AT_ONCE = 500
ASKED_AT_ONCE = 10_000
_READ = "SELECT oid, type, size, body FROM repos_gitobject WHERE store_id = %s AND oid = ANY(%s)"
_TYPES = "SELECT oid, type, size FROM repos_gitobject WHERE store_id = %s AND oid = ANY(%s)"


@dataclass
class Check:
    """Goes through repositories, then through large content. `counts` tells what has been looked at.

    rehash: read all bytes, and compare every name with the content. Memory: about 200 bytes for each object of a repository.
    """

    rehash: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    def repository(self, repo: Repository) -> Iterator[str]:
        """Yield what is wrong with a repository's rows, one sentence for each damage."""
        self.counts["repositories"] += 1
        with _one_moment():
            for found in _Repository(repo, self).damages():
                yield f"{repo.audit_name}: {found}"

    def content(self, blobs: Iterable[Blob]) -> Iterator[str]:
        """Yield what is wrong with large content in the store. `blobs` have their `xet_file` loaded."""
        for blob in blobs:
            self.counts["large files"] += 1
            if blob.whole:
                yield from self._whole(blob)
            if blob.xet_file is not None:
                yield from self._chunked(blob)

    def _whole(self, blob: Blob) -> Iterator[str]:
        there = store().stat(lfs_key(blob.sha256))
        if there is None:
            yield f"large file {blob.sha256}: it is not in the store."
        elif there.size != blob.size:
            yield f"large file {blob.sha256}: it has {there.size} bytes in the store, not {blob.size}."
        elif self.rehash and (found := _hash_of(open_blob(blob, 0, blob.size))) != blob.sha256:
            yield f"large file {blob.sha256}: its bytes have the sha256 {found}."

    def _chunked(self, blob: Blob) -> Iterator[str]:
        file = blob.xet_file
        assert file is not None
        if (file.sha256, file.size) != (blob.sha256, blob.size):
            yield f"large file {blob.sha256}: its chunks are those of {file.sha256}, of {file.size} bytes."
        whole = True
        needed = sorted({term[0] for term in file.terms})
        rows = dict(Xorb.objects.filter(pk__in=needed).values_list("hash", "stored_size"))
        for name in needed:
            there = store().stat(xorb_key(name))
            if name not in rows or there is None:
                whole = False
                yield f"large file {blob.sha256}: its xorb {name} is not there."
            elif there.size != rows[name]:
                whole = False
                yield f"large file {blob.sha256}: its xorb {name} has {there.size} bytes in the store, not {rows[name]}."
        if whole and self.rehash:
            try:
                found = _hash_of(open_file(file, 0, file.size))
            except Exception as error:
                found = f"({error})"
            if found != blob.sha256:
                yield f"large file {blob.sha256}: its chunks cannot be read back, or are others: {found}"


class _Repository:
    """One repository: what its refs reach, followed down to the pointers of large files."""

    def __init__(self, repo: Repository, check: Check) -> None:
        self._repo = repo
        self._store = repo.store_id
        self._check = check
        self._counts = check.counts
        self._seen: set[bytes] = set()
        self._pointers: dict[str, int] = {}

    def damages(self) -> Iterator[str]:
        yield from self._refs()
        yield from self._commits()
        yield from self._trees()
        yield from self._large_content()
        yield from self._listing()

    def _refs(self) -> Iterator[str]:
        refs = list(GitRef.objects.filter(repository=self._repo))
        rows = set(
            GitCommit.objects.filter(store=self._store, oid__in=[ref.commit for ref in refs]).values_list(
                "oid", flat=True
            )
        )
        tags = {oid: kind for oid, kind, _size in self._types(bytes.fromhex(ref.oid) for ref in refs if ref.peeled)}
        for ref in refs:
            self._counts["refs"] += 1
            if ref.commit not in rows:
                yield f"{ref.name} names the commit {ref.commit}, which is not there."
            if ref.peeled and tags.get(bytes.fromhex(ref.oid)) != ObjectType.TAG:
                yield f"{ref.name} names the tag {ref.oid}, which is not there."
        if not any(ref.name == MAIN for ref in refs):
            yield "it has no main branch."
        commits = {ref.name.removeprefix(TAG_PREFIX): ref.commit for ref in refs if ref.name.startswith(TAG_PREFIX)}
        for tag, commit in Release.objects.filter(repository=self._repo).values_list("tag", "commit"):
            if commits.get(tag) != commit:
                yield f"the release “{tag}” is of the commit {commit}, and its tag is not."

    def _commits(self) -> Iterator[str]:
        reached = reachable_commits(self._store, tips_of(self._repo).commits)
        names = {commit.oid for commit in reached}
        self._counts["commits"] += len(reached)
        for commit in reached:
            for parent in commit.parents:
                if parent not in names:
                    yield f"the commit {commit.oid.hex()} has the parent {parent.hex()}, which is not there."
        stray = GitCommit.objects.filter(store=self._store).count() - len(reached)
        if stray:
            yield f"{stray} commits can be read that no ref reaches."
        for start in range(0, len(reached), READ_AT_ONCE):
            batch = {commit.oid: commit for commit in reached[start : start + READ_AT_ONCE]}
            for oid, kind, _size, content in self._read(list(batch)):
                commit = batch.pop(oid)
                if content is None or kind != ObjectType.COMMIT:
                    yield f"the commit {oid.hex()} cannot be read."
                    continue
                if self._check.rehash and object_id(ObjectType.COMMIT, content) != oid.hex():
                    yield f"the commit {oid.hex()} does not have the content that its name stands for."
                if _links_of(content) != (commit.tree.hex(), [parent.hex() for parent in commit.parents]):
                    yield f"the commit {oid.hex()} has another tree or other parents than its row."
            for oid in batch:
                yield f"the commit {oid.hex()} has no object."

    def _trees(self) -> Iterator[str]:
        roots = GitCommit.objects.filter(store=self._store).values_list("tree", flat=True).distinct()
        waiting = {bytes.fromhex(tree): "a commit" for tree in roots.iterator()}
        self._seen.update(waiting)
        while waiting:
            batch = {oid: waiting.pop(oid) for oid in list(waiting)[:READ_AT_ONCE]}
            wanted: dict[bytes, tuple[bool, str]] = {}
            for oid, kind, _size, content in self._read(list(batch)):
                holder = batch.pop(oid)
                if content is None or kind != ObjectType.TREE:
                    yield f"the folder {oid.hex()} of {holder} cannot be read."
                    continue
                self._counts["folders"] += 1
                if self._check.rehash and object_id(ObjectType.TREE, content) != oid.hex():
                    yield f"the folder {oid.hex()} of {holder} does not have the content that its name stands for."
                end = 0
                for line in TREE_ENTRY.finditer(content):
                    if line.start() != end:
                        break
                    end = line.end()
                    mode, name, inner = line.groups()
                    if inner not in self._seen and mode != SUBMODULE_MODE:
                        self._seen.add(inner)
                        shown = name.decode("utf-8", "replace")
                        wanted[inner] = (mode in TREE_MODES, f"“{shown}” in the folder {oid.hex()}")
                if end != len(content):
                    yield f"the folder {oid.hex()} of {holder} is not well formed."
            for oid, holder in batch.items():
                yield f"the folder {oid.hex()} of {holder} is not there."
            yield from self._entries(wanted, waiting)

    def _entries(self, wanted: dict[bytes, tuple[bool, str]], waiting: dict[bytes, str]) -> Iterator[str]:
        """Look at what trees name: (is it a folder, where). Folders are added to `waiting`."""
        files = []
        small = []
        for oid, (is_folder, place) in wanted.items():
            if is_folder:
                waiting[oid] = place
            else:
                files.append(oid)
        self._counts["files"] += len(files)
        there = set()
        for oid, kind, size in self._types(files):
            there.add(oid)
            if kind != ObjectType.BLOB:
                yield f"the object {oid.hex()}, {wanted[oid][1]}, is no file."
            elif self._check.rehash or size <= MAX_POINTER_BYTES:
                small.append(oid)
        for oid in files:
            if oid not in there:
                yield f"the file {oid.hex()}, {wanted[oid][1]}, is not there."
        for oid, _kind, _size, content in self._read(small):
            if content is None:
                yield f"the file {oid.hex()}, {wanted[oid][1]}, cannot be read."
            elif self._check.rehash and object_id(ObjectType.BLOB, content) != oid.hex():
                yield f"the file {oid.hex()}, {wanted[oid][1]}, does not have the content that its name stands for."
            elif pointer := parse_pointer(content):
                self._pointers[pointer[0]] = pointer[1]

    def _large_content(self) -> Iterator[str]:
        rows = RepoBlob.objects.filter(repository=self._repo).values_list("blob_id", "blob__size")
        held = dict(rows.iterator())
        self._counts["pointers"] += len(self._pointers)
        for sha256, size in self._pointers.items():
            if sha256 not in held:
                # An owner may have deleted the content and left the commits.
                if not AuditEvent.objects.filter(verb=DELETED, data__files__contains=[sha256]).exists():
                    yield f"the large file {sha256} of a commit is not held by the repository."
                self._counts["pointers without content"] += 1
            elif held[sha256] != size:
                yield f"the large file {sha256} has {held[sha256]} bytes, and a commit says {size}."
        for sha256 in held.keys() - self._pointers.keys():
            yield f"the large file {sha256} can be read, and no commit points at it."

    def _listing(self) -> Iterator[str]:
        """Compare the listing of `main` with its tree."""
        ref = GitRef.objects.filter(repository=self._repo, name=MAIN).first()
        commit = GitCommit.objects.filter(store=self._store, oid=ref.oid).first() if ref else None
        if commit is None:
            return
        files: dict[str, str] = {}
        level = [("", bytes.fromhex(commit.tree))]
        while level:
            folders: dict[bytes, list[str]] = {}
            for prefix, oid in level[:READ_AT_ONCE]:
                folders.setdefault(oid, []).append(prefix)
            level = level[READ_AT_ONCE:]
            for oid, _kind, _size, content in self._read(list(folders)):
                for mode, name, inner in TREE_ENTRY.findall(content or b""):
                    shown = name.decode("utf-8", "surrogateescape")
                    for prefix in folders[oid]:
                        if mode in TREE_MODES:
                            level.append((f"{prefix}{shown}/", inner))
                        else:
                            files[prefix + shown] = inner.hex()
        named = set()
        rows = GitPath.objects.filter(repository=self._repo).values_list("path", "oid", "last_commit")
        for path, file, last in rows.iterator():
            named.add(last)
            if files.pop(path, None) != file:
                yield f"the listing of main has “{path}” as {file}, and its commit has not."
        for path in files:
            yield f"the listing of main lacks “{path}”."
        there = GitCommit.objects.filter(store=self._store, oid__in=named).values_list("oid", flat=True)
        for last in named.difference(there.iterator()):
            yield f"the listing of main names the commit {last}, which is not there."

    def _types(self, oids: Iterable[bytes]) -> Iterator[tuple[bytes, int, int]]:
        """Yield (name, type, size) of those objects that are there."""
        wanted = list(oids)
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            with binary_cursor() as cursor:
                cursor.execute(_TYPES, [self._store, wanted[start : start + ASKED_AT_ONCE]], binary=True)
                yield from cursor.fetchall()

    def _read(self, oids: list[bytes]) -> Iterator[tuple[bytes, int, int, bytes | None]]:
        """Yield (name, type, size, content) of those objects that are there, None for content that cannot be inflated."""
        for start in range(0, len(oids), READ_AT_ONCE):
            with binary_cursor() as cursor:
                for oid, kind, size, body in cursor.stream(
                    _READ, [self._store, oids[start : start + READ_AT_ONCE]], binary=True
                ):
                    yield oid, kind, size, _inflated(body, size)


def _inflated(body: bytes, size: int) -> bytes | None:
    inflate = zlib.decompressobj()
    try:
        # A damaged row must not be taken for a file of gigabytes.
        content = inflate.decompress(body, size + 1)
    except zlib.error:
        return None
    return content if len(content) == size and inflate.eof else None


def _links_of(content: bytes) -> tuple[str, list[str]] | None:
    try:
        commit = Commit.from_string(content)
        return commit.tree.decode("ascii"), [parent.decode("ascii") for parent in commit.parents]
    except (ObjectFormatException, ValueError, AttributeError):
        return None


def _hash_of(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _one_moment() -> Iterator[None]:
    """Let all queries see the same state, whatever is committed meanwhile."""
    alone = not connection.in_atomic_block
    with transaction.atomic():
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
