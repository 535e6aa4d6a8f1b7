"""Secrets that an operator keeps in files."""

import re
from pathlib import Path

from hub.embedded.errors import Exit, StartError

# What the site and its workers are told, each of which may stand in a file that NAME_FILE names.
_FILES = re.compile(r"((?:GROVE|S3)_\w+|DATABASE_URL|REDIS_URL|EMAIL_URL|HOST|PORT)_FILE")
_NAMES = {"GROVE_ALIVE_FILE"}  # files themselves


def read_files(env: dict[str, str]) -> dict[str, str]:
    """Return the environment with the content of each file in place of its name. Raises StartError for one that cannot be
    read."""
    found = dict(env)
    for name, path in env.items():
        if name in _NAMES or not (named := _FILES.fullmatch(name)):
            continue
        try:
            found[named[1]] = Path(path).read_text().rstrip("\n")
        except OSError as error:
            raise StartError(Exit.USAGE, f"{name} is {path!r}, which cannot be read: {error.strerror}.") from error
        del found[name]
    return found
