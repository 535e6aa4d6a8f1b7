"""The hashes of Xet: chunks, merkle trees of chunks, files, term ranges, keyed chunk hashes.

Every hash is 32 bytes of keyed BLAKE3. In URLs, JSON and merkle nodes it is written in *word order*:
four little-endian 64-bit words, each as 16 hex digits, so every group of 8 bytes appears reversed.
``to_hex`` and ``from_hex`` convert; the rest of the code base holds raw bytes or word-order hex and
never ``bytes.hex()`` of a Xet hash. Source: the Xet specification, "hashing".
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from blake3 import blake3

HASH_SIZE = 32

DATA_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
VERIFICATION_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")
FILE_KEY = bytes(HASH_SIZE)

_MEAN_BRANCHING = 4
_MIN_GROUP = 3
_MAX_GROUP = 9
_HEX = re.compile(r"[0-9a-f]{64}")


def to_hex(raw: bytes) -> str:
    """Return the word-order hex (64 lower-case digits) of a raw 32-byte hash."""
    return many_to_hex(raw)[0]


def many_to_hex(raw: bytes) -> list[str]:
    """Return the word-order hex of each hash in ``raw`` (n hashes of 32 bytes, concatenated)."""
    text = np.frombuffer(raw, "<u8").byteswap().tobytes().hex()
    return [text[i : i + 64] for i in range(0, len(text), 64)]


def from_hex(text: str) -> bytes:
    """Return the raw 32 bytes of a word-order hex hash; ``ValueError`` if it is not 64 hex digits."""
    if not _HEX.fullmatch(text):
        raise ValueError("A Xet hash has 64 lower-case hexadecimal digits.")
    return np.frombuffer(bytes.fromhex(text), ">u8").byteswap().tobytes()


def chunk_hash(data: bytes | memoryview) -> bytes:
    """Hash one chunk of raw (decompressed) data."""
    return blake3(data, key=DATA_KEY).digest()


def range_hash(chunk_hashes: bytes) -> bytes:
    """Hash of a term: ``chunk_hashes`` are the raw hashes of its chunks, concatenated.

    Whoever knows it holds the chunks, or at least their hashes: it is the proof of possession that
    a shard carries for each term.
    """
    return blake3(chunk_hashes, key=VERIFICATION_KEY).digest()


def keyed_chunk_hash(key: bytes, raw_hash: bytes) -> bytes:
    """Hide a chunk hash under a 32-byte key, as answers to dedup queries must."""
    return blake3(raw_hash, key=key).digest()


def hash_modulo(raw_hash: bytes, n: int) -> int:
    """The "hash modulo n" of the specification: the last 8 bytes as a little-endian number."""
    return int.from_bytes(raw_hash[24:32], "little") % n


class MerkleTree:
    """A merkle tree that is fed in order and holds at most a few entries per level.

    A file of 1 TB has about 15 million chunks; their hashes are never held at once. The tree groups
    neighbours where a hash is divisible by four, so the same run of chunks makes the same nodes
    wherever it stands.
    """

    def __init__(self) -> None:
        self._levels: list[list[tuple[str, int]]] = [[]]
        self._counts: list[int] = [0]

    def extend(self, hashes: bytes, lengths: Iterable[int]) -> None:
        """Append leaves: n raw hashes, concatenated, and their n lengths in bytes."""
        self._push(0, list(zip(many_to_hex(hashes), lengths, strict=True)))

    def root(self) -> bytes:
        """Close the tree and return its raw root: zeros when it is empty, the leaf when it is alone."""
        level = 0
        while level < len(self._levels):
            if level == len(self._levels) - 1 and self._counts[level] <= 1:
                break
            self._merge(level, final=True)
            level += 1
        top = self._levels[-1]
        return from_hex(top[0][0]) if top else bytes(HASH_SIZE)

    def _push(self, level: int, entries: list[tuple[str, int]]) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._counts.append(0)
        self._levels[level].extend(entries)
        self._counts[level] += len(entries)
        if len(self._levels[level]) >= _MAX_GROUP:
            self._merge(level, final=False)

    def _merge(self, level: int, *, final: bool) -> None:
        entries = self._levels[level]
        nodes: list[tuple[str, int]] = []
        start = 0
        # Until the end is known, a group is certain only when as many entries as the largest
        # group are in sight: fewer could still be the tail, which is cut differently.
        while len(entries) - start >= (1 if final else _MAX_GROUP):
            end = _group_end(entries, start)
            nodes.append(_node(entries[start:end]))
            start = end
        del entries[:start]
        if nodes:
            self._push(level + 1, nodes)


def _group_end(entries: Sequence[tuple[str, int]], start: int) -> int:
    remaining = len(entries) - start
    if remaining < _MIN_GROUP:
        return len(entries)
    limit = min(_MAX_GROUP, remaining)
    for i in range(start + _MIN_GROUP - 1, start + limit):
        # The low word of the modulo is the tail of the hex text, so its last digit decides.
        if int(entries[i][0][-1], 16) % _MEAN_BRANCHING == 0:
            return i + 1
    return start + limit


def _node(group: Sequence[tuple[str, int]]) -> tuple[str, int]:
    text = "".join(f"{name} : {size}\n" for name, size in group)
    return to_hex(blake3(text.encode(), key=NODE_KEY).digest()), sum(size for _, size in group)


def merkle_root(hashes: bytes, lengths: Iterable[int]) -> bytes:
    """Merkle root of n raw hashes (concatenated) and their lengths. It is the hash of a xorb."""
    tree = MerkleTree()
    tree.extend(hashes, lengths)
    return tree.root()


def file_hash(root: bytes) -> bytes:
    """Hash of a file, from the merkle root over all its chunks in order (not over its terms). Of an empty file: zeros."""
    return blake3(root, key=FILE_KEY).digest() if any(root) else root
