"""Sums of blocks: the same however content comes in pieces, and any changed byte is found."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from hub.core.blobs.sums import BLOCK, SUM, BlockSums, DamagedBlock, compared, in_blocks

CONTENT = random.Random(1).randbytes(3 * BLOCK + 5)
SIZES = st.lists(st.sampled_from([0, 1, 7, 4096, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK]), max_size=8)


def sums_of(*pieces: bytes) -> bytes:
    sums = BlockSums()
    for piece in pieces:
        sums.update(piece)
    return sums.finish()


def split(sums: bytes) -> list[bytes]:
    return [sums[at : at + SUM] for at in range(0, len(sums), SUM)]


def cut(content: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(content[at : at + size])
        at += size
    return [*pieces, content[at:]]


@settings(max_examples=40, deadline=None, database=None)
@given(st.sampled_from([0, 1, BLOCK - 1, BLOCK, BLOCK + 1, len(CONTENT)]), SIZES)
def test_pieces_of_any_size(length: int, sizes: list[int]) -> None:
    content = CONTENT[:length]
    whole = [content[at : at + BLOCK] for at in range(0, length, BLOCK)]
    expected = b"".join(xxh3_64_intdigest(block).to_bytes(8, "little") for block in whole)
    assert sums_of(*cut(content, sizes)) == expected
    assert list(in_blocks(cut(content, sizes))) == whole
    assert list(compared(in_blocks(cut(content, sizes)), split(expected))) == whole


@pytest.mark.parametrize("at", [0, BLOCK - 1, BLOCK, 3 * BLOCK + 4])
def test_a_changed_byte_leaves_with_no_block(at: int) -> None:
    changed = bytearray(CONTENT)
    changed[at] ^= 1
    left = []
    with pytest.raises(DamagedBlock):
        left.extend(compared(in_blocks([bytes(changed)]), split(sums_of(CONTENT))))
    assert b"".join(left) == CONTENT[: len(b"".join(left))]


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT[:BLOCK], b"", CONTENT + b"more", CONTENT + CONTENT])
def test_too_few_bytes_or_more(content: bytes) -> None:
    with pytest.raises(DamagedBlock):
        list(compared(in_blocks([content]), split(sums_of(CONTENT))))
