"""What commits reach: the objects that a repository may hand out, and no others.

SQL follows the parents of commits; trees are opened here, each once, a batch at a time. Object names are raw bytes
(20 of them), as the database has them: there may be millions.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hub.core.database import binary_cursor
from hub.repos.git.objects import MAX_POINTER_BYTES, SUBMODULE_MODE, TREE_ENTRY, TREE_MODES, parse_pointer
from hub.repos.models import GitRef, Repository
from hub.repos.models.git import ObjectType

# Trees that one query reads, and objects that one batch names.
TREES_AT_ONCE = 500
OBJECTS_AT_ONCE = 10_000
MAX_TAG_CHAIN = 10  # tags of tags

# One line of a tree without its name, which most walks have no use for: mode, object.
_ENTRY = re.compile(rb"([0-7]+) [^\0]+\0(.{20})", re.DOTALL)
_TAGGED = re.compile(rb"object ([0-9a-f]{40})\ntype (commit|tag)\n")

_COMMITS = """
WITH RECURSIVE known(oid) AS (
    SELECT unnest(%(excluding)s::bytea[])
    UNION SELECT parent FROM known JOIN repos_gitcommit c ON c.store_id = %(store)s AND c.oid = known.oid,
        unnest(c.parents) AS parent
), line(oid) AS (
    SELECT oid FROM unnest(%(starts)s::bytea[]) AS start(oid) WHERE oid NOT IN (SELECT oid FROM known)
    UNION SELECT parent FROM line JOIN repos_gitcommit c ON c.store_id = %(store)s AND c.oid = line.oid,
        unnest(c.parents) AS parent
    WHERE parent NOT IN (SELECT oid FROM known)
)
SELECT c.oid, c.tree, c.parents FROM line JOIN repos_gitcommit c ON c.store_id = %(store)s AND c.oid = line.oid
ORDER BY c.generation DESC, c.oid
"""
_TREES_OF = "SELECT tree FROM repos_gitcommit WHERE store_id = %s AND oid = ANY(%s)"
_BODIES = "SELECT oid, size, body FROM repos_gitobject WHERE store_id = %s AND oid = ANY(%s) AND type = %s"
_SMALL_BLOBS = _BODIES + " AND size <= %s"


class ReachedCommit(NamedTuple):
    oid: bytes
    tree: bytes
    parents: list[bytes]


class Tips(NamedTuple):
    """Where the refs of a repository point: commits, and the objects of annotated tags."""

    commits: list[bytes]
    tags: list[bytes]


def tips_of(repo: Repository) -> Tips:
    """Return what all refs of a repository point at, pull requests included."""
    commits: set[bytes] = set()
    tags: set[bytes] = set()
    for oid, peeled in GitRef.objects.filter(repository=repo).values_list("oid", "peeled"):
        commits.add(bytes.fromhex(peeled or oid))
        if peeled:
            tags.add(bytes.fromhex(oid))
    level = tags
    for _depth in range(MAX_TAG_CHAIN):
        inner = {
            bytes.fromhex(found[1].decode())
            for _oid, content in contents_of(repo.store_id, list(level), ObjectType.TAG)
            if (found := _TAGGED.match(content)) and found[2] == b"tag"
        }
        level = inner - tags
        if not level:
            break
        tags |= level
    return Tips(sorted(commits), sorted(tags))


def reachable_commits(store_id: int, starts: Iterable[bytes], excluding: Iterable[bytes] = ()) -> list[ReachedCommit]:
    """Return the commits that `starts` reach and `excluding` do not, children before their parents. One query."""
    values = {"store": store_id, "starts": list(starts), "excluding": list(excluding)}
    with binary_cursor() as cursor:
        cursor.execute(_COMMITS, values, binary=True)
        return [ReachedCommit(*row) for row in cursor]


def reachable_objects(store_id: int, starts: Iterable[bytes], excluding: Iterable[bytes] = ()) -> Iterator[list[bytes]]:
    """Yield the names of all commits, trees and blobs that the commits `starts` reach, in batches, each name once.

    Left out is what the commits `excluding` reach, as far as git itself looks: their ancestors, and the content of those
    of them that are parents of what is listed. Content that went and came back may be named again; nothing unreachable is.
    Memory: about 100 bytes for each object.
    """
    commits = reachable_commits(store_id, starts, excluding)
    mine = {commit.oid for commit in commits}
    edge = {parent for commit in commits for parent in commit.parents} - mine
    seen: set[bytes] = set()
    for _batch in walk_trees(store_id, _trees_of(store_id, edge), seen):
        pass
    for start in range(0, len(commits), OBJECTS_AT_ONCE):
        yield [commit.oid for commit in commits[start : start + OBJECTS_AT_ONCE]]
    yield from walk_trees(store_id, (commit.tree for commit in commits), seen)


def objects_of(repo: Repository) -> Iterator[list[bytes]]:
    """Yield the names of all objects that the repository's refs reach, in batches, annotated tags included."""
    tips = tips_of(repo)
    if tips.tags:
        yield tips.tags
    yield from reachable_objects(repo.store_id, tips.commits)


