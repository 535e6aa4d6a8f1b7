"""The measurement: windows over the tokens, their scores, and the numbers and the record that come of them."""

import hashlib
import importlib.metadata
import math
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workers.contracts import EvaluationSpec, FailureCode, Stage
from workers.evaluation.model import load, looks_ahead, stated
from workers.evaluation.reporting import Reporter
from workers.evaluation.text import Reading, Tokens, bad_dataset, texts_of, tokenize
from workers.refusals import Refused

# Changes whenever the same settings could give another number.
DEFINITION = "perplexity-1"
# Numbers that the scores of one batch of windows may hold: rows of the vocabulary.
MAX_SCORES = 1 << 26
MAX_BATCH = 16
MARGIN = 1.96
PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "datasets", "numpy")


@dataclass(frozen=True)
class Window:
    """Tokens `begin` to `end`, of which those from `first` on are scored."""

    begin: int
    end: int
    first: int


def windows_of(tokens: int, context: int, stride: int) -> list[Window]:
    """Return the windows over so many tokens. 1 <= stride <= context, context >= 2."""
    found: list[Window] = []
    begin = reached = 0
    while reached < tokens:
        end = min(begin + context, tokens)
        if max(reached, begin + 1) < end:
            found.append(Window(begin, end, max(reached, begin + 1)))
        reached, begin = end, begin + stride
    return found


def batches_of(windows: list[Window], vocabulary: int, context: int) -> Iterator[list[Window]]:
    """Group windows of one length, as many as the scores of one batch may hold."""
    size = max(1, min(MAX_BATCH, MAX_SCORES // (context * vocabulary)))
    batch: list[Window] = []
    for window in windows:
        if batch and (len(batch) == size or window.end - window.begin != batch[0].end - batch[0].begin):
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


@torch.inference_mode()
def score(model: Any, ids: list[int], windows: list[Window]) -> list[float]:
    """Return for each window the sum of -ln p of the tokens that it scores."""
    rows = torch.tensor([ids[window.begin : window.end] for window in windows], device=model.device)
    logits = model(input_ids=rows, use_cache=False).logits
    sums = []
    for row, scores, window in zip(rows, logits, windows, strict=True):
        first, last = window.first - window.begin, window.end - window.begin
        losses = torch.nn.functional.cross_entropy(
            scores[first - 1 : last - 1].float(), row[first:last], reduction="none"
        )
        sums.append(float(losses.double().sum()))
    return sums


def evaluate(model_folder: Path, dataset_folder: Path, spec: EvaluationSpec, reporter: Reporter) -> dict[str, Any]:
    """Measure; returns metrics and the program's part of the record. Raises Refused."""
    began = time.monotonic()
    reporter.stage(Stage.LOADING)
    reading = Reading(texts_of(dataset_folder, spec))
    model, tokenizer = load(model_folder, spec.seed)
    reporter.log(f"loaded {spec.model.name}: {type(model).__name__}, {model.num_parameters():,} parameters, float32")
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if not 2 <= spec.context <= (longest or spec.context) or not 1 <= spec.stride <= spec.context:
        detail = f"context {spec.context}, stride {spec.stride}; the model takes {longest or 'any number of'} tokens"
        raise Refused(FailureCode.BAD_PARAMETER, field="context", detail=detail)
    tokens = tokenize(tokenizer, reading, spec.max_tokens)
    vocabulary = model.get_input_embeddings().weight.shape[0]
    if max(tokens.ids) >= vocabulary:
        detail = f"token {max(tokens.ids)} is beyond the model's {vocabulary}"
        raise Refused(FailureCode.BROKEN_TOKENIZER, detail=detail)
    if looks_ahead(model, tokens.ids[: min(32, spec.context)]):
        raise Refused(FailureCode.UNSUPPORTED_ARCHITECTURE, architecture=stated(model_folder, "architectures"))
    windows = windows_of(len(tokens.ids), spec.context, spec.stride)
    reporter.log(f"read {tokens.text.documents:,} rows: {len(tokens.ids):,} tokens, {len(windows):,} windows")
    sums: list[float] = []
    batch_size = scored = 0
    for batch in batches_of(windows, vocabulary, spec.context):
        sums += score(model, tokens.ids, batch)
        batch_size = max(batch_size, len(batch))
        scored += sum(window.end - window.first for window in batch)
        mean = sum(sums) / scored
        if not math.isfinite(mean):
            raise Refused(FailureCode.BROKEN_MODEL, detail="the model's scores are not numbers")
        reporter.windows(len(sums), len(windows), _exp(mean))
    metrics = metrics_of(tokens, windows, sums)
    reporter.log(f"perplexity {metrics['perplexity']:.4f}, {metrics['bits_per_byte']:.4f} bits per byte")
    return {"metrics": metrics, "record": record_of(spec, model, tokens, batch_size, time.monotonic() - began)}


def metrics_of(tokens: Tokens, windows: list[Window], sums: list[float]) -> dict[str, Any]:
    """Return the numbers, from the sum of -ln p of each window. Raises Refused where the text has no bytes."""
    counts = np.array([window.end - window.first for window in windows])
    size = int(sum(tokens.sizes[window.first : window.end].sum() for window in windows))
    if size == 0:
        raise bad_dataset("empty")
    total, scored = math.fsum(sums), int(counts.sum())
    mean = total / scored
    margin = None
    if len(windows) > 1:
        # Of a sum of windows that are not of one length: what each deviates from the mean of its number of tokens.
        deviations = np.array(sums) - mean * counts
        error = math.sqrt(len(windows) / (len(windows) - 1) * float((deviations**2).sum()))
        margin = MARGIN * error / math.log(2) / size
    return {
        "perplexity": _exp(mean),
        "bits_per_byte": total / math.log(2) / size,
        "bits_per_byte_margin": margin,
        "nll": mean,
        "tokens": scored,
        "bytes": size,
        "documents": tokens.text.documents,
        "windows": len(windows),
    }


def _exp(mean: float) -> float:
    # Beyond this a float has no number for it, nor anybody a use.
    return math.exp(min(mean, 700))


def record_of(spec: EvaluationSpec, model: Any, tokens: Tokens, batch_size: int, seconds: float) -> dict[str, Any]:
    """Return what the number depends on, as far as this program knows it."""
    return {
        "definition": DEFINITION,
        "code_sha256": _code_sha256(),
        # Of the text from its beginning to the end of the last token.
        "text_sha256": hashlib.sha256(tokens.text.text.encode()[: tokens.end]).hexdigest(),
        "all_rows": tokens.text.whole,
        "architecture": type(model).__name__,
        "parameters": model.num_parameters(),
        "dtype": "float32",
        "attention": str(getattr(model.config, "_attn_implementation", "")),
        "batch_size": batch_size,
        "seed": spec.seed,
        "device": "cuda" if model.device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "seconds": round(seconds, 3),
    }


def _code_sha256() -> str:
    """Return the sha256 of the sources of this package, one after the other in the order of their names."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()
