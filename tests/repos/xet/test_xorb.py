"""The scanner takes what a client sends and refuses whatever lies about itself."""

import io
import tracemalloc

import lz4.frame
import numpy as np
import pytest

from hub.repos.xet import chunks, hashing, xorb
from hub.repos.xet.errors import FormatError, TruncatedError

from .building import group, header, noise, packed, xorb_footer, xorb_of

SCHEMES = [chunks.SCHEME_NONE, chunks.SCHEME_LZ4, chunks.SCHEME_BG4_LZ4]


class Drip(io.RawIOBase):
    """A stream that never gives as much as it is asked for, like a slow socket."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, 1009))


def scan(body: bytes) -> xorb.XorbLayout:
    return xorb.scan(io.BytesIO(body), len(body))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_layout_of_a_valid_xorb(scheme):
    pieces = [noise(1, 131072), b"abc" * 20_000, b"x", noise(2, 8195)]
    name, body = xorb_of(pieces, scheme)
    stored = io.BytesIO()
    layout = xorb.scan(Drip(body), len(body), sink=stored.write)
    assert hashing.to_hex(xorb.name_of(layout)) == name
    assert stored.getvalue() == body
    assert layout.raw_lengths.tolist() == [131072, 60_000, 1, 8195]
    assert layout.stored_size == len(body)
    assert layout.raw_size == 199_268
    for i, piece in enumerate(pieces):
        start, end = layout.stored_range(i, i + 1)
        assert body[start:end] == packed(piece, scheme)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 8, 1023, 131072])
def test_regrouping_of_any_length(length):
    data = noise(length, length)
    assert bytes(chunks.ungroup(group(data))) == data


def test_a_footer_is_dropped():
    pieces = [noise(1, 9000), noise(2, 9000)]
    name, body = xorb_of(pieces)
    stored = io.BytesIO()
    whole = body + xorb_footer(name, pieces, [9008, 18016])
    layout = xorb.scan(io.BytesIO(whole), len(whole), sink=stored.write)
    assert stored.getvalue() == body
    assert layout.stored_size == len(body)


@pytest.mark.parametrize("damage", [lambda f: f[:-1], lambda f: f + b"\0", lambda f: f[:8]])
def test_a_damaged_footer_is_refused(damage):
    pieces = [noise(1, 9000)]
    name, body = xorb_of(pieces)
    with pytest.raises(FormatError):
        scan(body + damage(xorb_footer(name, pieces, [9008])))


BOMB = lz4.frame.compress(bytes(1_000_000))
TWO_FRAMES = lz4.frame.compress(b"a" * 500) + lz4.frame.compress(b"b" * 500)
FINE = lz4.frame.compress(b"a" * 500)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(header(5, 0, 5, version=1) + b"hello", id="version"),
        pytest.param(header(5, 3, 5) + b"hello", id="scheme 3"),
        pytest.param(header(5, 99, 5) + b"hello", id="scheme auto"),
        pytest.param(header(5, 0, 6) + b"hello", id="two lengths"),
        pytest.param(header(0, 0, 0), id="empty chunk"),
        pytest.param(header(len(FINE), 1, 0) + FINE, id="no raw bytes"),
        pytest.param(header(131073, 0, 131073) + bytes(131073), id="chunk too long"),
        pytest.param(header(262145, 1, 100) + bytes(262145), id="payload too long"),
        pytest.param(header(len(BOMB), 1, 131072) + BOMB, id="bomb"),
        pytest.param(header(len(BOMB), 2, 131072) + BOMB, id="grouped bomb"),
        pytest.param(header(len(FINE), 1, 499) + FINE, id="holds more"),
        pytest.param(header(len(FINE), 1, 501) + FINE, id="holds less"),
        pytest.param(header(len(FINE) - 3, 1, 500) + FINE[:-3], id="no end mark"),
        pytest.param(header(len(FINE) + 2, 1, 500) + FINE + b"xx", id="tail in the chunk"),
        pytest.param(header(len(TWO_FRAMES), 1, 500) + TWO_FRAMES, id="second frame"),
        pytest.param(header(40, 1, 500) + noise(1, 40), id="not LZ4"),
        pytest.param(packed(b"hello")[:-1], id="cut payload"),
        pytest.param(packed(b"hello") + b"\0\5\0", id="cut header"),
        pytest.param(packed(b"hello") + b"PK\3\4more", id="trailing bytes"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"XETBLOB\1" + bytes(100), id="footer only"),
    ],
)
def test_what_breaks_the_format_is_refused(body):
    with pytest.raises(FormatError):
        scan(body)


def test_a_body_shorter_than_announced_is_refused():
    _, body = xorb_of([noise(1, 9000)])
    with pytest.raises(TruncatedError):
        xorb.scan(io.BytesIO(body), len(body) + 1)


def test_a_body_longer_than_allowed_is_refused_unread():
    with pytest.raises(FormatError):
        xorb.scan(io.BytesIO(), xorb.MAX_BODY + 1)


def test_too_many_chunks_are_refused():
    body = packed(b"x") * xorb.MAX_CHUNKS
    assert len(scan(body)) == xorb.MAX_CHUNKS
    with pytest.raises(FormatError):
        scan(body + packed(b"x"))


def test_too_much_data_is_refused():
    full = packed(bytes(131072), chunks.SCHEME_LZ4) * 512
    assert scan(full).raw_size == xorb.MAX_RAW
    with pytest.raises(FormatError):
        scan(full + packed(b"x"))


def test_a_full_xorb_is_scanned_in_little_memory(tmp_path):
    path = tmp_path / "xorb"
    with path.open("wb") as out:
        for i in range(512):
            out.write(packed(noise(i, 131072)))
    tracemalloc.start()
    try:
        with path.open("rb", buffering=0) as stream:
            xorb.scan(stream, path.stat().st_size, sink=len)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_any_flipped_bit_changes_the_name_or_breaks_the_format():
    name, body = xorb_of([noise(1, 4000), b"abcd" * 2000], chunks.SCHEME_BG4_LZ4)
    rng = np.random.default_rng(7)
    for at in rng.integers(0, len(body), 300):
        damaged = bytearray(body)
        damaged[at] ^= 1 << int(rng.integers(8))
        try:
            layout = scan(bytes(damaged))
        except FormatError:
            continue
        # Some bits of an LZ4 frame carry no content (a reserved header byte): then the data is whole.
        if hashing.to_hex(xorb.name_of(layout)) == name:
            assert layout.raw_lengths.tolist() == [4000, 8000]
