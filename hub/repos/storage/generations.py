"""The folder of a backup: dumps of the database, each with a list of the content that it names, and the content itself.

2026-11-22T14-30-00Z/        one generation
    database.dump            of pg_dump, in its custom format
    content                  a line for each key that the dump names, in the order of keys: `<bytes> <key>`
    secrets/                 where they were asked for
    manifest.json            written last: without it, the generation is half a backup and none
lfs/aa/bb/<sha256>           content, shared by all generations
xorbs/aa/bb/<hash>
"""

import hashlib
import heapq
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hub.core.blobs.contract import PIECE
from hub.core.blobs.scratch import flush_folder
from hub.core.errors import Invalid
from hub.repos.xet.errors import FormatError
from hub.repos.xet.hashing import to_hex
from hub.repos.xet.xorb import name_of, scan

FORMAT = 1
DUMP, CONTENT, MANIFEST, SECRETS = "database.dump", "content", "manifest.json", "secrets"
PREFIXES = ("lfs", "xorbs")


class Entry(NamedTuple):
    """Content that a dump names. ``size``: bytes."""

    key: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """What stands in a backup about itself. Times are ISO 8601, sizes bytes."""

    hub_version: str
    begun_at: str
    finished_at: str
    postgres: int  # major version of the server
    dumped_by: int  # and of the program
    migrations: list[list[str]]
    dump_size: int
    dump_sha256: str
    content_sha256: str  # of the list
    counts: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)  # keys that the dump names and the store did not have
    secrets: bool = False
    format: int = FORMAT


@dataclass(frozen=True)
class Generation:
    """One backup of several in a folder."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def dump(self) -> Path:
        return self.folder / DUMP

    @property
    def is_whole(self) -> bool:
        return (self.folder / MANIFEST).is_file()

    def entries(self) -> Iterator[Entry]:
        """Yield what the dump names, in the order of keys."""
        with (self.folder / CONTENT).open() as lines:
            for line in lines:
                size, _space, key = line.rstrip("\n").partition(" ")
                yield Entry(key, int(size))

    def write_entries(self, entries: Iterable[Entry]) -> None:
        with (self.folder / CONTENT).open("w") as lines:
            lines.writelines(f"{entry.size} {entry.key}\n" for entry in entries)
            lines.flush()
            os.fsync(lines.fileno())

    def write_manifest(self, manifest: Manifest) -> None:
        draft = self.folder / f"{MANIFEST}.new"
        with draft.open("w") as out:
            json.dump(asdict(manifest), out, indent=2)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self.folder / MANIFEST)
        flush_folder(self.folder)

    def manifest(self) -> Manifest:
        """Raises Invalid where this is no whole backup that can be read here."""
        try:
            found: dict[str, Any] = json.loads((self.folder / MANIFEST).read_text())
        except FileNotFoundError:
            raise Invalid(f"{self.folder} is no whole backup: it has no manifest, which is written last.") from None
        except ValueError as error:
            raise Invalid(f"The manifest of {self.folder} is damaged: {error}") from error
        if found.get("format") != FORMAT:
            raise Invalid(
                f"{self.folder} has the format {found.get('format')}; this Grove reads {FORMAT}. Use a newer one."
            )
        try:
            return Manifest(**found)
        except TypeError as error:
            raise Invalid(f"The manifest of {self.folder} is damaged: {error}") from error


def generations(target: Path) -> list[Generation]:
    """Return all backups of a folder, whole ones and others, the oldest first."""
    found = [path for path in target.glob("????-??-??T??-??-??Z*") if path.is_dir()]
    return [Generation(path) for path in sorted(found)]


def drop_old(target: Path, keep: int) -> tuple[int, int]:
    """Delete all but the newest `keep` whole backups, and the content that none of them names.

    Returns how many backups and how many bytes went.
    """
    whole = [each for each in generations(target) if each.is_whole]
    kept = whole[-keep:]
    old = [each for each in generations(target) if each not in kept]
    for each in old:
        # From now on it is none, however far the rest comes.
        (each.folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(each.folder)
    return len(old), _drop_content(target, kept)


def _drop_content(target: Path, kept: list[Generation]) -> int:
    """Delete content that no list names. Lists and folders are read side by side: little memory, whatever there is."""
    named = heapq.merge(*(each.entries() for each in kept))
    wanted = next(named, None)
    freed = 0
    for key, path in walk(target):
        while wanted is not None and wanted.key < key:
            wanted = next(named, None)
        if wanted is None or wanted.key != key:
            freed += path.stat().st_size
            path.unlink()
            for folder in (path.parent, path.parent.parent):
                with suppress(OSError):
                    folder.rmdir()
    return freed


def walk(target: Path) -> Iterator[tuple[str, Path]]:
    """Yield (key, file) of all content in a backup's folder, in the order of keys."""
    for prefix in PREFIXES:
        for folder, folders, names in os.walk(target / prefix):
            folders.sort()
            for name in sorted(names):
                path = Path(folder) / name
                yield path.relative_to(target).as_posix(), path


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while piece := handle.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def has_its_name(key: str, path: Path) -> bool:
    """Read a file, and tell whether it is the content that a key of the store stands for. Memory: a few megabytes."""
    name = key.rsplit("/", 1)[-1]
    if key.startswith("lfs/"):
        return sha256_of(path) == name
    with path.open("rb") as handle:
        try:
            return to_hex(name_of(scan(handle, path.stat().st_size))) == name
        except FormatError:
            return False
