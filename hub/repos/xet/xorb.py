"""A xorb: up to 64 MiB of chunks, back to back, named by the merkle root of its chunks.

``scan`` is the only way in for bytes from outside. It reads a stream once, in bounded memory, and
checks everything that the name promises. Source: the Xet specification, "xorb format".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.core.bodies import Reader
from hub.repos.xet import chunks
from hub.repos.xet.errors import FormatError, TruncatedError
from hub.repos.xet.hashing import chunk_hash, merkle_root

MAX_RAW = 64 * 1024 * 1024
MAX_CHUNKS = 8192
# What the specification allows to stand around the raw data: chunk headers, LZ4 frames that did
# not shrink their chunk, and the optional footer.
MAX_BODY = MAX_RAW + MAX_CHUNKS * 512 + 1024 * 1024

FOOTER_MAGIC = b"XETBLOB"
_READ_SIZE = 512 * 1024


class PiecesReader:
    """Pieces of content as a Reader. It may give fewer bytes than are asked for; none only at the end."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._kept = b""

    def read(self, size: int, /) -> bytes:
        self._kept = self._kept or next(self._pieces, b"")
        taken, self._kept = self._kept[:size], self._kept[size:]
        return taken


@dataclass(frozen=True, slots=True)
class XorbLayout:
    """Where the chunks of a xorb are. All three have one entry per chunk.

    ``hashes``: n raw hashes, concatenated. ``raw_ends``: offset after each chunk in the inflated
    xorb (u32). ``ends``: offset after each chunk in the stored bytes, headers included (u32).
    """

    hashes: bytes
    raw_ends: NDArray[np.uint32]
    ends: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def raw_size(self) -> int:
        """Bytes of all chunks, inflated."""
        return int(self.raw_ends[-1])

    @property
    def stored_size(self) -> int:
        """Bytes of all chunks as they are stored."""
        return int(self.ends[-1])

    @property
    def raw_lengths(self) -> NDArray[np.uint32]:
        """Inflated bytes of each chunk."""
        return np.diff(self.raw_ends, prepend=np.uint32(0))

    def stored_range(self, start: int, end: int) -> tuple[int, int]:
        """Stored bytes of the chunks ``start`` to ``end`` (exclusive), as an end-exclusive range."""
        return (int(self.ends[start - 1]) if start else 0), int(self.ends[end - 1])

    def raw_range(self, start: int, end: int) -> tuple[int, int]:
        """Inflated bytes of the chunks ``start`` to ``end`` (exclusive), as an end-exclusive range."""
        return (int(self.raw_ends[start - 1]) if start else 0), int(self.raw_ends[end - 1])

    def hashes_of(self, start: int, end: int) -> bytes:
        """Raw hashes of the chunks ``start`` to ``end`` (exclusive), concatenated."""
        return self.hashes[32 * start : 32 * end]


class _Window:
    """Reads a stream of known length in large blocks and hands out small pieces without copying."""

    def __init__(self, stream: Reader, length: int) -> None:
        self._stream = stream
        self.left_in_stream = length
        self._block = memoryview(b"")
        self._at = 0

    def peek(self, size: int) -> memoryview:
        """Return the next ``size`` bytes, or fewer at the end of the stream."""
        missing = size - (len(self._block) - self._at)
        if missing > 0 and self.left_in_stream:
            pieces = [bytes(self._block[self._at :])]
            while missing > 0 and self.left_in_stream:
                piece = self._stream.read(min(_READ_SIZE, self.left_in_stream))
                if not piece:
                    raise TruncatedError("The upload ended before its announced length. Send it again.")
                pieces.append(piece)
                self.left_in_stream -= len(piece)
                missing -= len(piece)
            self._block = memoryview(b"".join(pieces))
            self._at = 0
        return self._block[self._at : self._at + size]

    def skip(self, size: int) -> None:
        self._at += size


def scan(stream: Reader, length: int, *, sink: Callable[[memoryview], object] | None = None) -> XorbLayout:
    """Walk the ``length`` bytes of a serialized xorb and return its layout.

    Every chunk is decoded and hashed; ``sink`` receives each chunk as stored (header and payload),
    in order, without the optional footer. Memory stays below about 2 MiB whatever the size.
    ``FormatError`` on any broken rule; bytes that went to ``sink`` by then must be thrown away.
    LZ4, BLAKE3 and numpy leave the interpreter to other threads while they work, so that requests of the same process go on:
    processes of their own for this were measured, and were no faster, nor did others wait less.
    """
    if not 0 < length <= MAX_BODY:
        raise FormatError(f"A xorb has 1 to {MAX_BODY} bytes, not {length}.")
    window = _Window(stream, length)
    hashes = bytearray()
    raw_ends: list[int] = []
    ends: list[int] = []
    offset = raw_size = 0
    while head := window.peek(chunks.HEADER_SIZE):
        if head[:7] == FOOTER_MAGIC:
            _check_footer(window, length - offset)
            break
        if len(head) < chunks.HEADER_SIZE:
            raise TruncatedError("The xorb ends inside a chunk header.")
        header = chunks.parse_header(head)
        size = chunks.HEADER_SIZE + header.compressed
        stored = window.peek(size)
        if len(stored) < size:
            raise TruncatedError("The xorb ends inside a chunk.")
        raw_size += header.raw
        if len(ends) == MAX_CHUNKS or raw_size > MAX_RAW:
            raise FormatError(f"A xorb holds at most {MAX_CHUNKS} chunks and {MAX_RAW} bytes.")
        hashes += chunk_hash(chunks.decode(header, stored[chunks.HEADER_SIZE :]))
        if sink is not None:
            sink(stored)
        offset += size
        raw_ends.append(raw_size)
        ends.append(offset)
        window.skip(size)
    if not ends:
        raise FormatError("The xorb holds no chunks.")
    return XorbLayout(
        hashes=bytes(hashes),
        raw_ends=np.array(raw_ends, dtype="<u4"),
        ends=np.array(ends, dtype="<u4"),
    )


def name_of(layout: XorbLayout) -> bytes:
    """The raw hash that a xorb with this layout must be stored under."""
    return merkle_root(layout.hashes, layout.raw_lengths.tolist())


def _check_footer(window: _Window, size: int) -> None:
    """Read a footer to its end. Nothing in it is used: the scan has derived all of it."""
    left = size
    tail = b""
    while left:
        piece = window.peek(min(left, _READ_SIZE))
        if not piece:
            raise TruncatedError("The xorb ends inside its footer.")
        left -= len(piece)
        tail = (tail + bytes(piece[-4:]))[-4:]
        window.skip(len(piece))
    if int.from_bytes(tail, "little") != size - 4:
        raise FormatError("The footer of the xorb does not have the length that it announces.")
