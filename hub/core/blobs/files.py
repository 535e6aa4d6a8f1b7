"""The blob store of a hub on one machine: files below `blobs/` in the data folder.

Content is written as a scratch file on the same disk, flushed, and linked under its key in one step. The parts of an upload
share a folder, `staging/parts-{upload}`, and are named by their number and sha256; the folder's time is that of the newest.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from hub.core.blobs import scratch
from hub.core.blobs.contract import PIECE, BlobMissing, BlobStore, Check, Part, Stored, UploadIsOver
from hub.core.blobs.intake import copied_part
from hub.core.errors import Conflict, Unavailable

_PART = re.compile(r"(\d+)-([0-9a-f]{64})", re.ASCII)


class FileStore(BlobStore):
    """Files named by their keys."""

    is_direct = False
    is_far = False

    def put(self, handle: IO[bytes], key: str) -> None:
        target = _path(key)
        scratch.flush(handle)
        with scratch.room_for_bytes():
            _make_folder(target.parent)
            # Over what is there already, too: that may be another writer's, not yet flushed, or damaged meanwhile.
            link = Path(f"{handle.name}.link")
            try:
                link.hardlink_to(handle.name)
                link.replace(target)
            finally:
                link.unlink(missing_ok=True)
            scratch.flush_folder(target.parent)

    def stat(self, key: str) -> Stored | None:
        try:
            found = _path(key).stat()
        except FileNotFoundError:
            return None
        return Stored(key, found.st_size, found.st_mtime)

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return _pieces(self.open_file(key), start, end)

    def open_file(self, key: str) -> BinaryIO:
        try:
            return _path(key).open("rb")
        except FileNotFoundError as error:
            raise BlobMissing(key) from error

    def delete(self, key: str) -> None:
        _path(key).unlink(missing_ok=True)

    def walk(self, prefix: str, after: str = "") -> Iterator[Stored]:
        root = scratch.blobs_folder()
        top, _slash, _rest = prefix.partition("/")
        for folder, folders, names in os.walk(root / top):
            # Only what can still hold such a key is looked into.
            inside = {name: f"{(Path(folder) / name).relative_to(root)}/" for name in folders}
            folders[:] = sorted(
                name
                for name, path in inside.items()
                if (path.startswith(prefix) or prefix.startswith(path)) and (path > after or after.startswith(path))
            )
            for name in sorted(names):
                key = str((Path(folder) / name).relative_to(root))
                if key.startswith(prefix) and key > after and (found := self.stat(key)):
                    yield found

    # --- parts ------------------------------------------------------------------------------------------------------

    def begin_parts(self) -> str:
        upload = secrets.token_hex(16)
        with scratch.room_for_bytes():
            _folder(upload).mkdir()
        return upload

    def put_part(self, upload: str, number: int, stream: BinaryIO, *, length: int) -> str:
        scratch.require_room(length)
        digest = hashlib.sha256()
        with scratch.scratch_file() as handle:
            for piece in copied_part(stream, handle, number, length=length):
                digest.update(piece)
            with scratch.room_for_bytes():
                handle.flush()
            folder = _folder(upload)
            for earlier in folder.glob(f"{number}-*"):
                earlier.unlink(missing_ok=True)
            # Whoever puts the parts together moves the folder away first, so nothing changes under them.
            try:
                Path(handle.name).rename(folder / f"{number}-{digest.hexdigest()}")
            except FileNotFoundError as error:
                raise UploadIsOver from error
        return digest.hexdigest()

    def is_open(self, upload: str) -> bool:
        return _folder(upload).is_dir() or _is_being_joined(upload)

    def parts(self, upload: str) -> list[Part]:
        found = []
        for path in _folder(upload).glob("*-*"):
            if match := _PART.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    found.append(Part(int(match[1]), path.stat().st_size, match[2]))
        return sorted(found)

    def join_parts(self, upload: str, tags: list[str], key: str, check: Check) -> None:
        """The disk holds little more than the content: parts go while they are copied, so what dies in the middle is over."""
        self._require_parts(upload, tags)
        taken = _folder(upload).with_name(f"joining-{upload}-{secrets.token_hex(4)}")
        with ExitStack() as stack:
            try:
                # Locked before it has the name by which others know that somebody joins it.
                stack.enter_context(_locked(_folder(upload)))
                _folder(upload).rename(taken)
            except (FileNotFoundError, BlockingIOError) as error:
                raise _in_progress() from error
            stack.callback(shutil.rmtree, taken, ignore_errors=True)
            handle = stack.enter_context(scratch.scratch_file())
            check(_copied(taken, tags, handle))
            self.put(handle, key)

    def drop_parts(self, upload: str) -> None:
        shutil.rmtree(_folder(upload), ignore_errors=True)

    def sweep_parts(self, *, older_than: float) -> int:
        swept = 0
        for path in (scratch.blobs_folder() / "staging").glob("*-*"):
            with suppress(FileNotFoundError):
                if path.is_dir() and time.time() - path.stat().st_mtime > older_than:
                    shutil.rmtree(path)
                    swept += 1
        return swept

    def _require_parts(self, upload: str, tags: list[str]) -> None:
        folder = _folder(upload)
        if not folder.is_dir():
            raise _in_progress() if _is_being_joined(upload) else UploadIsOver
        for number, tag in enumerate(tags, start=1):
            if not re.fullmatch("[0-9a-f]{64}", tag) or not (folder / f"{number}-{tag}").is_file():
                raise Conflict(f"Part {number} has not arrived as it is named here. Send it again.")

    # --- addresses, and how it is -----------------------------------------------------------------------------------

    def sign_get(self, key: str, **_options: object) -> None:
        return None

    def sign_part(self, upload: str, number: int, *, seconds: int, length: int | None = None) -> None:
        return None

    def free_bytes(self) -> int:
        return scratch.free_bytes()

    def prepare(self) -> None:
        scratch.staging_folder()

    def try_out(self) -> None:
        with scratch.scratch_file() as handle:
            handle.write(b"health")
            handle.flush()


def _path(key: str) -> Path:
    return scratch.blobs_folder() / key


def _folder(upload: str) -> Path:
    return scratch.staging_folder() / f"parts-{upload}"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder for the length of the block; the lock goes with the process. Raises BlockingIOError where another does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _is_being_joined(upload: str) -> bool:
    for folder in scratch.staging_folder().glob(f"joining-{upload}-*"):
        try:
            with _locked(folder):
                # Whoever had it is dead.
                shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            continue
    return False


def _in_progress() -> Unavailable:
    return Unavailable("The parts of this upload are being put together. Ask again in a few seconds.", retry_after=5)


def _pieces(handle: BinaryIO, start: int, end: int | None) -> Iterator[bytes]:
    with handle:
        handle.seek(start)
        while end is None or start < end:
            piece = handle.read(PIECE if end is None else min(PIECE, end - start))
            if not piece:
                return
            start += len(piece)
            yield piece


def _copied(folder: Path, tags: list[str], target: IO[bytes]) -> Iterator[bytes]:
    """Yield the parts' bytes, each piece copied to `target` before."""
    for number, tag in enumerate(tags, start=1):
        path = folder / f"{number}-{tag}"
        with path.open("rb") as source:
            yield from scratch.copied(source, target, path.stat().st_size)
        path.unlink()
        # So that a long copy does not pass for one that nobody goes on with.
        os.utime(folder)


def _make_folder(folder: Path) -> None:
    """Make a folder whose own name survives a power cut, too."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        scratch.flush_folder(folder.parent)
