"""Weights as people train them: a base model of 24 layers in bf16, and its fine-tunes."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LAYERS = 24
Layers = list[NDArray[np.uint16]]


def random_bytes(rng: np.random.Generator, size: int) -> bytes:
    return rng.bytes(size)


def half_precision(rng: np.random.Generator, size: int) -> bytes:
    """Weights as bf16, which the client compresses by regrouping their bytes."""
    return _bf16(rng, size // 2).tobytes()


def base(seed: int, size: int) -> Layers:
    """The layers of a model of about `size` bytes."""
    rng = np.random.default_rng(seed)
    return [_bf16(rng, size // 2 // LAYERS) for _ in range(LAYERS)]


def partial(layers: Layers, seed: int) -> Layers:
    """Two of the layers trained again."""
    rng = np.random.default_rng(seed)
    again = set(rng.choice(LAYERS, 2, replace=False).tolist())
    return [_bf16(rng, len(layer)) if number in again else layer for number, layer in enumerate(layers)]


def sparse(layers: Layers, seed: int) -> Layers:
    """One percent of each layer trained again: some of its rows, which lie together."""
    rng = np.random.default_rng(seed)
    changed = [layer.copy() for layer in layers]
    for layer in changed:
        rows = len(layer) // 100
        start = int(rng.integers(len(layer) - rows))
        layer[start : start + rows] = _bf16(rng, rows)
    return changed


def full(layers: Layers, seed: int) -> Layers:
    """All weights moved a little, as by a short training of the whole model."""
    rng = np.random.default_rng(seed)
    return [_rounded(_floats(layer) * (1 + rng.normal(0, 0.004, len(layer)).astype(np.float32))) for layer in layers]


def write(layers: Layers, path: Path) -> int:
    """Write the layers as a safetensors file; return its size. Models of one shape have the same header."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for number, layer in enumerate(layers):
        header[f"layers.{number}"] = {"dtype": "BF16", "shape": [len(layer)], "data_offsets": [at, at + layer.nbytes]}
        at += layer.nbytes
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for layer in layers:
            file.write(layer.tobytes())
    return path.stat().st_size


def _bf16(rng: np.random.Generator, count: int) -> NDArray[np.uint16]:
    return _rounded(rng.standard_normal(count, np.float32) * np.float32(0.02))


def _rounded(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    return ((values.view(np.uint32) + np.uint32(0x8000)) >> 16).astype(np.uint16)


def _floats(values: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (values.astype(np.uint32) << 16).view(np.float32)
