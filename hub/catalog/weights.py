"""How many weights a model has, and in what types, by the headers of its safetensors files.

Format: 8 bytes, little-endian length of a JSON header; the header maps tensor names to dtype, shape and data_offsets
(https://huggingface.co/docs/safetensors, "Format"). Headers come from strangers: everything is bounded and checked.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from hub.core import blobstore
from hub.repos.models import Blob
from hub.repos.xet.reading import open_file

MAX_HEADER = 16 * 1024 * 1024  # bytes
MAX_HEADERS = 64 * 1024 * 1024  # bytes, of all files of one repository
MAX_FILES = 500
# Bits of one value.
DTYPE_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


def count_weights(blobs: Iterable[Blob]) -> dict[str, int] | None:
    """Return dtype -> number of weights over all the files; None where any of them cannot be read or believed.

    blobs: with `xet_file` loaded. Reads headers only.
    """
    total: Counter[str] = Counter()
    room = MAX_HEADERS
    for number, blob in enumerate(blobs):
        length = int.from_bytes(_read(blob, 0, 8), "little") if blob.size >= 8 else 0
        if number >= MAX_FILES or not 2 <= length <= min(MAX_HEADER, room, blob.size - 8):
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
        tensors = json.loads(header)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tensors, dict):
        return None
    found: Counter[str] = Counter()
    for name, tensor in tensors.items():
        if name == "__metadata__":
            continue
        values = _values(tensor, data_bytes)
        if values is None:
            return None
        found[tensor["dtype"]] += values
    # Each tensor lies within the data; together they cannot be more than all of it.
    if sum(count * DTYPE_BITS[dtype] for dtype, count in found.items()) > data_bytes * 8:
        return None
    return dict(found)


def _values(tensor: Any, data_bytes: int) -> int | None:
    match tensor:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(end)]} if dtype in DTYPE_BITS:
            if len(shape) > 64 or not all(type(size) is int and 0 <= size < 2**40 for size in shape):
                return None
            values = math.prod(shape)
            inside = 0 <= start <= end <= data_bytes
            return values if inside and values * DTYPE_BITS[dtype] == (end - start) * 8 else None
    return None


def _read(blob: Blob, start: int, end: int) -> bytes:
    if blob.whole:
        return blobstore.read_range(blobstore.lfs_key(blob.sha256), start, end)
    assert blob.xet_file is not None
    return b"".join(open_file(blob.xet_file, start, end))
