"""Secrets: those that a data folder keeps, made on first use, the same for every process; and those that an operator keeps
in files."""

import re
import secrets
from collections.abc import Callable
from pathlib import Path

from hub.embedded.errors import Exit, StartError


def kept_secret(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(48)) -> str:
    """Return the secret in that file, which only its owner can read; a fresh one of `make` where there is no file."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            # A hard link fails where the name exists, so two processes that start together agree on one secret.
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text()


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
