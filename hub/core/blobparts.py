"""Large content that arrives in parts: each lies in the staging area until all are there, then they become one blob.

The parts of one upload share a folder, `staging/parts-{upload}`, and are named by their number and sha256. The folder's time is
that of the newest part; `blobstore.sweep_staging` drops those that nobody goes on with.
"""

import hashlib
import os
import secrets
import shutil
from pathlib import Path
from typing import BinaryIO

from hub.core import blobstore
from hub.core.errors import Conflict, Invalid, Unavailable


def store_part(upload: int, number: int, stream: BinaryIO, *, length: int) -> str:
    """Keep exactly `length` bytes of `stream` as part `number` of an upload; return their sha256, by which it is called later.

    A part that is sent again takes the place of the earlier one. Raises Invalid where there are fewer bytes or more,
    StorageFull. Memory: one copy buffer.
    """
    blobstore.require_room(length)
    digest = hashlib.sha256()
    with blobstore.staging_file() as handle:
        left = length
        while left and (piece := stream.read(min(blobstore.COPY_BYTES, left))):
            digest.update(piece)
            with blobstore.room_for_bytes():
                handle.write(piece)
            left -= len(piece)
        if left or stream.read(1):
            raise Invalid(f"Part {number} has {length} bytes, no more and no less. Send it again.")
        folder = _folder(upload)
        with blobstore.room_for_bytes():
            handle.flush()
            folder.mkdir(exist_ok=True)
        for earlier in folder.glob(f"{number}-*"):
            earlier.unlink(missing_ok=True)
        # Whoever puts the parts together moves the folder away first, so nothing changes under them.
        try:
            Path(handle.name).rename(folder / f"{number}-{digest.hexdigest()}")
        except FileNotFoundError as error:
            raise Conflict("This upload has just been completed. Ask for a new one.") from error
    return digest.hexdigest()


def join_parts(upload: int, parts: list[str], *, sha256: str) -> None:
    """Make one blob of the parts with these sha256s, in order, if the whole has `sha256`. The parts are gone afterwards.

    Raises Invalid for another hash, Conflict where a part is missing, Unavailable while somebody else joins them, StorageFull.
    The disk holds little more than the content: parts go while they are copied.
    """
    if not parts:
        (blobstore.staging_folder() / f"parts-{upload}").mkdir(exist_ok=True)
    _require_parts(upload, parts)
    taken = _folder(upload).with_name(f"joining-{upload}-{secrets.token_hex(4)}")
    try:
        _folder(upload).rename(taken)
    except FileNotFoundError as error:
        raise _in_progress() from error
    try:
        with blobstore.staging_file() as handle:
            digest = hashlib.sha256()
            for number, part in enumerate(parts, start=1):
                path = taken / f"{number}-{part}"
                with path.open("rb") as source:
                    while piece := source.read(blobstore.COPY_BYTES):
                        digest.update(piece)
                        with blobstore.room_for_bytes():
                            handle.write(piece)
                path.unlink()
                # So that a long copy does not pass for one that nobody goes on with.
                os.utime(taken)
            if digest.hexdigest() != sha256:
                raise Invalid(
                    f"The parts together have sha256 {digest.hexdigest()}, not {sha256}; nothing was stored. "
                    "Send the file again."
                )
            blobstore.publish(handle, blobstore.lfs_key(sha256))
    finally:
        shutil.rmtree(taken, ignore_errors=True)


def drop_parts(upload: int) -> None:
    """Throw away the parts of an upload."""
    shutil.rmtree(_folder(upload), ignore_errors=True)


def _require_parts(upload: int, parts: list[str]) -> None:
    folder = _folder(upload)
    if not folder.is_dir() and any(folder.parent.glob(f"joining-{upload}-*")):
        raise _in_progress()
    for number, part in enumerate(parts, start=1):
        if not (folder / f"{number}-{part}").is_file():
            raise Conflict(f"Part {number} has not arrived as it is named here. Send it again.")


def _in_progress() -> Unavailable:
    return Unavailable("The parts of this upload are being put together. Ask again in a few seconds.", retry_after=5)


def _folder(upload: int) -> Path:
    return blobstore.staging_folder() / f"parts-{upload}"