def walk_trees(store_id: int, trees: Iterable[bytes], seen: set[bytes]) -> Iterator[list[bytes]]:
    """Yield the names of `trees` and of all that is in them, in batches, without what is in `seen`; add them to `seen`.

    Submodules, whose commits are another repository's, are left out. Each tree is opened once.
    """
    waiting: list[bytes] = []
    for oid in trees:
        if oid not in seen:
            seen.add(oid)
            waiting.append(oid)
    names = list(waiting)
    while waiting:
        batch, waiting = waiting[-TREES_AT_ONCE:], waiting[:-TREES_AT_ONCE]
        for _oid, content in contents_of(store_id, batch, ObjectType.TREE):
            entries = {oid: mode for mode, oid in _ENTRY.findall(content) if oid not in seen}
            for oid, mode in entries.items():
                if mode == SUBMODULE_MODE:
                    continue
                seen.add(oid)
                names.append(oid)
                if mode in TREE_MODES:
                    waiting.append(oid)
        while len(names) >= OBJECTS_AT_ONCE:
            yield names[:OBJECTS_AT_ONCE]
            del names[:OBJECTS_AT_ONCE]
    if names:
        yield names


def pointers_among(store_id: int, oids: list[bytes]) -> dict[bytes, tuple[str, int]]:
    """Return object name -> (sha256, size in bytes) for those blobs that are pointers to large content. One query."""
    small = _contents(_SMALL_BLOBS, [store_id, oids, ObjectType.BLOB, MAX_POINTER_BYTES])
    return {oid: pointer for oid, content in small if (pointer := parse_pointer(content))}


def first_paths(repo: Repository, oids: set[bytes]) -> dict[bytes, tuple[str, str]]:
    """Return object name -> (path, commit id) for those files that the repository's refs reach: one place where each is, in
    the newest commit that has it. Looks through all trees where one of them is nowhere.
    """
    found: dict[bytes, tuple[str, str]] = {}
    if not oids:
        return found
    commits = reachable_commits(repo.store_id, tips_of(repo).commits)
    seen: set[bytes] = set()
    for start in range(0, len(commits), TREES_AT_ONCE):
        waiting = {}
        for commit in reversed(commits[start : start + TREES_AT_ONCE]):
            waiting[commit.tree] = ("", commit.oid.hex())
        while waiting and oids - found.keys():
            batch = {oid: waiting.pop(oid) for oid in list(waiting)[:TREES_AT_ONCE]}
            seen.update(batch)
            for tree, content in contents_of(repo.store_id, list(batch), ObjectType.TREE):
                folder, commit_id = batch[tree]
                for mode, name, oid in TREE_ENTRY.findall(content):
                    if mode in TREE_MODES and oid not in seen:
                        waiting.setdefault(oid, (f"{folder}{name.decode('utf-8', 'replace')}/", commit_id))
                    elif oid in oids and oid not in found:
                        found[oid] = (folder + name.decode("utf-8", "replace"), commit_id)
    return found


def contents_of(store_id: int, oids: list[bytes], kind: ObjectType) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, inflated content) of those of the objects that are there and of this kind, in any order, one in memory
    at a time. The connection is busy until the last one has been taken."""
    return _contents(_BODIES, [store_id, oids, kind])


def _trees_of(store_id: int, commits: Iterable[bytes]) -> list[bytes]:
    with binary_cursor() as cursor:
        cursor.execute(_TREES_OF, [store_id, list(commits)], binary=True)
        return [tree for (tree,) in cursor]


def _contents(query: str, values: list[object]) -> Iterator[tuple[bytes, bytes]]:
    with binary_cursor() as cursor:
        for oid, size, body in cursor.stream(query, values, binary=True):
            yield oid, zlib.decompress(body, bufsize=max(size, 1))
