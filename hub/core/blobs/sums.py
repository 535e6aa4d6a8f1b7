"""Sums of the blocks of whole content: xxh3_64 of each BLOCK, 8 bytes little-endian, one behind the other.

They are made when content comes in, and compared with what is read before it leaves: bytes that a disk or a store has changed
are found, wherever a range begins, at the cost of reading at most one block too much at each end. They keep nobody from
changing bytes and sums together; that is what the sha256 is for.
"""

from collections.abc import Iterable, Iterator

from xxhash import xxh3_64, xxh3_64_intdigest

from hub.core.blobs.contract import PIECE

BLOCK = PIECE
SUM = 8  # bytes


class DamagedBlock(Exception):
    """What was read is not what was stored."""


class BlockSums:
    """Sums of content that passes in pieces of any size. Memory: 8 bytes for each block."""

    def __init__(self) -> None:
        self._sums = bytearray()
        self._begun = xxh3_64()
        self._room = BLOCK

    def update(self, piece: bytes) -> None:
        if len(piece) == BLOCK and self._room == BLOCK:
            self._sums += _sum(piece)
            return
        view = memoryview(piece)
        while view:
            part, view = view[: self._room], view[self._room :]
            self._begun.update(part)
            self._room -= len(part)
            if not self._room:
                self._end_block()

    def _end_block(self) -> None:
        self._sums += self._begun.intdigest().to_bytes(SUM, "little")
        self._begun.reset()
        self._room = BLOCK

    def finish(self) -> bytes:
        """Return the sums of all that has passed; nothing comes after it."""
        if self._room < BLOCK:
            self._end_block()
        return bytes(self._sums)


def compared(blocks: Iterable[bytes], sums: Iterable[bytes]) -> Iterator[bytes]:
    """Yield blocks as `in_blocks` gives them, each after its sum. Raises DamagedBlock where one has another, or is missing."""
    expected = iter(sums)
    for block in blocks:
        if next(expected, b"") != _sum(block):
            raise DamagedBlock("its bytes have changed")
        yield block
    if next(expected, None) is not None:
        raise DamagedBlock("it ends too early")


def in_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks: all of BLOCK bytes but the last."""
    kept: list[bytes] = []
    have = 0
    for piece in pieces:
        if not have and len(piece) == BLOCK:
            yield piece
            continue
        kept.append(piece)
        have += len(piece)
        while have >= BLOCK:
            joined = b"".join(kept)
            yield joined[:BLOCK]
            kept, have = [joined[BLOCK:]], have - BLOCK
    if have:
        yield b"".join(kept)


def _sum(block: bytes) -> bytes:
    return xxh3_64_intdigest(block).to_bytes(SUM, "little")
