"""Whether a file's content is what its key stands for."""

from pathlib import Path

from hub.repos.storage.generations import sha256_of
from hub.repos.xet.errors import FormatError
from hub.repos.xet.hashing import to_hex
from hub.repos.xet.xorb import name_of, scan


def has_its_name(key: str, path: Path) -> bool:
    """Read a file, and tell whether it is the content of a key of the store. Memory: a few megabytes."""
    name = key.rsplit("/", 1)[-1]
    if key.startswith("lfs/"):
        return sha256_of(path) == name
    with path.open("rb") as handle:
        try:
            return to_hex(name_of(scan(handle, path.stat().st_size))) == name
        except FormatError:
            return False
