"""From a file's terms to stored bytes and back to the file. Everything that leaves is checked first."""

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from hub.core.blobs import BlobMissing, store, xorb_key
from hub.repos.models import XetFile
from hub.repos.xet import chunks
from hub.repos.xet.errors import DamagedContentError, FormatError, RangeNotSatisfiable
from hub.repos.xet.hashing import chunk_hash
from hub.repos.xet.layouts import Layouts
from hub.repos.xet.tokens import StoredRange
from hub.repos.xet.xorb import XorbLayout

log = logging.getLogger(__name__)

# One read from disk, and one piece of an answer: about this many stored bytes.
_BLOCK = 512 * 1024

Term = tuple[str, int, int, int]
"""Xorb hash (hex), first chunk, end chunk (exclusive), bytes of the file: as `XetFile.terms` has them."""


class Piece(NamedTuple):
    """A run of whole chunks of one xorb, and which of its inflated bytes are wanted."""

    xorb: str
    layout: XorbLayout
    first_chunk: int
    end_chunk: int
    skip: int  # inflated bytes before the wanted ones
    length: int  # wanted bytes

    @property
    def stored(self) -> StoredRange:
        start, end = self.layout.stored_range(self.first_chunk, self.end_chunk)
        return StoredRange(self.xorb, self.first_chunk, self.end_chunk, start, end)

    @property
    def inflated(self) -> int:
        start, end = self.layout.raw_range(self.first_chunk, self.end_chunk)
        return end - start


def pieces(terms: Sequence[Term], start: int, end: int) -> Iterator[Piece]:
    """Yield what bytes `start` to `end` (exclusive) of a file are made of, cut at chunk borders.

    Raises UnknownContent where a xorb is missing.
    """
    layouts = Layouts()
    offset = 0
    for xorb, first, last, size in terms:
        low, high = max(start - offset, 0), min(end - offset, size)
        offset += size
        if low >= high:
            if offset >= end:
                return
            continue
        layout = layouts[xorb]
        base, _ = layout.raw_range(first, last)
        first_chunk = int(np.searchsorted(layout.raw_ends, base + low, side="right"))
        end_chunk = int(np.searchsorted(layout.raw_ends, base + high, side="left")) + 1
        skip = base + low - layout.raw_range(first_chunk, end_chunk)[0]
        yield Piece(xorb, layout, first_chunk, end_chunk, skip, high - low)


def open_terms(terms: Sequence[Term], start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes `start` to `end` (exclusive) of the file with these terms.

    Memory: about one block and its inflated form. Raises DamagedContentError rather than yield a byte
    that is not what was stored.
    """
    for piece in pieces(terms, start, end):
        skip, left = piece.skip, piece.length
        for _, inflated in _blocks(piece.stored, piece.layout):
            out = inflated[skip : skip + left] if skip or left < len(inflated) else inflated
            skip, left = max(skip - len(inflated), 0), left - len(out)
            yield out


def open_file(file: XetFile, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the bytes `start` to `end` (exclusive, default: all) of a file, in pieces of about 1 MB.

    Memory stays below about 25 MB whatever the size. Raises DamagedContentError.
    """
    return open_terms(file.terms, start, file.size if end is None else min(end, file.size))


def open_stored(wanted: StoredRange) -> Iterator[bytes]:
    """Yield stored bytes of a xorb, after each chunk in them has been checked. Raises DamagedContentError.

    Clients do not check chunk hashes themselves, so a damaged byte has to be caught here.
    """
    layout = Layouts()[wanted.xorb]
    for block, _ in _blocks(wanted, layout):
        yield block


def _blocks(wanted: StoredRange, layout: XorbLayout) -> Iterator[tuple[bytes, bytes]]:
    """Yield (stored bytes, inflated bytes) of runs of whole chunks, in order."""
    try:
        with _Stored(store().read(xorb_key(wanted.xorb), wanted.start, wanted.end)) as stored:
            at = wanted.first_chunk
            while at < wanted.end_chunk:
                start = layout.stored_range(at, at + 1)[0]
                stop = int(np.searchsorted(layout.ends, start + _BLOCK, side="right"))
                stop = min(max(stop, at + 1), wanted.end_chunk)
                block = stored.take(layout.stored_range(at, stop)[1] - start)
                yield block, _inflate(block, layout, at, stop)
                at = stop
    except (FormatError, BlobMissing) as error:
        log.error("xorb %s is damaged: %s", wanted.xorb, error)
        raise DamagedContentError(
            "A part of this file is damaged in the hub's storage, so it is not served. Tell its operator."
        ) from error


class _Stored:
    """Pieces of a store, in the sizes that are asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._kept = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self._pieces, Generator):
            self._pieces.close()

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, or fewer at the end."""
        parts, have = [self._kept], len(self._kept)
        while have < size and (piece := next(self._pieces, b"")):
            parts.append(piece)
            have += len(piece)
        joined = b"".join(parts)
        self._kept = joined[size:]
        return joined[:size]


def _inflate(block: bytes, layout: XorbLayout, start: int, end: int) -> bytes:
    """Return the raw data of the chunks `start` to `end`. FormatError unless each has its hash."""
    view = memoryview(block)
    base = layout.stored_range(start, end)[0]
    out: list[bytes | memoryview] = []
    for number in range(start, end):
        low, high = layout.stored_range(number, number + 1)
        stored = view[low - base : high - base]
        if len(stored) < high - low:
            raise FormatError("The stored xorb is shorter than its index.")
        header = chunks.parse_header(stored)
        data = chunks.decode(header, stored[chunks.HEADER_SIZE :])
        if chunk_hash(data) != layout.hashes_of(number, number + 1):
            raise FormatError(f"Chunk {number} does not have its hash.")
        out.append(data)
    return b"".join(out)


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """How to put a range of a file together.

    ``skip``: bytes to drop from the first term. ``terms``: (piece, its inflated bytes) in order.
    ``ranges``: for each xorb the stored runs to fetch, merged, each holding whole terms.
    """

    skip: int
    terms: list[tuple[StoredRange, int]]
    ranges: dict[str, list[StoredRange]]


def reconstruct(file: XetFile, start: int = 0, end: int | None = None) -> Reconstruction:
    """Plan the bytes `start` to `end` (exclusive, default: to the end) of a file.

    Raises RangeNotSatisfiable if the range begins behind the file's last byte.
    """
    end = file.size if end is None else min(end, file.size)
    if start >= end and (start or file.size):
        raise RangeNotSatisfiable(f"The file has {file.size} bytes.")
    skip = 0
    terms: list[tuple[StoredRange, int]] = []
    by_xorb: dict[str, list[StoredRange]] = {}
    for piece in pieces(file.terms, start, end):
        if not terms:
            skip = piece.skip
        terms.append((piece.stored, piece.inflated))
        by_xorb.setdefault(piece.xorb, []).append(piece.stored)
    return Reconstruction(skip, terms, {name: _merged(runs) for name, runs in by_xorb.items()})


def _merged(runs: list[StoredRange]) -> list[StoredRange]:
    merged: list[StoredRange] = []
    for run in sorted(runs, key=lambda r: r.first_chunk):
        if merged and run.first_chunk <= merged[-1].end_chunk:
            if run.end_chunk > merged[-1].end_chunk:
                merged[-1] = merged[-1]._replace(end_chunk=run.end_chunk, end=run.end)
        else:
            merged.append(run)
    return merged
