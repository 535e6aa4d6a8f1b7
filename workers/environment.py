"""What a worker is told by its environment."""

import os
from pathlib import Path

from workers.contracts import ALIVE_FILE


def setting(name: str, default: str = "") -> str:
    """Return a variable; where there is one with _FILE behind its name, the content of the file that it names.

    Raises OSError where that cannot be read.
    """
    if path := os.environ.get(f"{name}_FILE"):
        # Who wrote it with an editor left a newline, which belongs to no value.
        return Path(path).read_text().rstrip("\n")
    return os.environ.get(name, default)


def note_alive() -> None:
    """Leave a sign of life, where one is asked for."""
    if path := os.environ.get(ALIVE_FILE):
        Path(path).touch()
