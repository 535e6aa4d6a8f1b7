"""What callers send, as it is read."""

from contextlib import suppress
from typing import Protocol

_PIECE = 256 * 1024  # bytes


class Reader(Protocol):
    """What a request body and a file have in common."""

    def read(self, size: int, /) -> bytes: ...


def drain(body: Reader, most: int) -> None:
    """Read what a caller goes on sending, and drop it, up to `most` bytes: most of them read an answer only after they have
    sent all. Who hangs up meanwhile wants no answer."""
    with suppress(EOFError, OSError):
        while most > 0 and (piece := body.read(min(most, _PIECE))):
            most -= len(piece)
