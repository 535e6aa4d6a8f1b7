"""From a file's terms to stored bytes and back to the file. Everything that leaves is checked first."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hub.core.blobs import BlobMissing, store, xorb_key
from hub.core.blobs.ahead import Range, read_ahead
from hub.core.database import give_back_connection
from hub.repos.models import XetFile, Xorb
from hub.repos.models.keeping import mark_damaged
from hub.repos.xet import chunks
from hub.repos.xet.errors import DAMAGED, DamagedContentError, FormatError, RangeNotSatisfiable
from hub.repos.xet.hashing import chunk_hash
from hub.repos.xet.layouts import Layouts
from hub.repos.xet.tokens import StoredRange
from hub.repos.xet.xorb import XorbLayout

log = logging.getLogger(__name__)

# One read from disk, and one piece of an answer: about this many stored bytes; of a store behind a network, one read is more.
_BLOCK = 512 * 1024
_FAR_READ = 4 * 1024 * 1024

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
    """Yield the bytes `start` to `end` (exclusive) of the file with these terms, in pieces of about 1 MB.

    Memory: below about 25 MB, most of it layouts, and what `read_ahead` holds. Raises DamagedContentError rather than yield a
    byte that is not what was stored.
    """
    for block in _blocks(_given_back(pieces(terms, start, end))):
        first = block.piece.skip - block.offset
        yield block.inflated[max(first, 0) : first + block.piece.length]


def _given_back(found: Iterator[Piece]) -> Iterator[Piece]:
    """Pass pieces on. Whoever reads slowly holds a thread, not the connection that found the layout."""
    for piece in found:
        give_back_connection()
        yield piece


def open_file(file: XetFile, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the bytes `start` to `end` (exclusive, default: all) of a file, as `open_terms` does."""
    return open_terms(file.terms, start, file.size if end is None else min(end, file.size))


def open_stored(wanted: StoredRange) -> Iterator[bytes]:
    """Yield stored bytes of a xorb, after each chunk in them has been checked. Raises DamagedContentError.

    Clients do not check chunk hashes themselves, so a damaged byte has to be caught here.
    """
    layout = Layouts()[wanted.xorb]
    whole = Piece(wanted.xorb, layout, wanted.first_chunk, wanted.end_chunk, 0, 0)
    for block in _blocks([whole]):
        yield block.stored


class _Block(NamedTuple):
    """A run of whole chunks as it is stored and inflated; ``offset`` of the latter in the inflated piece."""

    piece: Piece
    stored: bytes
    inflated: bytes
    offset: int


def _blocks(wanted: Iterable[Piece]) -> Iterator[_Block]:
    """Yield the checked blocks of pieces, in order. Raises DamagedContentError."""
    size = _FAR_READ if store().is_far else _BLOCK
    runs: deque[tuple[Piece, int, int]] = deque()

    def ranges() -> Iterator[Range]:
        for piece in wanted:
            for run in _cut(piece.layout, piece.first_chunk, piece.end_chunk, size):
                runs.append((piece, *run))
                yield Range(xorb_key(piece.xorb), *piece.layout.stored_range(*run))

    with closing(read_ahead(ranges())) as reading:
        while True:
            try:
                stored = next(reading, None)
            except BlobMissing as error:
                raise _damaged(runs[0][0].xorb, error) from error
            if stored is None:
                return
            piece, first, end = runs.popleft()
            layout = piece.layout
            origin, raw_origin = layout.stored_range(first, end)[0], layout.raw_range(piece.first_chunk, end)[0]
            for low, high in _cut(layout, first, end, _BLOCK):
                start, stop = layout.stored_range(low, high)
                block = stored[start - origin : stop - origin]
                try:
                    inflated = _inflate(block, layout, low, high)
                except FormatError as error:
                    raise _damaged(piece.xorb, error) from error
                yield _Block(piece, block, inflated, layout.raw_range(low, high)[0] - raw_origin)


def _damaged(xorb: str, error: Exception) -> DamagedContentError:
    mark_damaged(Xorb.objects.filter(pk=xorb))
    log.error("xorb %s is damaged: %s", xorb, error)
    return DamagedContentError(DAMAGED)


def _cut(layout: XorbLayout, first: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut the chunks `first` to `end` (exclusive) into runs of at most `size` stored bytes, or of one chunk."""
    while first < end:
        start = layout.stored_range(first, first + 1)[0]
        stop = int(np.searchsorted(layout.ends, start + size, side="right"))
        stop = min(max(stop, first + 1), end)
        yield first, stop
        first = stop


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
