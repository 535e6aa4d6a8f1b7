"""Makes xorbs and shards as a client would, so that each test can bend one rule at a time."""

from collections.abc import Iterable, Sequence

import lz4.frame
import numpy as np

from hub.repos.xet import chunks, hashing, shard

BLOCK = chunks.MAX_RAW


def block(value: int, length: int = BLOCK) -> bytes:
    """A run of one byte value. The client's chunker finds no boundary inside, so it is one chunk."""
    return bytes([value]) * length


def noise(seed: int, length: int) -> bytes:
    return np.random.default_rng(seed).bytes(length)


def header(compressed: int, scheme: int, raw: int, version: int = 0) -> bytes:
    return bytes([version]) + compressed.to_bytes(3, "little") + bytes([scheme]) + raw.to_bytes(3, "little")


def group(data: bytes) -> bytes:
    return b"".join(data[lane::4] for lane in range(4))


def packed(data: bytes, scheme: int = chunks.SCHEME_NONE) -> bytes:
    """One chunk as it stands in a xorb."""
    payload = data
    if scheme:
        payload = lz4.frame.compress(group(data) if scheme == chunks.SCHEME_BG4_LZ4 else data)
    return header(len(payload), scheme, len(data)) + payload


def xorb_of(pieces: Sequence[bytes], scheme: int = chunks.SCHEME_NONE) -> tuple[str, bytes]:
    """Hash (hex) and body of a xorb with these chunks."""
    hashes = b"".join(map(hashing.chunk_hash, pieces))
    name = hashing.to_hex(hashing.merkle_root(hashes, map(len, pieces)))
    return name, b"".join(packed(piece, scheme) for piece in pieces)


def xorb_footer(name: str, pieces: Sequence[bytes], ends: Sequence[int]) -> bytes:
    n = len(pieces).to_bytes(4, "little")
    hashes = b"".join(map(hashing.chunk_hash, pieces))
    raw_ends = np.cumsum([len(piece) for piece in pieces]).astype("<u4").tobytes()
    bounds = b"XBLBBND\1" + n + np.array(ends, "<u4").tobytes() + raw_ends
    tail = n + bytes(8) + bytes(16)
    info = b"XETBLOB\1" + hashing.from_hex(name) + b"XBLBHSH\0" + n + hashes + bounds + tail
    return info + len(info).to_bytes(4, "little")


def file_of(pieces: Iterable[bytes]) -> str:
    """Hash (hex) of the file that consists of these chunks."""
    listed = list(pieces)
    root = hashing.merkle_root(b"".join(map(hashing.chunk_hash, listed)), map(len, listed))
    return hashing.to_hex(hashing.file_hash(root))


def term(name: str, pieces: Sequence[bytes], start: int = 0, end: int | None = None) -> tuple:
    """A term over chunks ``start`` to ``end`` of the xorb with these chunks, and its range hash."""
    end = len(pieces) if end is None else end
    chosen = pieces[start:end]
    record = np.zeros(1, shard.TERM)
    record["xorb"] = np.void(hashing.from_hex(name))
    record["raw"], record["start"], record["end"] = sum(map(len, chosen)), start, end
    return record, hashing.range_hash(b"".join(map(hashing.chunk_hash, chosen)))


def shard_of(
    files: Sequence[tuple[str, Sequence[tuple], str | None]],
    xorbs: Sequence[tuple[str, Sequence[bytes]]] = (),
    *,
    proofs: bool = True,
) -> bytes:
    """An uploaded shard: files as (hash, terms, sha256), new xorbs as (hash, chunks)."""
    out = [shard._TAG, (2).to_bytes(8, "little"), bytes(8)]
    for name, terms, sha256 in files:
        flags = (proofs << 31) | ((sha256 is not None) << 30)
        out += [hashing.from_hex(name), np.array([flags, len(terms), 0, 0], "<u4").tobytes()]
        out += [record.tobytes() for record, _ in terms]
        if proofs:
            out += [proof + bytes(16) for _, proof in terms]
        if sha256 is not None:
            out += [hashing.from_hex(sha256), bytes(16)]
    out += [b"\xff" * 32, bytes(16)]
    for name, pieces in xorbs:
        raw = sum(map(len, pieces))
        out += [hashing.from_hex(name), np.array([0, len(pieces), raw, raw], "<u4").tobytes()]
        offset = 0
        for piece in pieces:
            out += [hashing.chunk_hash(piece), np.array([offset, len(piece), 0, 0], "<u4").tobytes()]
            offset += len(piece)
    out += [b"\xff" * 32, bytes(16)]
    return b"".join(out)
