"""Shards: the metadata that tells how files are put together from chunks of xorbs.

A client uploads a shard (header, file section, xorb section); the hub sends one (with lookup tables
and a footer) as the answer to a dedup query. All records have 48 bytes, little-endian.
Source: the Xet specification, "shard format".
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.core.bodies import Reader
from hub.repos.xet.errors import FormatError, TruncatedError
from hub.repos.xet.hashing import HASH_SIZE, keyed_chunk_hash, to_hex
from hub.repos.xet.xorb import XorbLayout

# Clients cut their shards at 64 MiB; the margin is for the records that close the sections.
MAX_BODY = 65 * 1024 * 1024

RECORD_SIZE = 48
FOOTER_SIZE = 200
_TAG = b"HFRepoMetaData\0" + bytes.fromhex("5569 6745 6a7b 8157 83a5 bdd9 5ccd d14a a9")
_HEADER_VERSION = 2
_FOOTER_VERSION = 1
_END = b"\xff" * HASH_SIZE
_HAS_VERIFICATION = 1 << 31
_HAS_SHA256 = 1 << 30

TERM = np.dtype([("xorb", "V32"), ("flags", "<u4"), ("raw", "<u4"), ("start", "<u4"), ("end", "<u4")])
"""One term of a file: chunks ``start`` to ``end`` (exclusive) of ``xorb``, ``raw`` bytes decompressed."""

_XORB_HEADER = np.dtype([("hash", "V32"), ("flags", "<u4"), ("n", "<u4"), ("raw", "<u4"), ("stored", "<u4")])
_XORB_CHUNK = np.dtype([("hash", "V32"), ("offset", "<u4"), ("raw", "<u4"), ("flags", "<u4"), ("zero", "<u4")])
_XORB_LOOKUP = np.dtype([("key", "<u8"), ("record", "<u4")])
_CHUNK_LOOKUP = np.dtype([("key", "<u8"), ("record", "<u4"), ("chunk", "<u4")])


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One file of an uploaded shard, as the client claims it. Nothing in it is verified.

    ``terms``: array of ``TERM``. ``range_hashes``: one raw 32-byte hash per term, concatenated, or
    ``None`` when the client sent none. ``sha256``: ordinary hex, or ``None``.
    """

    file_hash: bytes
    terms: NDArray[np.void]
    range_hashes: bytes | None
    sha256: str | None

    @property
    def size(self) -> int:
        """Bytes of the whole file, as claimed."""
        return int(self.terms["raw"].sum(dtype=np.uint64))


class _Body:
    """Counts what is left, so that no announced number leads to an allocation beyond the body."""

    def __init__(self, stream: Reader, length: int) -> None:
        self._stream = stream
        self.left = length

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise TruncatedError("The shard announces more records than it holds.")
        pieces = []
        while size:
            piece = self._stream.read(size)
            if not piece:
                raise TruncatedError("The shard ended before its announced length. Send it again.")
            pieces.append(piece)
            size -= len(piece)
            self.left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def records(self, count: int) -> bytes:
        return self.take(count * RECORD_SIZE)

    def skip_records(self, count: int) -> None:
        left = count * RECORD_SIZE
        if left > self.left:
            raise TruncatedError("The shard announces more records than it holds.")
        while left:
            left -= len(self.take(min(left, 1024 * RECORD_SIZE)))


def read_files(stream: Reader, length: int) -> Iterator[ShardFile]:
    """Yield the files of an uploaded shard of ``length`` bytes, one at a time.

    The xorb section is walked for its shape after the last file and then ignored: the hub indexes
    xorbs from its own scan. Hence a caller must exhaust the iterator before it trusts the shape.
    ``FormatError`` on any broken rule. Memory: the records of one file.
    """
    if length > MAX_BODY:
        raise FormatError(f"A shard has at most {MAX_BODY} bytes, not {length}.")
    body = _Body(stream, length)
    header = body.records(1)
    if header[:32] != _TAG:
        raise FormatError("The shard does not begin with the tag of the format.")
    if (version := int.from_bytes(header[32:40], "little")) != _HEADER_VERSION:
        raise FormatError(f"The shard has the unknown version {version}.")
    footer_size = int.from_bytes(header[40:48], "little")
    while (head := body.records(1))[:32] != _END:
        yield _read_file(body, head)
    while (head := body.records(1))[:32] != _END:
        body.skip_records(int.from_bytes(head[36:40], "little"))
    if footer_size == 0 and body.left:
        raise FormatError("The shard goes on after its last section.")
    # hf_xet 1.2 announces a footer and sends none.
    if 0 < body.left < footer_size:
        raise TruncatedError("The shard ends inside its footer.")


