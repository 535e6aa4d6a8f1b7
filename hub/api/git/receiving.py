"""The wire form of a push: what is advertised, the commands, the report (https://git-scm.com/docs/gitprotocol-pack)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import quote

from hub.core.errors import HubError, Invalid, TooLarge
from hub.repos.errors import RefProtected
from hub.repos.git.pushing import Command
from hub.repos.models import GitRef, Repository
from hub.repos.models.git import BRANCH_PREFIX

MAX_COMMANDS = 1000
MAX_SHALLOW = 10_000  # commits at which the history of a caller ends
# no-thin: a pack is to stand by itself, whatever is here already.
CAPABILITIES = "report-status delete-refs side-band-64k quiet atomic ofs-delta no-thin object-format=sha1 agent=grove"
_COMMAND = re.compile(r"([0-9a-f]{40}) ([0-9a-f]{40}) (\S.{0,1000})")
_ZERO = "0" * 40
_BAND = 65_515  # bytes of one packet beside its number
_MAX_REASON = 240


@dataclass
class Asked:
    """What a push begins with."""

    commands: list[Command] = field(default_factory=list)
    capabilities: frozenset[str] = frozenset()


def line(content: bytes) -> bytes:
    """Return a packet line."""
    return b"%04x%s" % (len(content) + 4, content)


def advertise(repo: Repository) -> bytes:
    """Return the refs that a push can move, and what may be asked of it."""
    refs = list(GitRef.objects.filter(repository=repo).order_by("name").values_list("oid", "name"))
    lines = []
    for number, (oid, name) in enumerate(refs or [(_ZERO, "capabilities^{}")]):
        extra = f"\0{CAPABILITIES}" if number == 0 else ""
        lines.append(line(f"{oid} {name}{extra}\n".encode()))
    return b"".join(lines) + b"0000"


def read_commands(body: BinaryIO) -> Asked:
    """Read the packet lines up to the first flush; a pack follows them. Raises Invalid, TooLarge."""
    asked = Asked()
    shallow = 0
    for content in _lines(body):
        text, _nul, rest = content.partition(b"\0")
        if not asked.commands and rest:
            asked.capabilities = frozenset(rest.decode("utf-8", "replace").split())
        if text.startswith(b"shallow "):
            # Nothing to remember: what a shallow clone leaves out has to be here.
            shallow += 1
        else:
            asked.commands.append(_command(text))
        if len(asked.commands) > MAX_COMMANDS or shallow > MAX_SHALLOW:
            raise TooLarge(f"One push moves at most {MAX_COMMANDS} refs. Push them in several steps.")
    return asked


def _lines(body: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            head = body.read(4)
            size = int(head, 16) if re.fullmatch(rb"[0-9a-fA-F]{4}", head) else -1
            content = body.read(size - 4) if size > 4 else b""
        except (EOFError, OSError) as error:
            raise Invalid("The push ended before all of it had come. Push again.") from error
        if size == 0:
            return
        if size < 4 or len(content) < size - 4:
            raise Invalid("What was sent is no push of git's.")
        yield content.rstrip(b"\n")


def _command(text: bytes) -> Command:
    try:
        found = _COMMAND.fullmatch(text.decode())
    except UnicodeDecodeError as error:
        raise Invalid("The names of branches and tags are UTF-8 here.") from error
    if found is None:
        raise Invalid("What was sent is no push of git's.")
    old, new, name = found.groups()
    return Command(name, None if old == _ZERO else old, None if new == _ZERO else new)


def report(asked: Asked, refusal: HubError | None, address: str) -> bytes:
    """Return what became of the push, and of each ref; `address` is that of the repository's page."""
    banded = "side-band-64k" in asked.capabilities
    told: list[str] = []
    lines = [line(b"unpack ok\n" if refusal is None else f"unpack {_short(refusal)}\n".encode())]
    if refusal is not None:
        told.append(refusal.message)
    for command in asked.commands:
        if refused := command.refused or refusal:
            lines.append(line(f"ng {command.name} {_short(refused)}\n".encode()))
            if refused.message not in told:
                told.append(refused.message)
        else:
            lines.append(line(f"ok {command.name}\n".encode()))
            if command.old is None and command.name.startswith(BRANCH_PREFIX) and "quiet" not in asked.capabilities:
                branch = command.name.removeprefix(BRANCH_PREFIX)
                told.append(f"“{branch}” is at {address}/tree/{quote(branch, safe='')}")
    status = b"".join(lines) + b"0000"
    if "report-status" not in asked.capabilities:
        status = b""
    if not banded:
        return status
    messages = b"".join(_band(2, f"{text}\n".encode()) for text in told[:20])
    return messages + (_band(1, status) if status else b"") + b"0000"


def _short(refused: HubError) -> str:
    """Return the reason as git shows it in brackets behind a ref."""
    if isinstance(refused, RefProtected):
        return "protected branch"
    text = " ".join(refused.message.split())
    return text if len(text) <= _MAX_REASON else f"{text[:_MAX_REASON]}…"


def _band(number: int, content: bytes) -> bytes:
    pieces = [content[start : start + _BAND] for start in range(0, len(content), _BAND)]
    return b"".join(line(bytes([number]) + piece) for piece in pieces)
