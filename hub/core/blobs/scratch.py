"""Files on this machine's disk in which content lies until it is whole and checked."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from django.conf import settings

from hub.core.blobs.contract import PIECE
from hub.core.errors import StorageFull

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def blobs_folder() -> Path:
    return Path(settings.DATA_DIR) / "blobs"


def staging_folder() -> Path:
    """Return the folder, made if need be, of what is not whole yet."""
    folder = blobs_folder() / "staging"
    with room_for_bytes():
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def room_for_bytes() -> Iterator[None]:
    """Turn the operating system's 'no space' into StorageFull, which says so to whoever is uploading."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise storage_full() from error
        raise


def storage_full() -> StorageFull:
    """Return what to raise where there is no room for what was sent."""
    return StorageFull(
        "The hub's storage is full, so nothing was stored. Ask its operator to make room, then try again."
    )


def require_room(needed: int) -> None:
    """Refuse an upload of `needed` bytes that would leave less than KEEP_FREE_BYTES. Raises StorageFull.

    Asked before bytes are sent: some clients show nothing of a refusal that comes later, and try again for minutes. And asked
    again when they come: many may have been let send, and the database lives on the same disk.
    """
    spare = free_bytes() - settings.KEEP_FREE_BYTES
    if needed > spare:
        raise StorageFull(
            f"The hub's storage is full: it has room for {max(spare, 0)} bytes, and this takes {needed}. "
            "Nothing was stored. Ask its operator to make room, then try again."
        )


@contextmanager
def scratch_file() -> Iterator[IO[bytes]]:
    """Open a scratch file; it is gone at the end, unless a store has moved it into place."""
    folder = staging_folder()
    with room_for_bytes():
        handle = tempfile.NamedTemporaryFile(dir=folder, delete=False)  # noqa: SIM115 - closed below, after a rename
    try:
        yield handle
    finally:
        # On a full disk, closing fails once more over what is still buffered. It is thrown away anyway.
        with suppress(OSError):
            handle.close()
        Path(handle.name).unlink(missing_ok=True)


def copied(stream: BinaryIO, handle: IO[bytes], length: int) -> Iterator[bytes]:
    """Write the next `length` bytes of a stream, or as many as come, to a scratch file; yield each piece of them.

    Raises StorageFull. Memory: one piece.
    """
    left = length
    while left and (piece := stream.read(min(PIECE, left))):
        with room_for_bytes():
            handle.write(piece)
        left -= len(piece)
        yield piece


def flush(handle: IO[bytes]) -> None:
    """Have the file's bytes survive a power cut."""
    with room_for_bytes():
        handle.flush()
        os.fsync(handle.fileno())


def flush_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep_scratch(*, older_than: float) -> int:
    """Delete the scratch files that uploads left behind more than `older_than` seconds ago; return how many."""
    swept = 0
    for path in (blobs_folder() / "staging").glob("*"):
        try:
            if path.is_file() and time.time() - path.stat().st_mtime > older_than:
                path.unlink()
                swept += 1
        except FileNotFoundError:
            continue
    return swept


def free_bytes() -> int:
    """Return what the disk of the scratch files has room for."""
    folder = blobs_folder()
    return shutil.disk_usage(folder if folder.exists() else Path(settings.DATA_DIR)).free
