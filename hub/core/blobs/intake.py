"""Taking content in: through a scratch file, checked, into the store."""

import hashlib
from collections.abc import Callable, Iterable
from typing import BinaryIO

from hub.core.blobs import lfs_key, store
from hub.core.blobs.contract import PIECE
from hub.core.blobs.scratch import require_room, room_for_bytes, scratch_file
from hub.core.errors import Invalid, TooLarge


def store_stream(stream: BinaryIO, *, length: int, limit: int, sha256: str = "") -> tuple[str, int]:
    """Read `length` bytes of `stream` into the store as an LFS object; return (sha256, size).

    Raises TooLarge above `limit`, Invalid when the stream ends early or its hash is not `sha256`, StorageFull, StoreAway.
    Memory: one copy buffer.
    """
    if length > limit:
        raise TooLarge(f"This file has {length} bytes; the hub takes files of up to {limit} bytes.")
    require_room(length)
    digest = hashlib.sha256()
    with scratch_file() as handle:
        left = length
        while left:
            piece = stream.read(min(PIECE, left))
            if not piece:
                raise Invalid(f"The upload ended {left} bytes early, so nothing was stored. Send the file again.")
            digest.update(piece)
            with room_for_bytes():
                handle.write(piece)
            left -= len(piece)
        found = digest.hexdigest()
        if sha256 and found != sha256:
            raise Invalid(f"The bytes have sha256 {found}, not {sha256}; nothing was stored. Send the file again.")
        store().put(handle, lfs_key(found))
    return found, length


def must_hash_to(sha256: str) -> Callable[[Iterable[bytes]], None]:
    """Return the check of joined parts against their sha256. It raises Invalid."""

    def check(pieces: Iterable[bytes]) -> None:
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
        if digest.hexdigest() != sha256:
            raise Invalid(
                f"The parts together have sha256 {digest.hexdigest()}, not {sha256}; nothing was stored. "
                "Send the file again."
            )

    return check
