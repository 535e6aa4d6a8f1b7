"""Taking in the pack of a push: into a folder of its own, within bounds of bytes, objects, memory and time.

Nothing in it counts until all of it has been looked at. The folder goes with the request; what a killed process leaves behind
is deleted by the next push.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from hub.core.blobs.scratch import require_room, room_for_bytes
from hub.core.bodies import drain
from hub.repos.git.cache import tips_in
from hub.repos.git.errors import PackRefused, PackTooLarge
from hub.repos.git.program import Errors, GitFailed, feeding, kill, make_bare, running
from hub.repos.models.git import ObjectType

INDEX_SECONDS = 120  # of processing once all has arrived, and of computing time altogether
MAX_DELTA_DEPTH = 4095  # what git itself makes at most
MAX_TEXT_OBJECT = 1024 * 1024  # bytes of a commit or a tag
MAX_TREE = 32 * 1024 * 1024  # bytes of a tree
SETTLED_SECONDS = 60
_PIECE = 256 * 1024
_TYPES = {b"commit": ObjectType.COMMIT, b"tree": ObjectType.TREE, b"blob": ObjectType.BLOB, b"tag": ObjectType.TAG}
_NO_BASE = b"0" * 40
_HEADER = struct.Struct(">4sII")


@dataclass
class Quarantine:
    """A bare repository of its own that holds what was pushed, beside the cache of the repository that it is pushed to.

    objects: what was pushed, by id, with type and size.
    """

    folder: Path
    cache: Path = Path()
    objects: dict[str, tuple[ObjectType, int]] = field(default_factory=dict)

    @property
    def with_cache(self) -> dict[str, str]:
        """The environment in which git sees what the repository has, too."""
        return {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self.cache / "objects")}

    def receive(self, body: BinaryIO) -> None:
        """Read a pack to the end of `body`. Raises PackRefused, PackTooLarge, StorageFull. Memory: a piece, here."""
        header = _read(body, _HEADER.size)
        magic, version, count = _HEADER.unpack(header) if len(header) == _HEADER.size else (b"", 0, 0)
        if magic != b"PACK" or version not in (2, 3):
            drain(body, 2 * settings.MAX_PUSH_BYTES)
            raise PackRefused(_("What was sent is no pack. Push again; if it stays so, look at what lies between."))
        if count > settings.MAX_PUSH_OBJECTS:
            drain(body, 2 * settings.MAX_PUSH_BYTES)
            raise PackTooLarge(
                _("This push holds %(count)d objects; one push may hold %(max)d. Push the history in several steps.")
                % {"count": count, "max": settings.MAX_PUSH_OBJECTS}
            )
        require_room(0)
        self._index(header, body)
        self._measure()

    def _index(self, header: bytes, body: BinaryIO) -> None:
        limit = settings.MAX_PUSH_BYTES
        with running(
            self.folder,
            "index-pack",
            "--stdin",
            "--threads=1",
            f"--max-input-size={limit}",
            stdin=subprocess.PIPE,
            seconds=settings.GIT_SECONDS,
            cpu_seconds=INDEX_SECONDS,
            file_bytes=limit + 64 * 1024 * 1024,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            errors = Errors(process)
            received = _feed(process.stdin, header, body, limit)
            if received > limit:
                raise PackTooLarge(
                    _(
                        "This push has more than %(max)d MiB. Push the history in several steps, and keep large files in "
                        "git LFS."
                    )
                    % {"max": limit // 1024**2}
                )
            try:
                failed = process.wait(timeout=INDEX_SECONDS)
            except subprocess.TimeoutExpired:
                kill(process)
                failed = process.wait()
            if failed:
                raise PackRefused(
                    _("The pack cannot be taken in: %(reason)s. Nothing was stored.")
                    % {"reason": _reason(failed, errors)}
                )
        packs = list(self.folder.glob("objects/pack/*.pack"))
        if sum(path.stat().st_size for path in packs) != received:
            raise PackRefused(_("Something follows the pack that does not belong to it. Nothing was stored."))

    def _measure(self) -> None:
        """Learn what lies here, and refuse what is too large, before anything is read."""
        bases: dict[bytes, bytes] = {}
        total = 0
        for line in self._listed("%(objectname) %(objectsize) %(deltabase)"):
            oid, size, base = line.split(b" ")
            total += int(size)
            if base != _NO_BASE:
                bases[oid] = base
        if total > settings.MAX_PUSH_INFLATED:
            raise PackTooLarge(
                _(
                    "What this push holds has %(size)d MiB unpacked; one push may have %(max)d. Push it in several steps."
                )
                % {"size": total // 1024**2, "max": settings.MAX_PUSH_INFLATED // 1024**2}
            )
        if _longest_chain(bases) > MAX_DELTA_DEPTH:
            raise PackRefused(
                _("The pack has chains of more than %(max)d differences. Run “git repack -adf”, then push again.")
                % {"max": MAX_DELTA_DEPTH}
            )
        for line in self._listed("%(objectname) %(objecttype) %(objectsize)"):
            name, kind, size = line.split(b" ")
            self.objects[name.decode()] = _TYPES[kind], int(size)
            if kind != b"blob" and int(size) > (limit := MAX_TREE if kind == b"tree" else MAX_TEXT_OBJECT):
                raise PackTooLarge(
                    _("The %(kind)s %(oid)s has %(size)d bytes; it may have %(max)d.")
                    % {"kind": kind.decode(), "oid": name.decode()[:10], "size": int(size), "max": limit}
                )

    def _listed(self, format_: str) -> Iterator[bytes]:
        arguments = ("cat-file", "--batch-all-objects", "--unordered", f"--batch-check={format_}")
        with self._said(), feeding(self.folder, *arguments, seconds=INDEX_SECONDS, cpu_seconds=INDEX_SECONDS) as output:
            for line in output:
                yield line.rstrip(b"\n")

    def contents(self, wanted: set[str]) -> Iterator[tuple[str, ObjectType, bytes]]:
        """Yield those objects of the push, in the order of the pack. Memory: one object."""
        arguments = ("cat-file", "--batch-all-objects", "--unordered", "--batch")
        with self._said(), feeding(self.folder, *arguments, seconds=INDEX_SECONDS, cpu_seconds=INDEX_SECONDS) as output:
            yield from _objects_in(output, wanted)

    def new_objects(self, tips: Iterable[str]) -> set[str]:
        """Return those objects of the push that `tips` reach and the repository's refs do not.

        Raises PackRefused where something is missing that neither the push nor the repository's refs have.
        """
        lines = self._beyond(tips)
        with (
            self._said(),
            feeding(
                self.folder,
                "rev-list",
                "--objects",
                "--no-object-names",
                "--stdin",
                lines=lines,
                seconds=INDEX_SECONDS,
                cpu_seconds=INDEX_SECONDS,
                env=self.with_cache,
            ) as output,
        ):
            found = (line.strip().decode() for line in output)
            return {oid for oid in found if oid in self.objects}

    def paths_of(self, tips: Iterable[str], oids: set[str], limit: int = 5) -> list[str]:
        """Return the paths of up to `limit` of these objects, for a message."""
        lines = self._beyond(tips)
        paths: list[str] = []
        with (
            self._said(),
            feeding(
                self.folder, "rev-list", "--objects", "--stdin", lines=lines, seconds=INDEX_SECONDS, env=self.with_cache
            ) as output,
        ):
            for line in output:
                oid, _space, path = line.rstrip(b"\n").decode("utf-8", "replace").partition(" ")
                if oid in oids and len(paths) < limit:
                    paths.append(path[:200])
        return paths

    def _beyond(self, tips: Iterable[str]) -> list[bytes]:
        """Return what tells git to walk from `tips` to where the repository's refs begin."""
        return [*(f"{tip}\n".encode() for tip in tips), *(f"^{oid}\n".encode() for oid in tips_in(self.cache))]

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say in our words what git says of a pack that it cannot read."""
        try:
            yield
        except GitFailed as error:
            raise PackRefused(
                _("What was pushed is not complete: %(reason)s. Nothing was stored.") % {"reason": _plain(str(error))}
            ) from error


def read_from(cache: Path, oids: Iterable[str]) -> Iterator[tuple[str, ObjectType, bytes]]:
    """Yield these objects of a cache, which holds them. Memory: one object."""
    lines = [f"{oid}\n".encode() for oid in oids]
    with feeding(cache, "cat-file", "--batch", "--buffer", lines=lines) as output:
        yield from _objects_in(output)


def types_in(folder: Path, names: list[str], env: dict[str, str] | None = None) -> list[tuple[str, str]]:
    """Return (id, type) for each of the names (ids, or what git makes ids of); the type of what is not there is `missing`."""
    lines = [f"{name}\n".encode() for name in names]
    arguments = ("cat-file", "--batch-check=%(objectname) %(objecttype)", "--buffer")
    with feeding(folder, *arguments, lines=lines, env=env) as output:
        return [(oid, kind) for oid, _space, kind in (line.decode().rstrip("\n").rpartition(" ") for line in output)]


def _objects_in(output: IO[bytes], wanted: set[str] | None = None) -> Iterator[tuple[str, ObjectType, bytes]]:
    while header := output.readline():
        oid, kind, size = header.split()
        left = int(size)
        if wanted is None or oid.decode() in wanted:
            yield oid.decode(), _TYPES[kind], output.read(left)
        else:
            while left:
                left -= len(output.read(min(left, _PIECE))) or left
        output.read(1)


def _longest_chain(bases: dict[bytes, bytes]) -> int:
    """Return how many differences lie on top of each other. bases: an object -> the one that it is the difference to."""
    depth: dict[bytes, int] = {}
    for oid in bases:
        chain = []
        below = oid
        while below in bases and below not in depth:
            chain.append(below)
            below = bases[below]
        for number, each in enumerate(reversed(chain), depth.get(below, 0) + 1):
            depth[each] = number
    return max(depth.values(), default=0)


@contextmanager
def quarantine() -> Iterator[Quarantine]:
    """Hold a folder for one push. It is gone at the end, whatever has happened."""
    with scratch_repository() as folder:
        yield Quarantine(folder)


@contextmanager
def scratch_repository() -> Iterator[Path]:
    """Hold a new bare repository that is gone at the end of the block."""
    root = Path(settings.DATA_DIR) / "git-scratch"
    with room_for_bytes():
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        folder = Path(tempfile.mkdtemp(dir=root))
    try:
        # Whoever finds this lock open knows that the process is gone.
        with (folder / "in-use").open("ab") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
            with room_for_bytes():
                make_bare(folder)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Delete what killed processes left behind."""
    for folder in root.iterdir():
        # One that has only just been made may not be locked yet.
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < SETTLED_SECONDS:
                continue
        # Made here where the process was killed before it came to that.
        with suppress(OSError), (folder / "in-use").open("ab") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def _feed(pipe: IO[bytes], header: bytes, body: BinaryIO, limit: int) -> int:
    """Write header and body to a program, and read on where it has ended, so that the caller hears why. Return the bytes."""
    received = 0
    piece = header
    while piece:
        received += len(piece)
        if received > limit:
            drain(body, 2 * settings.MAX_PUSH_BYTES)
            break
        with suppress(BrokenPipeError):
            pipe.write(piece)
        piece = _read(body, _PIECE)
    with suppress(BrokenPipeError):
        pipe.close()
    return received


def _read(body: BinaryIO, size: int) -> bytes:
    try:
        return body.read(size)
    except (EOFError, OSError) as error:
        raise PackRefused(_("The push ended before all of it had come. Push again.")) from error


def _reason(status: int, errors: Errors) -> str:
    if status < 0:
        return _("it takes more time or memory than one push may")
    return _plain(errors.last())


def _plain(text: str) -> str:
    return text.removeprefix("fatal: ").removeprefix("error: ").replace(os.linesep, " ")
