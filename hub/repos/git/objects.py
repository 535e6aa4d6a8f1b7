"""Objects in and out of rows: hashing, trees, commits and large-file pointers, by dulwich's formats."""

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.db import connection
from dulwich.objects import ObjectID, Tree
from dulwich.objects import parse_tree as read_tree

from hub.core.database import binary_cursor
from hub.repos.models.git import GitObject, ObjectType

FILE_MODE = 0o100644
TREE_MODE = 0o040000

# One line of a tree as it is stored: mode, name, object; and the modes that mean something else than a file.
TREE_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
TREE_MODES = (b"40000", b"040000")
SUBMODULE_MODE = b"160000"

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

# A pointer is a short text; anything larger is not looked into.
MAX_POINTER_BYTES = 200
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n?", re.ASCII
)
_TYPE_NAMES = {
    ObjectType.COMMIT: b"commit",
    ObjectType.TREE: b"tree",
    ObjectType.BLOB: b"blob",
    ObjectType.TAG: b"tag",
}
# Rows written by one statement; bounds what a large commit keeps in memory.
_BATCH_BYTES = 4 * 1024 * 1024
_PIECE = 512 * 1024  # bytes


class Entry(NamedTuple):
    """One line of a tree: a file (or link, or submodule) or a folder."""

    mode: int
    oid: str

    @property
    def is_tree(self) -> bool:
        return self.mode == TREE_MODE


def object_id(kind: ObjectType, content: bytes) -> str:
    """Return git's SHA-1 name of an object."""
    digest = hashlib.sha1(b"%s %d\0" % (_TYPE_NAMES[kind], len(content)), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


class ObjectWriter:
    """Collects new objects of one store and inserts them in batches; those that are there already are left as they are."""

    def __init__(self, store_id: int) -> None:
        self._store_id = store_id
        self._waiting: dict[str, tuple[int, int, bytes]] = {}
        self._bytes = 0

    def add(self, kind: ObjectType, content: bytes) -> str:
        oid = object_id(kind, content)
        if oid not in self._waiting:
            body = zlib.compress(content, 6)
            self._waiting[oid] = int(kind), len(content), body
            self._bytes += len(body)
            if self._bytes > _BATCH_BYTES:
                self.flush()
        return oid

    def flush(self) -> None:
        # Sorted, so that two writers of the same objects lock rows in one order.
        rows = [(bytes.fromhex(oid), *self._waiting[oid]) for oid in sorted(self._waiting)]
        if rows:
            with binary_cursor() as cursor:
                cursor.execute(_INSERT + WRITTEN_AGAIN, [self._store_id, *map(list, zip(*rows, strict=True))])
        self._waiting.clear()
        self._bytes = 0


# What was written a while ago and is reached by no ref must not be taken for garbage now. Bodies are not written again.
WRITTEN_AGAIN = """
ON CONFLICT (store_id, oid) DO UPDATE SET written_at = now() WHERE repos_gitobject.written_at < now() - interval '1 day'
"""
_INSERT = """
INSERT INTO repos_gitobject (store_id, oid, type, size, body)
SELECT %s, * FROM unnest(%b::bytea[], %b::int2[], %b::int4[], %b::bytea[])
"""
_READ = "SELECT substring(body FROM %s FOR %s) FROM repos_gitobject WHERE store_id = %s AND oid = %s"

_READ_ALL = "SELECT oid, type, size, body FROM repos_gitobject WHERE store_id = %s AND oid = ANY(%s)"


def open_object(store_id: int, oid: str, start: int, stop: int) -> Iterator[bytes]:
    """Yield bytes `start` to `stop` of an object's content. Memory: a piece, whatever the size. One query for a piece."""
    inflate = zlib.decompressobj()
    place, offset = 0, 1
    while place < stop and (body := _read_piece(store_id, oid, offset)):
        offset += len(body)
        while body and place < stop:
            # A short body may inflate to very much, so no more than a piece at a time.
            content = inflate.decompress(body, _PIECE)
            body = inflate.unconsumed_tail
            wanted = content[max(start - place, 0) : stop - place]
            place += len(content)
            if wanted:
                yield wanted


def _read_piece(store_id: int, oid: str, offset: int) -> bytes:
    with binary_cursor() as cursor:
        cursor.execute(_READ, [offset, _PIECE, store_id, bytes.fromhex(oid)], binary=True)
        found = cursor.fetchone()
    return bytes(found[0]) if found else b""


def read_object(store_id: int, oid: str, kind: ObjectType) -> bytes:
    """Return the inflated content. Raises GitObject.DoesNotExist."""
    for _oid, type_, size, body in _read_rows(store_id, [oid]):
        if type_ == kind:
            return zlib.decompress(body, bufsize=max(size, 1))
    raise GitObject.DoesNotExist(oid)


def read_objects(store_id: int, oids: Iterable[str]) -> dict[str, bytes]:
    """Return the inflated contents of those objects that are there, in one query."""
    rows = _read_rows(store_id, list(set(oids)))
    return {oid.hex(): zlib.decompress(body, bufsize=max(size, 1)) for oid, _type, size, body in rows}


def _read_rows(store_id: int, oids: list[str]) -> list[tuple[bytes, int, int, bytes]]:
    if not oids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_READ_ALL, [store_id, [bytes.fromhex(oid) for oid in oids]])
        return cursor.fetchall()


def parse_tree(content: bytes) -> dict[str, Entry]:
    """Return name -> entry. Names that are not UTF-8 keep their bytes as surrogates."""
    return {
        name.decode("utf-8", "surrogateescape"): Entry(mode, oid.decode("ascii"))
        for name, mode, oid in read_tree(content, 20)
    }


def format_tree(entries: dict[str, Entry]) -> bytes:
    """Return a tree's content in git's own order."""
    tree = Tree()
    for name, entry in entries.items():
        tree.add(name.encode("utf-8", "surrogateescape"), entry.mode, ObjectID(entry.oid.encode("ascii")))
    return bytes(tree.as_raw_string())


def format_pointer(sha256: str, size: int) -> bytes:
    """Return the git-lfs pointer for large content (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md)."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def parse_pointer(content: bytes) -> tuple[str, int] | None:
    """Return (sha256, size) where `content` is a pointer."""
    found = _POINTER.fullmatch(content)
    return (found[1].decode(), int(found[2])) if found else None
