"""Packs made by hand, good and bad, and pushing them as the edge does."""

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass, field

from hub.accounts.models import User
from hub.repos.git.objects import EMPTY_TREE, object_id
from hub.repos.git.pushing import Command, Push
from hub.repos.models import Repository
from hub.repos.models.git import ObjectType

OFS_DELTA, REF_DELTA = 6, 7


def entry_header(kind: int, size: int) -> bytes:
    """Return the first bytes of a pack's entry."""
    header = [(kind << 4) | (size & 15)]
    size >>= 4
    while size:
        header[-1] |= 128
        header.append(size & 127)
        size >>= 7
    return bytes(header)


def pack_of(entries: list[bytes], count: int | None = None) -> bytes:
    """Return a pack of finished entries, whose header says `count`."""
    body = struct.pack(">4sII", b"PACK", 2, len(entries) if count is None else count) + b"".join(entries)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


@dataclass
class Objects:
    """Objects for one pack, by id."""

    made: dict[str, tuple[ObjectType, bytes]] = field(default_factory=dict)

    def add(self, kind: ObjectType, content: bytes) -> str:
        oid = object_id(kind, content)
        self.made[oid] = kind, content
        return oid

    def blob(self, content: bytes) -> str:
        return self.add(ObjectType.BLOB, content)

    def tree(self, *entries: tuple[str, str | bytes, str]) -> str:
        """Make a tree of (mode, name, oid), in just this order."""
        lines = (
            f"{mode} ".encode() + (name.encode() if isinstance(name, str) else name) + b"\0" + bytes.fromhex(oid)
            for mode, name, oid in entries
        )
        return self.add(ObjectType.TREE, b"".join(lines))

    def files(self, files: dict[str, bytes]) -> str:
        """Make the tree of these paths, at most one folder deep."""
        folders: dict[str, list[tuple[str, str | bytes, str]]] = {"": []}
        for path, content in sorted(files.items()):
            folder, _slash, name = path.rpartition("/")
            folders.setdefault(folder, []).append(("100644", name, self.blob(content)))
        top = folders.pop("") + [("40000", name, self.tree(*inner)) for name, inner in folders.items()]
        return self.tree(*sorted(top, key=lambda e: str(e[1]) + ("/" if e[0] == "40000" else "")))

    def commit(
        self, tree: str = EMPTY_TREE, *parents: str, message: str = "Change", author: str = "", at: int = 1_700_000_000
    ) -> str:
        who = f"{author or 'Ada <ada@elsewhere.example>'} {at} +0100"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {who}", f"committer {who}"]
        return self.add(ObjectType.COMMIT, ("\n".join(lines) + f"\n\n{message}\n").encode())

    def tag(self, name: str, target: str, message: str = "", kind: str = "commit") -> str:
        text = f"object {target}\ntype {kind}\ntag {name}\ntagger Ada <ada@elsewhere.example> 1700000000 +0000\n\n{message}\n"
        return self.add(ObjectType.TAG, text.encode())

    def pack(self) -> bytes:
        return pack_of([entry_header(kind, len(c)) + zlib.compress(c) for kind, c in self.made.values()])


def push(
    repo: Repository,
    actor: User,
    moves: dict[str, tuple[str | None, str | None]],
    pack: bytes | None = None,
    *,
    writes: bool = True,
    pulls: tuple[int, ...] = (),
    atomic: bool = False,
) -> dict[str, str]:
    """Push `moves` (ref -> old and new value); return ref -> why it was refused, "" where it was not."""
    if pack is None and any(new for _old, new in moves.values()):
        pack = pack_of([])
    commands = [Command(name, old, new) for name, (old, new) in moves.items()]
    pushing = Push(repo, actor, writes, lambda number: number in pulls, commands, atomic)
    pushing.carry_out(None if pack is None else io.BytesIO(pack))
    return {command.name: command.refused.message if command.refused else "" for command in commands}
