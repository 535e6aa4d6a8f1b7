"""Taking content in: through a scratch file, checked, into the store. Its sums are made on the way."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, NamedTuple

from hub.core.blobs.scratch import copied, require_room, scratch_file
from hub.core.blobs.sums import BlockSums
from hub.core.errors import Invalid, TooLarge


class Received(NamedTuple):
    """Content in a scratch file. ``sums``: of its blocks, as `sums.BlockSums` has them."""

    handle: IO[bytes]
    sha256: str
    size: int  # bytes
    sums: bytes


@contextmanager
def received(stream: BinaryIO, *, length: int, limit: int, sha256: str = "") -> Iterator[Received]:
    """Read `length` bytes of `stream` into a scratch file, for the length of the block.

    Raises TooLarge above `limit`, Invalid when the stream ends early or its hash is not `sha256`, StorageFull.
    Memory: one copy buffer.
    """
    if length > limit:
        raise TooLarge(f"This file has {length} bytes; the hub takes files of up to {limit} bytes.")
    require_room(length)
    check = ContentCheck()
    with scratch_file() as handle:
        left = length
        for piece in copied(stream, handle, length):
            check.update(piece)
            left -= len(piece)
        if left:
            raise Invalid(f"The upload ended {left} bytes early, so nothing was stored. Send the file again.")
        found = check.sha256
        if sha256 and found != sha256:
            raise Invalid(f"The bytes have sha256 {found}, not {sha256}; nothing was stored. Send the file again.")
        yield Received(handle, found, length, check.sums())


def copied_part(stream: BinaryIO, handle: IO[bytes], number: int, *, length: int) -> Iterator[bytes]:
    """Write part `number` of an upload to a scratch file; yield its pieces.

    Raises Invalid unless it has exactly `length` bytes, StorageFull.
    """
    left = length
    for piece in copied(stream, handle, length):
        yield piece
        left -= len(piece)
    if left or stream.read(1):
        raise Invalid(f"Part {number} has {length} bytes, no more and no less. Send it again.")


class ContentCheck:
    """The sha256 and the block sums of content that passes. As the check of joined parts it raises Invalid where the whole has
    not the sha256 that it was made with."""

    def __init__(self, expected: str = "") -> None:
        self._expected = expected
        self._digest = hashlib.sha256()
        self._sums = BlockSums()

    def update(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._sums.update(piece)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def sums(self) -> bytes:
        """Return the sums of all that has passed; nothing comes after it."""
        return self._sums.finish()

    def __call__(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.update(piece)
        if self.sha256 != self._expected:
            raise Invalid(
                f"The bytes have sha256 {self.sha256}, not {self._expected}; nothing was stored. Send the file again."
            )
