"""Checking a repository from its refs down to the pointers of its large files.

Everything is looked at from the refs, so objects that nothing reaches are none of its business. Memory: about 200 bytes for
each object of the repository.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator

from dulwich.errors import ObjectFormatException
from dulwich.objects import Commit

from hub.core.database import binary_cursor
from hub.core.models import AuditEvent
from hub.repos.git.objects import MAX_POINTER_BYTES, SUBMODULE_MODE, TREE_ENTRY, TREE_MODES, object_id, parse_pointer
from hub.repos.git.reachable import ReachedCommit, reachable_commits, tips_of
from hub.repos.large_files import DELETED
from hub.repos.models import GitCommit, GitPath, GitRef, Release, RepoBlob, Repository
from hub.repos.models.git import MAIN, TAG_PREFIX, ObjectType

# Objects whose bodies one query reads, and whose types one query asks for.
READ_AT_ONCE = 500
ASKED_AT_ONCE = 10_000
_READ = "SELECT oid, type, size, body FROM repos_gitobject WHERE store_id = %s AND oid = ANY(%s)"
_TYPES = "SELECT oid, type, size FROM repos_gitobject WHERE store_id = %s AND oid = ANY(%s)"


class RepositoryCheck:
    """One repository: what its refs reach, followed down to the pointers of large files."""

    def __init__(self, repo: Repository, *, rehash: bool, counts: Counter[str]) -> None:
        self._repo = repo
        self._store = repo.store_id
        self._rehash = rehash
        self._counts = counts
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
            yield from self._commit_objects(reached[start : start + READ_AT_ONCE])

    def _commit_objects(self, commits: list[ReachedCommit]) -> Iterator[str]:
        """Compare the rows of commits with their objects."""
        batch = {commit.oid: commit for commit in commits}
        for oid, kind, _size, content in self._read(list(batch)):
            commit = batch.pop(oid)
            if content is None or kind != ObjectType.COMMIT:
                yield f"the commit {oid.hex()} cannot be read."
                continue
            if self._rehash and object_id(ObjectType.COMMIT, content) != oid.hex():
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
                if self._rehash and object_id(ObjectType.TREE, content) != oid.hex():
                    yield f"the folder {oid.hex()} of {holder} does not have the content that its name stands for."
                if not self._read_entries(oid, content, wanted):
                    yield f"the folder {oid.hex()} of {holder} is not well formed."
            for oid, holder in batch.items():
                yield f"the folder {oid.hex()} of {holder} is not there."
            yield from self._entries(wanted, waiting)

    def _read_entries(self, oid: bytes, content: bytes, wanted: dict[bytes, tuple[bool, str]]) -> bool:
        """Add what a tree names, and was not seen before, to `wanted`; return whether the tree is well formed."""
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
        return end == len(content)

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
            elif self._rehash or size <= MAX_POINTER_BYTES:
                small.append(oid)
        for oid in files:
            if oid not in there:
                yield f"the file {oid.hex()}, {wanted[oid][1]}, is not there."
        for oid, _kind, _size, content in self._read(small):
            if content is None:
                yield f"the file {oid.hex()}, {wanted[oid][1]}, cannot be read."
            elif self._rehash and object_id(ObjectType.BLOB, content) != oid.hex():
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
        files = self._files_below(bytes.fromhex(commit.tree))
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

    def _files_below(self, root: bytes) -> dict[str, str]:
        """Return path -> object of all files in a tree."""
        files: dict[str, str] = {}
        level = [("", root)]
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
        return files

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
