"""Writing git packs from the object rows: the rows hold each object as a pack does, deflated."""

import hashlib
import struct
from collections.abc import Iterator

from hub.core.database import binary_cursor

_OBJECTS_AT_ONCE = 500  # that one query reads
_LARGE_BODY = 256 * 1024  # bytes; a larger one travels by itself, in pieces
_PIECE = 1024 * 1024  # bytes

_BODIES = """
SELECT oid, type, size, CASE WHEN octet_length(body) <= %s THEN body END FROM repos_gitobject
WHERE oid = ANY(%s) AND store_id = %s
"""
_PIECE_OF_BODY = "SELECT substring(body FROM %s FOR %s) FROM repos_gitobject WHERE store_id = %s AND oid = %s"
_ALL = "SELECT oid FROM repos_gitobject WHERE store_id = %s ORDER BY oid"


def all_objects(store_id: int) -> list[bytes]:
    """Return the names of all objects of a store, reachable or not."""
    return [oid for (oid,) in _rows(_ALL, store_id)]


def pack_of(store_id: int, oids: list[bytes]) -> Iterator[bytes]:
    """Yield a pack of these objects, none as a difference (https://git-scm.com/docs/pack-format). Memory: one batch."""
    digest = hashlib.sha1(usedforsecurity=False)
    for piece in _entries(store_id, oids):
        digest.update(piece)
        yield piece
    yield digest.digest()


def _entries(store_id: int, oids: list[bytes]) -> Iterator[bytes]:
    yield struct.pack(">4sII", b"PACK", 2, len(oids))
    for first in range(0, len(oids), _OBJECTS_AT_ONCE):
        pieces = []
        for oid, kind, size, body in _rows(_BODIES, _LARGE_BODY, oids[first : first + _OBJECTS_AT_ONCE], store_id):
            pieces.append(_entry_header(kind, size))
            if body is not None:
                pieces.append(body)
                continue
            yield b"".join(pieces)
            pieces = []
            start = 1
            while found := _rows(_PIECE_OF_BODY, start, _PIECE, store_id, oid)[0][0]:
                yield found
                start += _PIECE
        yield b"".join(pieces)


def _entry_header(kind: int, size: int) -> bytes:
    header = [(kind << 4) | (size & 15)]
    size >>= 4
    while size:
        header[-1] |= 128
        header.append(size & 127)
        size >>= 7
    return bytes(header)


def _rows(query: str, *parameters: object) -> list[tuple]:
    with binary_cursor() as cursor:
        cursor.execute(query, parameters, binary=True)
        return cursor.fetchall()
