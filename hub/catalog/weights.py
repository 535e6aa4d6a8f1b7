"""How many weights a model has, and in what types, by the headers of its safetensors files.

Headers come from strangers: everything is bounded and checked.
"""

from collections import Counter
from collections.abc import Iterable

from hub.repos import safetensors
from hub.repos.content import open_blob
from hub.repos.models import Blob

MAX_HEADERS = 64 * 1024 * 1024  # bytes, of all files of one repository
MAX_FILES = 500


def count_weights(blobs: Iterable[Blob]) -> dict[str, int] | None:
    """Return dtype -> number of weights over all the files; None where any of them cannot be read or believed.

    blobs: with `xet_file` loaded. Reads headers only.
    """
    total: Counter[str] = Counter()
    room = MAX_HEADERS
    for number, blob in enumerate(blobs):
        length = int.from_bytes(_read(blob, 0, 8), "little") if blob.size >= 8 else 0
        if number >= MAX_FILES or not 2 <= length <= min(safetensors.MAX_HEADER_BYTES, room, blob.size - 8):
            return None
        room -= length
        found = parse_header(_read(blob, 8, 8 + length), blob.size - 8 - length)
        if found is None:
            return None
        total.update(found)
    return dict(total) or None


def parse_header(header: bytes, data_bytes: int) -> dict[str, int] | None:
    """Return dtype -> number of values of one header; None where it contradicts itself or the `data_bytes` behind it."""
    try:
        counts = safetensors.parse_header(header, data_bytes).by_dtype
    except safetensors.HeaderInvalid:
        return None
    # A type that nobody knows may be a slip, or a way to claim more than the bytes hold.
    return counts if counts.keys() <= safetensors.DTYPE_BITS.keys() else None


def _read(blob: Blob, start: int, end: int) -> bytes:
    return b"".join(open_blob(blob, start, end))
