"""What a model needs, read from its files' headers without loading it; and what can be refused at once.

Reads `config.json` and the first bytes of the safetensors files, both within limits: they come from whoever uploaded the model.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.contracts import WEIGHTS, WEIGHTS_INDEX, FailureCode
from workers.engines import CAUSAL
from workers.refusals import Refused

# In bytes; the worker itself reads these, and JSON takes some twenty times its length in memory. The index of a model of 700
# thousand million parameters has 9 MB, its headers together as much.
_LONGEST_HEADER = 8 << 20
_LONGEST_HEADERS = 32 << 20
_LONGEST_CONFIG = 8 << 20
_LONGEST_INDEX = 16 << 20
# No number of a configuration or of a shape is larger; longer ones take time to multiply.
_LARGEST = 1 << 48
_MOST_DIMENSIONS = 16
_WIDTHS = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
DTYPES = {"float32": 4, "float16": 2, "bfloat16": 2}
_STORED = {"F16": "float16", "BF16": "bfloat16"}
# The interpreter with torch and transformers, and working memory.
_BASE = 700 << 20
# Tokens that all requests of a causal model hold together, and of one request at most, whatever the model could do.
KV_TOKENS = 8192
_CONTEXTS = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length", "n_ctx")


@dataclass(frozen=True)
class Estimate:
    """needed: bytes of memory once loaded and busy. dtype: what the weights are loaded as. context: tokens of one request."""

    needed: int
    weights: int
    dtype: str
    context: int
    kv_tokens: int


def estimate(folder: Path, kind: str, dtype: str = "auto", *, accelerated: bool = False) -> Estimate:
    """Estimate what a model needs: its weights, the keys and values of its requests, and a fixed part, plus a tenth.

    dtype: of `DTYPES`; "auto" is float32 on the processor and the stored one on an accelerator.
    Raises Refused: no-safetensors, broken-model.
    """
    config = _read_json(folder / "config.json", _LONGEST_CONFIG)
    numbers = _numbers_by_type(weight_files(folder))
    stored = max((_STORED.get(name, "float32") for name in numbers), key=DTYPES.__getitem__)
    chosen = dtype if dtype != "auto" else stored if accelerated else "float32"
    weights = sum(count * _width(name, DTYPES[chosen]) for name, count in numbers.items())
    context = _context(config)
    kv_tokens = min(KV_TOKENS, 32 * context) if kind == CAUSAL else 0
    kept = kv_tokens * _bytes_per_token(config, DTYPES[chosen])
    needed = int((weights + kept) * 1.1) + _BASE
    return Estimate(needed, weights, chosen, min(context, KV_TOKENS), kv_tokens)


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files that transformers would load. Raises Refused."""
    if (whole := folder / WEIGHTS).is_file():
        return [whole]
    if not (index := folder / WEIGHTS_INDEX).is_file():
        raise Refused(FailureCode.NO_SAFETENSORS)
    given = _read_json(index, _LONGEST_INDEX).get("weight_map")
    # As text: a list or an object is no key of a set.
    names = {name if isinstance(name, str) else "" for name in given.values()} if isinstance(given, dict) else set()
    for name in names:
        if "/" in name or not name.endswith(".safetensors"):
            raise Refused(FailureCode.BROKEN_MODEL, detail=f"{WEIGHTS_INDEX} names a file that is none of its own")
        if not (folder / name).is_file():
            raise Refused(FailureCode.BROKEN_MODEL, detail=f"{name} is missing")
    if not names:
        raise Refused(FailureCode.BROKEN_MODEL, detail=f"{WEIGHTS_INDEX} names no file")
    return sorted(folder / name for name in names)


