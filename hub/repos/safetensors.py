"""What a safetensors file says of itself, from its header alone (https://github.com/huggingface/safetensors#format)."""

import json
import math
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from hub.core.errors import Invalid
from hub.repos.content import read_content
from hub.repos.git.files import FileEntry
from hub.repos.models import Repository

# The format allows 100 MB; a header of this size describes some hundred thousand tensors.
MAX_HEADER_BYTES = 16 * 1024 * 1024
MAX_DIMENSIONS = 64
# Bits of one value of each type that is known.
DTYPE_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


class HeaderInvalid(Invalid):
    """The file is no safetensors file, whatever its name says."""

    code = "HeaderInvalid"


@dataclass(frozen=True)
class Tensor:
    """One tensor. `bytes` is what it takes in the file; `shape` is empty for a single number."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """All tensors of one file, in the file's order, and the free text that its writer added."""

    tensors: list[Tensor]
    metadata: dict[str, str]
    length: int  # bytes, of the header itself

    @property
    def parameters(self) -> int:
        return sum(t.parameters for t in self.tensors)

    @property
    def by_dtype(self) -> dict[str, int]:
        """dtype (as written: BF16, F32, ...) -> number of parameters, the most first."""
        counts: dict[str, int] = {}
        for tensor in self.tensors:
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.parameters
        return dict(sorted(counts.items(), key=lambda item: -item[1]))


def read_header(repo: Repository, file: FileEntry, limit: int = MAX_HEADER_BYTES) -> Header:
    """Return the header of a file, of at most `limit` bytes. Raises HeaderInvalid, EntryNotFound where the content is not
    here."""
    content = _header_bytes(repo, file, min(limit, MAX_HEADER_BYTES))
    return parse_header(content, file.size - 8 - len(content))


def read_raw_header(repo: Repository, file: FileEntry, limit: int) -> tuple[dict[str, Any], int]:
    """Return the header of a file as it is written, checked, and its length; at most `limit` bytes of it are read.

    Raises HeaderInvalid, EntryNotFound where the content is not here.
    """
    content = _header_bytes(repo, file, min(limit, MAX_HEADER_BYTES))
    parse_header(content, file.size - 8 - len(content))
    return json.loads(content), len(content)


def _header_bytes(repo: Repository, file: FileEntry, limit: int) -> bytes:
    if file.size < 8:
        raise _invalid(_("it is shorter than 8 bytes"))
    length = int.from_bytes(read_content(repo, file, 0, 8), "little")
    if length > file.size - 8:
        raise _invalid(_("its header is said to be longer than the file"))
    if length > limit:
        raise _invalid(_("its header is larger than %(max)d bytes") % {"max": limit})
    return read_content(repo, file, 8, 8 + length)


def parse_header(content: bytes, data_bytes: int) -> Header:
    """Return the header in `content`, checked against the number of bytes that follow it. Raises HeaderInvalid."""
    try:
        entries = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _invalid(_("its header is not JSON")) from error
    if not isinstance(entries, dict):
        raise _invalid(_("its header is not a table of tensors"))
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise _invalid(_("its metadata is not a table"))
    tensors = [_tensor(name, entry, data_bytes) for name, entry in entries.items()]
    # Each lies within the data; together they cannot be more than all of it.
    if sum(tensor.bytes for tensor in tensors) > data_bytes:
        raise _invalid(_("its tensors overlap"))
    return Header(tensors, {str(k): v for k, v in metadata.items() if isinstance(v, str)}, len(content))


def _tensor(name: str, entry: object, data_bytes: int) -> Tensor:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(end)]} if (
            0 <= start <= end <= data_bytes
            and len(shape) <= MAX_DIMENSIONS
            and all(type(size) is int and 0 <= size < 2**40 for size in shape)
            and _fits(dtype, math.prod(shape), end - start)
        ):
            return Tensor(name, dtype[:16], tuple(shape), end - start)
    raise _invalid(_("the entry of “%(name)s” is broken") % {"name": name[:100]})


def _fits(dtype: str, parameters: int, length: int) -> bool:
    """Tell whether the shape is what the bytes hold: a small file must not claim any number of parameters."""
    bits = DTYPE_BITS.get(dtype)
    return parameters * bits == length * 8 if bits else parameters <= length * 8


def _invalid(reason: str) -> HeaderInvalid:
    return HeaderInvalid(_("This is not a readable safetensors file: %(reason)s.") % {"reason": reason})
