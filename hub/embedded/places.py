"""Where the carried engines of a data folder live, and how to reach them. Changes nothing but that it makes the password
of the queue where there is none."""

import hashlib
import os
import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from hub.kept_secrets import kept_secret

# Root's engines run under an account of their own, which may be unable to reach the data folder.
ROOT_BASE = Path("/var/lib/grove")
DATABASE = "grove"
POSTGRES_PORT = 5432  # Only the suffix of the socket's name: nothing listens on TCP.
# A socket's path has at most 107 bytes on Linux and 103 on macOS.
SOCKET_PATH_BYTES = 103
# Signs that stand for themselves in a connection string, a URL and a configuration file.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


@dataclass(frozen=True)
class Engines:
    """How to reach the engines of one data folder (`data`). `home` holds their files, `sockets` their sockets."""

    data: Path
    home: Path
    sockets: Path

    @property
    def database(self) -> dict[str, str | int]:
        """The connection keys of a Django `DATABASES` entry: NAME, USER, HOST (the socket folder) and PORT."""
        return {
            "NAME": DATABASE,
            "USER": DATABASE,
            "HOST": str(self.sockets),
            "PORT": POSTGRES_PORT,
        }

    @property
    def postgres_data(self) -> Path:
        return self.home / "postgres"

    @property
    def valkey_data(self) -> Path:
        return self.home / "valkey"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def queue_password(self) -> str:
        """The hub's own. The workers have another user on the same socket, who must not become the hub by saying nothing."""
        return kept_secret(self.data / "queue_password")

    def redis_url(self, db: int, login: str = "") -> str:
        """The URL of one numbered database, for redis-py and for Django's cache. login: `user:password`, the hub's own
        where it is left out."""
        return f"unix://{login or self._login}@{self.valkey_socket}?db={db}"

    def broker_url(self, db: int, login: str = "") -> str:
        """The same database for Celery, whose transport spells a socket's URL in its own way."""
        return f"redis+socket://{login or self._login}@{self.valkey_socket}?virtual_host={db}"

    @property
    def _login(self) -> str:
        return f"default:{self.queue_password}"


def engines_of(data: Path) -> Engines:
    """The engines that belong to the folder `data`, running or not: the same answer in every process of one user."""
    data = data.resolve()
    key = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    link = data / "engines"
    if os.geteuid() == 0:
        # The link is made at the first start; it keeps the engines when the data folder is moved.
        home = link.resolve() if link.is_symlink() else _unused_home(key)
        return Engines(data=data, home=home, sockets=home / "run")
    sockets = link / "run"
    longest = os.fsencode(sockets / f".s.PGSQL.{POSTGRES_PORT}")
    if len(longest) > SOCKET_PATH_BYTES or not PLAIN_PATH.fullmatch(str(sockets)):
        # Whoever opens this folder checks that it is its user's own.
        sockets = Path(f"/tmp/grove-{os.geteuid()}-{key}")  # noqa: S108
    return Engines(data=data, home=link, sockets=sockets)


def _unused_home(key: str) -> Path:
    """A folder for new engines. One that is there holds the database of a data folder that was deleted, which must not
    come to life again under a hub that has none of its blobs."""
    homes = (ROOT_BASE / (key if number == 1 else f"{key}-{number}") for number in count(1))
    return next(home for home in homes if not home.exists())
