"""Where large content lies: immutable, content-addressed files below the data folder.

Keys are `lfs/aa/bb/<sha256>` and `xorbs/aa/bb/<hash>`. A blob is written below `staging/`, flushed to disk and moved into
place in one step, so that a name that exists always means whole bytes.
"""

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from django.conf import settings

from hub.core.errors import Invalid, StorageFull, TooLarge

COPY_BYTES = 1024 * 1024
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def lfs_key(sha256: str) -> str:
    return f"lfs/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def xorb_key(xorb_hash: str) -> str:
    return f"xorbs/{xorb_hash[:2]}/{xorb_hash[2:4]}/{xorb_hash}"


def _root() -> Path:
    return Path(settings.DATA_DIR) / "blobs"


def staging_folder() -> Path:
    """Return the folder, made if need be, of what is not whole yet."""
    folder = _root() / "staging"
    with room_for_bytes():
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _path(key: str) -> Path:
    return _root() / key


@contextmanager
def room_for_bytes() -> Iterator[None]:
    """Turn the operating system's 'no space' into StorageFull, which says so to whoever is uploading."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull(
                "The hub's storage is full, so nothing was stored. Ask its operator to make room, then try again."
            ) from error
        raise


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
def staging_file() -> Iterator[IO[bytes]]:
    """Open a scratch file in the store; it is gone at the end unless `publish` has moved it into place."""
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


def publish(handle: IO[bytes], key: str) -> None:
    """Make the staged bytes durable under `key`. A second copy of the same content is dropped, not overwritten."""
    target = _path(key)
    with room_for_bytes():
        handle.flush()
        os.fsync(handle.fileno())
        _make_folder(target.parent)
        # A name that is there already may be another writer's, not yet flushed; so the folder is flushed either way.
        with suppress(FileExistsError):
            target.hardlink_to(handle.name)
        _flush_folder(target.parent)


def _make_folder(folder: Path) -> None:
    """Make a folder whose own name survives a power cut, too."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def store_stream(stream: BinaryIO, *, length: int, limit: int, sha256: str = "") -> tuple[str, int]:
    """Read `length` bytes of `stream` into the store as an LFS object; return (sha256, size).

    Raises TooLarge above `limit`, Invalid when the stream ends early or its hash is not `sha256`, StorageFull.
    Memory: one copy buffer.
    """
    if length > limit:
        raise TooLarge(f"This file has {length} bytes; the hub takes files of up to {limit} bytes.")
    require_room(length)
    digest = hashlib.sha256()
    with staging_file() as handle:
        left = length
        while left:
            piece = stream.read(min(COPY_BYTES, left))
            if not piece:
                raise Invalid(f"The upload ended {left} bytes early, so nothing was stored. Send the file again.")
            digest.update(piece)
            with room_for_bytes():
                handle.write(piece)
            left -= len(piece)
        found = digest.hexdigest()
        if sha256 and found != sha256:
            raise Invalid(f"The bytes have sha256 {found}, not {sha256}; nothing was stored. Send the file again.")
        publish(handle, lfs_key(found))
    return found, length


def exists(key: str) -> bool:
    return _path(key).is_file()


def size(key: str) -> int:
    return _path(key).stat().st_size


def open_blob(key: str) -> BinaryIO:
    """Open the blob for reading. Raises FileNotFoundError; gunicorn sends such a file by sendfile."""
    return _path(key).open("rb")


def sweep_staging(*, older_than: float) -> int:
    """Delete what uploads left behind, and parts that nobody has added to, more than `older_than` seconds ago.

    Returns how many files and folders.
    """
    swept = 0
    for path in (_root() / "staging").glob("*"):
        try:
            if time.time() - path.stat().st_mtime > older_than:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
                swept += 1
        except FileNotFoundError:
            continue
    return swept


def free_bytes() -> int:
    return shutil.disk_usage(_root() if _root().exists() else Path(settings.DATA_DIR)).free
