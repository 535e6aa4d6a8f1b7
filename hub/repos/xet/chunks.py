"""One Xet chunk: its 8-byte header and its three compression schemes.

Source: the Xet specification, "xorb format". A chunk holds at most 128 KiB of raw data.
"""

from typing import NamedTuple

import lz4.frame
import numpy as np

from hub.repos.xet.errors import FormatError

HEADER_SIZE = 8
MAX_RAW = 128 * 1024
MAX_COMPRESSED = 2 * MAX_RAW

SCHEME_NONE = 0
SCHEME_LZ4 = 1
SCHEME_BG4_LZ4 = 2
_SCHEMES = (SCHEME_NONE, SCHEME_LZ4, SCHEME_BG4_LZ4)


class ChunkHeader(NamedTuple):
    """Sizes are in bytes; ``compressed`` counts the payload after the header."""

    compressed: int
    scheme: int
    raw: int


def parse_header(data: bytes | memoryview) -> ChunkHeader:
    """Read and check the 8 bytes before a chunk's payload; ``FormatError`` outside the limits."""
    version = data[0]
    header = ChunkHeader(
        compressed=int.from_bytes(data[1:4], "little"),
        scheme=data[4],
        raw=int.from_bytes(data[5:8], "little"),
    )
    if version != 0:
        raise FormatError(f"A chunk header has the unknown version {version}.")
    if header.scheme not in _SCHEMES:
        raise FormatError(f"A chunk has the unknown compression scheme {header.scheme}.")
    if not 0 < header.raw <= MAX_RAW:
        raise FormatError(f"A chunk announces {header.raw} bytes; 1 to {MAX_RAW} are allowed.")
    if not 0 < header.compressed <= MAX_COMPRESSED:
        raise FormatError(f"A chunk announces {header.compressed} stored bytes; 1 to {MAX_COMPRESSED} are allowed.")
    if header.scheme == SCHEME_NONE and header.compressed != header.raw:
        raise FormatError("An uncompressed chunk announces two different lengths.")
    return header


def decode(header: ChunkHeader, payload: bytes | memoryview) -> bytes | memoryview:
    """Return the ``header.raw`` bytes of a chunk.

    At most one byte more than announced is ever decompressed, whatever the payload holds.
    ``FormatError`` if the payload is damaged, holds more or less than announced, or has a tail.
    """
    if header.scheme == SCHEME_NONE:
        return payload
    data = _decode_lz4(payload, header.raw)
    return ungroup(data) if header.scheme == SCHEME_BG4_LZ4 else data


def _decode_lz4(payload: bytes | memoryview, length: int) -> bytes:
    frame = lz4.frame.LZ4FrameDecompressor()
    try:
        # One byte of room beyond the announced length lets the decoder reach the end mark, and
        # shows a frame that holds more.
        data: bytes = frame.decompress(payload, max_length=length + 1)
    except RuntimeError as error:
        raise FormatError("A chunk is not a valid LZ4 frame.") from error
    if len(data) != length or not frame.eof or frame.unused_data:
        raise FormatError("A chunk does not hold the number of bytes that its header announces.")
    return data


def ungroup(data: bytes) -> memoryview:
    """Undo "byte grouping by 4": all bytes 0 mod 4 come first, then 1, 2 and 3 mod 4."""
    grouped = np.frombuffer(data, np.uint8)
    raw = np.empty_like(grouped)
    start = 0
    for lane in range(4):
        column = raw[lane::4]
        column[:] = grouped[start : start + len(column)]
        start += len(column)
    return raw.data
