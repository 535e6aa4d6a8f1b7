"""Shards are read within what they hold, and answers are laid out as the client expects."""

import hashlib
import io

import numpy as np
import pytest

from hub.repos.xet import hashing, shard, xorb
from hub.repos.xet.errors import FormatError

from .building import file_of, noise, shard_of, term, xorb_of

PIECES = [noise(i, 9000 + i) for i in range(5)]
NAME, BODY = xorb_of(PIECES)
SHA256 = hashlib.sha256(b"".join(PIECES)).hexdigest()


def read(body: bytes) -> list[shard.ShardFile]:
    return list(shard.read_files(io.BytesIO(body), len(body)))


def valid() -> bytes:
    terms = [term(NAME, PIECES, 0, 2), term(NAME, PIECES, 2, 5)]
    return shard_of([(file_of(PIECES), terms, SHA256)], [(NAME, PIECES)])


def test_a_file_is_read_as_claimed():
    [found] = read(valid())
    assert hashing.to_hex(found.file_hash) == file_of(PIECES)
    assert found.size == sum(map(len, PIECES))
    assert found.sha256 == SHA256
    assert found.terms["start"].tolist() == [0, 2]
    assert found.terms["end"].tolist() == [2, 5]
    assert found.range_hashes == term(NAME, PIECES, 0, 2)[1] + term(NAME, PIECES, 2, 5)[1]


def test_a_file_may_come_without_sha256_or_proofs():
    [found] = read(shard_of([(file_of(PIECES), [term(NAME, PIECES)], None)], proofs=False))
    assert found.sha256 is None
    assert found.range_hashes is None


def test_an_empty_shard_has_no_files():
    assert read(shard_of([])) == []


def patched(at: int, value: bytes) -> bytes:
    body = bytearray(valid())
    body[at : at + len(value)] = value
    return bytes(body)


HUGE = (0xFFFFFFFF).to_bytes(4, "little")
XORB_SECTION = 48 + 48 * (1 + 2 + 2 + 1) + 48


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(valid()[:47], id="half a header"),
        pytest.param(patched(0, b"X"), id="tag"),
        pytest.param(patched(32, b"\3"), id="version"),
        pytest.param(patched(40, b"\xc8") + bytes(199), id="half a footer"),
        pytest.param(patched(48 + 36, HUGE), id="huge number of terms"),
        pytest.param(patched(XORB_SECTION + 36, HUGE), id="huge number of chunks"),
        pytest.param(valid() + b"\0", id="trailing byte"),
        pytest.param(valid()[:-48], id="no end of the xorb section"),
        pytest.param(valid()[: 48 * 4], id="cut in the terms"),
    ],
)
def test_what_breaks_the_format_is_refused(body):
    with pytest.raises(FormatError):
        read(body)


def test_a_footer_may_be_announced_and_left_out():
    """As hf_xet 1.2 does."""
    [found] = read(patched(40, b"\xc8"))
    assert hashing.to_hex(found.file_hash) == file_of(PIECES)


def test_a_body_shorter_than_announced_is_refused():
    with pytest.raises(FormatError):
        list(shard.read_files(io.BytesIO(valid()[:-10]), len(valid())))


def test_a_body_longer_than_allowed_is_refused_unread():
    with pytest.raises(FormatError):
        list(shard.read_files(io.BytesIO(), shard.MAX_BODY + 1))


def test_dedup_answer_leads_from_a_keyed_chunk_to_its_place():
    other = [noise(i, 8192) for i in range(50, 57)]
    layouts = []
    for pieces in (PIECES, other):
        name, body = xorb_of(pieces)
        layouts.append((hashing.from_hex(name), xorb.scan(io.BytesIO(body), len(body))))
    key = bytes(range(32))
    answer = shard.build_dedup_answer(layouts, key=key, key_expiry=1_900_000_000)

    footer = np.frombuffer(answer[-200:], "<u8")
    assert answer[:32] == shard._TAG
    assert footer[0] == 1
    assert int.from_bytes(answer[40:48], "little") == 200
    assert footer[-1] == len(answer) - 200
    assert answer[-200 + 72 : -200 + 104] == key
    assert footer[14] == 1_900_000_000
    xorbs_at, lookup_at, count = int(footer[2]), int(footer[7]), int(footer[8])
    assert count == len(PIECES) + len(other)
    lookup = np.frombuffer(answer, np.dtype([("key", "<u8"), ("record", "<u4"), ("chunk", "<u4")]), count, lookup_at)
    assert np.all(np.diff(lookup["key"].astype(object)) >= 0)
    for pieces, (name, _) in zip((PIECES, other), layouts, strict=True):
        for i, piece in enumerate(pieces):
            keyed = hashing.keyed_chunk_hash(key, hashing.chunk_hash(piece))
            [row] = lookup[lookup["key"] == int.from_bytes(keyed[:8], "little")]
            at = xorbs_at + 48 * int(row["record"])
            assert row["chunk"] == i
            assert answer[at : at + 32] == name
            record = answer[at + 48 * (1 + i) : at + 48 * (2 + i)]
            assert record[:32] == keyed
            assert int.from_bytes(record[36:40], "little") == len(piece)
            assert int.from_bytes(record[32:36], "little") == sum(map(len, pieces[:i]))
            assert hashing.chunk_hash(piece) not in answer