def _read_json(path: Path, limit: int) -> dict[str, Any]:
    try:
        if path.stat().st_size > limit:
            raise Refused(FailureCode.BROKEN_MODEL, detail=f"{path.name} is too long")
        given = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise Refused(FailureCode.BROKEN_MODEL, detail=f"{path.name} is missing") from None
    except (OSError, ValueError, RecursionError):
        raise Refused(FailureCode.BROKEN_MODEL, detail=f"{path.name} cannot be read") from None
    if not isinstance(given, dict):
        raise Refused(FailureCode.BROKEN_MODEL, detail=f"{path.name} cannot be read")
    return given


def _numbers_by_type(paths: list[Path]) -> dict[str, int]:
    """Return type -> how many numbers of it the weights are. Raises Refused: broken-model."""
    found: dict[str, int] = {}
    read = 0
    for path in paths:
        length, header = _header(path)
        read += length
        if read > _LONGEST_HEADERS:
            raise Refused(FailureCode.BROKEN_MODEL, detail="the headers of the safetensors files are too long")
        for name, count in header:
            found[name] = found.get(name, 0) + count
    return found


def _header(path: Path) -> tuple[int, list[tuple[str, int]]]:
    """Return the length of a file's header in bytes, and (type, how many numbers) of each tensor.

    The library accepts a name twice; here it is refused. Raises Refused: broken-model.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(names := dict(pairs)) != len(pairs):
            raise ValueError("a name stands twice")
        return names

    broken = Refused(FailureCode.BROKEN_MODEL, detail=f"{path.name} is no safetensors file")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(_LONGEST_HEADER, size - 8):
                raise broken
            header = json.loads(file.read(length), object_pairs_hook=once)
        header.pop("__metadata__", None)
        tensors = [(str(tensor["dtype"]), _count(tensor["shape"])) for tensor in header.values()]
        end = max(tensor["data_offsets"][1] for tensor in header.values())
        if size != 8 + length + end:
            raise Refused(
                FailureCode.BROKEN_MODEL, detail=f"{path.name} is {size} bytes, its header says {8 + length + end}"
            )
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise broken from None
    return length, tensors


def _count(shape: list[Any]) -> int:
    """Return how many numbers a tensor of this shape has. Raises ValueError where no tensor has it."""
    if len(shape) > _MOST_DIMENSIONS or not all(type(length) is int and 0 <= length <= _LARGEST for length in shape):
        raise ValueError("no shape")
    count = math.prod(shape)
    if count > _LARGEST:
        raise ValueError("no shape")
    return count


def _width(name: str, width: int) -> int:
    """Bytes of a number: floats take the width that they are loaded with, anything else its own."""
    return width if name.startswith(("F", "BF")) else _WIDTHS.get(name, 1)


def _number(config: dict[str, Any], *names: str) -> int:
    """Return the first of these that the configuration has, 0 where it has none. Raises Refused: broken-model."""
    found = [config[name] for name in names if isinstance(config.get(name), int) and config[name] > 0]
    if found and found[0] > _LARGEST:
        raise Refused(FailureCode.BROKEN_MODEL, detail="a number in config.json is too large")
    return found[0] if found else 0


def _context(config: dict[str, Any]) -> int:
    """Tokens that the model was made for; what it does not say is taken as 2048."""
    inner = config.get("text_config")
    wanted = _number(config, *_CONTEXTS)
    if not wanted and isinstance(inner, dict):
        wanted = _number(inner, *_CONTEXTS)
    return wanted or 2048


def _bytes_per_token(config: dict[str, Any], width: int) -> int:
    """Keys and values of one token: 2 x layers x heads x size of a head. 0 where the configuration does not say."""
    if isinstance(inner := config.get("text_config"), dict):
        config = {**config, **inner}
    heads = _number(config, "num_attention_heads", "n_head", "num_heads")
    hidden = _number(config, "hidden_size", "n_embd", "d_model")
    size = _number(config, "head_dim") or (hidden // heads if heads else 0)
    layers = _number(config, "num_hidden_layers", "n_layer", "num_layers")
    return 2 * layers * (_number(config, "num_key_value_heads") or heads) * size * width
