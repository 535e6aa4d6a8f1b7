"""Signs of life of processes that have no address: GROVE_ALIVE_FILE is touched by whoever is well."""

import os
from pathlib import Path

from workers.contracts import ALIVE_FILE


def note_alive() -> None:
    """Leave a sign of life, where one is asked for."""
    if path := os.environ.get(ALIVE_FILE):
        Path(path).touch()