def _read_file(body: _Body, head: bytes) -> ShardFile:
    flags = int.from_bytes(head[32:36], "little")
    count = int.from_bytes(head[36:40], "little")
    terms = np.frombuffer(body.records(count), TERM)
    range_hashes = None
    if flags & _HAS_VERIFICATION:
        records = np.frombuffer(body.records(count), np.uint8).reshape(count, RECORD_SIZE)
        range_hashes = records[:, :HASH_SIZE].tobytes()
    sha256 = to_hex(body.records(1)[:HASH_SIZE]) if flags & _HAS_SHA256 else None
    return ShardFile(head[:HASH_SIZE], terms, range_hashes, sha256)


def build_dedup_answer(xorbs: Sequence[tuple[bytes, XorbLayout]], *, key: bytes, key_expiry: int) -> bytes:
    """Return the shard that tells a client which chunks of ``xorbs`` (raw hash, layout) are stored.

    Chunk hashes are hidden under the 32-byte ``key``, so that only somebody who has a chunk can
    recognise it. ``key_expiry``: unix seconds after which the client forgets the answer.
    Size: about 64 bytes per chunk.
    """
    sections: list[bytes] = []
    lookups: list[NDArray[np.void]] = []
    xorb_lookup = np.zeros(len(xorbs), _XORB_LOOKUP)
    record = raw_total = stored_total = 0
    for i, (name, layout) in enumerate(xorbs):
        n = len(layout)
        head = np.zeros(1, _XORB_HEADER)
        head["hash"] = np.void(name)
        head["n"], head["raw"], head["stored"] = n, layout.raw_size, layout.stored_size
        keyed = b"".join(keyed_chunk_hash(key, layout.hashes_of(c, c + 1)) for c in range(n))
        rows = np.zeros(n, _XORB_CHUNK)
        rows["hash"] = np.frombuffer(keyed, "V32")
        rows["raw"] = layout.raw_lengths
        rows["offset"][1:] = layout.raw_ends[:-1]
        sections += [head.tobytes(), rows.tobytes()]
        xorb_lookup[i] = (int.from_bytes(name[:8], "little"), record)
        lookup = np.zeros(n, _CHUNK_LOOKUP)
        lookup["key"] = np.frombuffer(keyed, "<u8")[::4]
        lookup["record"] = record
        lookup["chunk"] = np.arange(n)
        lookups.append(lookup)
        record += 1 + n
        raw_total += layout.raw_size
        stored_total += layout.stored_size
    chunk_lookup = np.concatenate(lookups) if lookups else np.zeros(0, _CHUNK_LOOKUP)
    chunk_lookup.sort(order="key")
    xorb_lookup.sort(order="key")

    end = _END + bytes(RECORD_SIZE - HASH_SIZE)
    files_at = RECORD_SIZE
    xorbs_at = files_at + RECORD_SIZE
    lookups_at = xorbs_at + record * RECORD_SIZE + RECORD_SIZE
    chunk_lookup_at = lookups_at + xorb_lookup.nbytes
    footer_at = chunk_lookup_at + chunk_lookup.nbytes
    offsets = [
        _FOOTER_VERSION,
        *(files_at, xorbs_at),
        *(lookups_at, 0),
        *(lookups_at, len(xorb_lookup)),
        *(chunk_lookup_at, len(chunk_lookup)),
    ]
    sums = [stored_total, raw_total, raw_total, footer_at]
    return b"".join(
        [
            _TAG + _words(_HEADER_VERSION, FOOTER_SIZE),
            end,
            *sections,
            end,
            xorb_lookup.tobytes(),
            chunk_lookup.tobytes(),
            _words(*offsets) + key + _words(int(time.time()), key_expiry) + bytes(48) + _words(*sums),
        ]
    )


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "little") for number in numbers)
