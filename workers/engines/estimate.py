"""What a model needs, read from its files' headers without loading it; and what can be refused at once.

Reads `config.json` and the first bytes of the safetensors files, both within limits: they come from whoever uploaded the model.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.contracts import FailureCode
from workers.engines import CAUSAL, Refused

_LONGEST_HEADER = 64 << 20
_LONGEST_CONFIG = 8 << 20
_WIDTHS = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
DTYPES = {"float32": 4, "float16": 2, "bfloat16": 2}
_STORED = {"F16": "float16", "BF16": "bfloat16"}
# The interpreter with torch and transformers, and working memory.
_BASE = 700 << 20
# Tokens that all requests of a causal model hold together, and of one request at most, whatever the model could do.
KV_TOKENS = 8192


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
    tensors = [tensor for path in weight_files(folder) for tensor in _header(path).values()]
    stored = max((_STORED.get(str(tensor["dtype"]), "float32") for tensor in tensors), key=DTYPES.__getitem__)
    chosen = dtype if dtype != "auto" else stored if accelerated else "float32"
    weights = sum(_bytes_of(tensor, DTYPES[chosen]) for tensor in tensors)
    context = _context(config)
    kv_tokens = min(KV_TOKENS, 32 * context) if kind == CAUSAL else 0
    kept = kv_tokens * _bytes_per_token(config, DTYPES[chosen])
    needed = int((weights + kept) * 1.1) + _BASE
    return Estimate(needed, weights, chosen, min(context, KV_TOKENS), kv_tokens)


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files that transformers would load. Raises Refused."""
    if (whole := folder / "model.safetensors").is_file():
        return [whole]
    if not (index := folder / "model.safetensors.index.json").is_file():
        raise Refused(FailureCode.NO_SAFETENSORS)
    given = _read_json(index, _LONGEST_CONFIG).get("weight_map")
    names = set(given.values()) if isinstance(given, dict) else set()
    for name in names:
        if not isinstance(name, str) or "/" in name or not name.endswith(".safetensors"):
            raise Refused(
                FailureCode.BROKEN_MODEL, detail="model.safetensors.index.json names a file that is none of its own"
            )
        if not (folder / name).is_file():
            raise Refused(FailureCode.BROKEN_MODEL, detail=f"{name} is missing")
    if not names:
        raise Refused(FailureCode.BROKEN_MODEL, detail="model.safetensors.index.json names no file")
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


def _header(path: Path) -> dict[str, dict[str, Any]]:
    """Name -> dtype, shape, data_offsets. The library accepts a name twice; here it is refused."""

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
        end = max(tensor["data_offsets"][1] for tensor in header.values())
        if size != 8 + length + end:
            raise Refused(
                FailureCode.BROKEN_MODEL, detail=f"{path.name} is {size} bytes, its header says {8 + length + end}"
            )
        for tensor in header.values():
            _bytes_of(tensor, 4)
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise broken from None
    return dict(header)


def _bytes_of(tensor: dict[str, Any], width: int) -> int:
    """Floats take the width that they are loaded with, anything else its own."""
    name = str(tensor["dtype"])
    return math.prod(int(length) for length in tensor["shape"]) * (
        width if name.startswith(("F", "BF")) else _WIDTHS.get(name, 1)
    )


def _number(config: dict[str, Any], *names: str) -> int:
    found = [config[name] for name in names if isinstance(config.get(name), int) and config[name] > 0]
    return found[0] if found else 0


def _context(config: dict[str, Any]) -> int:
    """Tokens that the model was made for; what it does not say is taken as 2048."""
    inner = config.get("text_config")
    wanted = _number(config, "max_position_embeddings", "n_positions", "max_sequence_length", "seq_length", "n_ctx")
    return wanted or (_context(inner) if isinstance(inner, dict) else 2048)


def _bytes_per_token(config: dict[str, Any], width: int) -> int:
    """Keys and values of one token: 2 x layers x heads x size of a head. 0 where the configuration does not say."""
    if isinstance(inner := config.get("text_config"), dict):
        config = {**config, **inner}
    heads = _number(config, "num_attention_heads", "n_head", "num_heads")
    hidden = _number(config, "hidden_size", "n_embd", "d_model")
    size = _number(config, "head_dim") or (hidden // heads if heads else 0)
    layers = _number(config, "num_hidden_layers", "n_layer", "num_layers")
    return 2 * layers * (_number(config, "num_key_value_heads") or heads) * size * width
