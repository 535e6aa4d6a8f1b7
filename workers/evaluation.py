"""The program that measures a model's perplexity, in a confined child.

`workers.evaluation MODEL_FOLDER DATASET_FOLDER SPEC MEMORY`: SPEC is an EvaluationSpec in JSON, with a context that is a
number of tokens; MEMORY is what the child may take, in bytes.

What is measured, so that anybody can do it again (docs/evaluations.md says the same to people):

- The text: the values of one column in the order of the split, joined by an empty line ("\\n\\n"); rows without a value are
  left out. Rows are read until their text gives enough tokens.
- The tokens: what the repository's tokenizer makes of the text in one call, with the special tokens that it adds by itself. The
  first `max_tokens` of them are used.
- The windows: `context` tokens each, the next `stride` further on. Each window scores the tokens that the one before did not
  reach, each with all of the window before it as context. A token with nothing before it in its window is not scored: the
  text's first (which is the beginning-of-text token where the tokenizer adds one), and, with a stride as long as the
  context, the first of each window.
- NLL: the mean of -ln p over the scored tokens; token perplexity: exp(NLL); bits per byte: the sum of -ln p, in bits, over the
  UTF-8 bytes of the text that the scored tokens stand for. In 32-bit floats, summed in 64.
- The margin of bits per byte: 1.96 standard errors, the windows taken as draws that are independent of each other.
"""

import hashlib
import importlib.metadata
import json
import math
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import IterableDataset, load_dataset
from datasets import config as datasets_config
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from workers import channel
from workers.contracts import EvaluationSpec, Failure, FailureCode, Stage

# With torch, a streamed split asks for memory that it could share with other processes. This one has none, and may not.
datasets_config.TORCH_AVAILABLE = False

# Changes whenever the same settings could give another number.
DEFINITION = "perplexity-1"
SEPARATOR = "\n\n"
# Characters that a token is first taken to stand for. Where it is less, more rows are read.
CHARACTERS_PER_TOKEN = 6
# Numbers that the scores of one batch of windows may hold: rows of the vocabulary.
MAX_SCORES = 1 << 26
MAX_BATCH = 16
# Bytes that the program and the scores of a batch take beside the weights.
PROGRAM_MEMORY = 3 << 29
MARGIN = 1.96
# How architectures end that foretell the next token.
CAUSAL = ("ForCausalLM", "LMHeadModel")
PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "datasets", "numpy")


class Refused(Exception):
    """This cannot be measured; `failure` says why."""

    def __init__(self, code: FailureCode, **params: Any) -> None:
        super().__init__(code)
        self.failure = Failure(code, params)


def main() -> None:
    """Measure, and tell the worker how far it is, what came of it, or why nothing did."""
    line = channel.inherited()
    model, dataset, spec = Path(sys.argv[1]), Path(sys.argv[2]), EvaluationSpec.from_json(json.loads(sys.argv[3]))
    try:
        check_memory(model, int(sys.argv[4]))
        line.send({"type": "result", "result": evaluate(model, dataset, spec, Reporter(line))})
    except Refused as refused:
        line.send({"type": "failed", "failure": refused.failure.to_json()})
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        line.send(
            {"type": "failed", "failure": Failure(FailureCode.TOO_LARGE, {"detail": first_line(error)}).to_json()}
        )


class Reporter:
    """Tells the worker how far the run is."""

    def __init__(self, line: channel.Channel) -> None:
        self._line = line
        self._told = self._logged = self._logged_at = 0.0
        self._first: tuple[float, int] | None = None

    def log(self, text: str) -> None:
        self._line.send({"type": "log", "text": text})

    def stage(self, stage: Stage) -> None:
        self._line.send({"type": "progress", "stage": stage})

    def windows(self, done: int, total: int, perplexity: float) -> None:
        """Progress twice a second; a line of the log every second, as long as it tells of another hundredth."""
        now = time.monotonic()
        if now - self._told >= 0.5 or done == total:
            self._told = now
            said = {"stage": Stage.RUNNING, "done": done, "total": total, "perplexity": round(perplexity, 4)}
            if self._first and done > self._first[1]:
                # By the pace since the first batch, which also warms up.
                said["left"] = round((now - self._first[0]) / (done - self._first[1]) * (total - done), 1)
            self._line.send({"type": "progress", **said})
        self._first = self._first or (now, done)
        if done == total or (now - self._logged >= 1 and done / total - self._logged_at >= 0.01):
            self._logged, self._logged_at = now, done / total
            self.log(f"{done} of {total} windows, perplexity so far {perplexity:.4f}")


# --- the text -----------------------------------------------------------------------------------------------------------


@dataclass
class Text:
    """Rows of a split, joined. whole: there are no more rows than these."""

    text: str
    documents: int
    whole: bool


def texts_of(folder: Path, spec: EvaluationSpec) -> Iterator[str]:
    """Yield the texts of the column, one a row. Raises Refused."""
    rows = _open_split(folder, spec)
    try:
        for row in rows:
            value = row.get(spec.column, row)
            if value is row:
                raise _bad_dataset("no-column", wanted=spec.column, there=sorted(map(str, row)))
            if value is None:
                continue
            if not isinstance(value, str):
                raise _bad_dataset("not-text", wanted=spec.column, found=type(value).__name__)
            # Half of a surrogate pair, which JSON can spell, stands for no character.
            yield value.encode("utf-8", "replace").decode()
    except Refused:
        raise
    except Exception as error:
        # What reading somebody's files can raise is without end, and each means the same.
        raise _bad_dataset("unreadable", detail=first_line(error)) from error


def _open_split(folder: Path, spec: EvaluationSpec) -> IterableDataset:
    try:
        splits = load_dataset(str(folder), name=spec.config or None, streaming=True)
    except Exception as error:
        if spec.config and "BuilderConfig" in str(error):
            raise _bad_dataset("no-config", wanted=spec.config, detail=first_line(error)) from error
        raise _bad_dataset("unreadable", detail=first_line(error)) from error
    if spec.split not in splits:
        raise _bad_dataset("no-split", wanted=spec.split, there=sorted(map(str, splits)))
    rows: IterableDataset = splits[spec.split]
    if rows.column_names and spec.column not in rows.column_names:
        raise _bad_dataset("no-column", wanted=spec.column, there=sorted(rows.column_names))
    return rows


def _bad_dataset(problem: str, **params: Any) -> Refused:
    """problem: no-config, no-split, no-column (wanted, there: list of names), not-text (wanted, found), empty, unreadable
    (detail). The hub has a sentence for each; `detail` tells the same to whoever reads the bare failure."""
    if "there" in params:
        params["there"] = [name[:60] for name in params["there"][:20]]
    named = ", ".join(f"{name}: {value}" for name, value in params.items())
    return Refused(
        FailureCode.BAD_DATASET, **{"problem": problem, "detail": f"{problem} {named}".strip()[:300], **params}
    )


class Reading:
    """A split that is read as far as somebody needs it."""

    def __init__(self, rows: Iterator[str]) -> None:
        self._rows = rows
        self._texts: list[str] = []
        self._characters = 0

    def read(self, characters: int) -> Text:
        """Return the rows from the first on, as many as make up so many characters."""
        whole = False
        while self._characters < characters:
            row = next(self._rows, None)
            if row is None:
                whole = True
                break
            self._texts.append(row)
            self._characters += len(row) + len(SEPARATOR)
        return Text(SEPARATOR.join(self._texts), len(self._texts), whole)


# --- the tokens ---------------------------------------------------------------------------------------------------------


@dataclass
class Tokens:
    """ids of the tokens, and for each how many bytes of the text it stands for. end: bytes of the text that they span."""

    ids: list[int]
    sizes: np.ndarray
    end: int
    text: Text


def tokenize(tokenizer: Any, reading: Reading, wanted: int) -> Tokens:
    """Return at most `wanted` tokens of the text, from its beginning. Raises Refused."""
    characters = CHARACTERS_PER_TOKEN * wanted
    while True:
        text = reading.read(characters)
        try:
            given = tokenizer(
                text.text, return_offsets_mapping=tokenizer.is_fast, return_attention_mask=False, verbose=False
            )
        except Exception as error:
            raise Refused(FailureCode.BROKEN_TOKENIZER, detail=first_line(error)) from error
        if len(given["input_ids"]) >= wanted or text.whole:
            break
        characters *= 2
    ids = list(given["input_ids"][:wanted])
    if len(ids) < 2:
        raise _bad_dataset("empty")
    if not tokenizer.is_fast:
        # Such a tokenizer does not tell where a token lies in the text, so its own spelling counts.
        sizes = np.array([len(tokenizer.decode([token]).encode()) for token in ids])
        return Tokens(ids, sizes, int(sizes.sum()), text)
    # A token stands for what lies between the furthest that any before it reached and its own end: bytes of spaces that the
    # tokenizer drops count, and those of a character that two tokens share count once.
    ends = np.maximum.accumulate(np.array([end for _start, end in given["offset_mapping"][:wanted]]))
    reached = _byte_positions(text.text)[ends]
    return Tokens(ids, np.diff(reached, prepend=0), int(reached[-1]), text)


def _byte_positions(text: str) -> np.ndarray:
    """Return for each character, and for the end, at which byte of the UTF-8 text it lies."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    sizes = 1 + (codes > 0x7F) + (codes > 0x7FF) + (codes > 0xFFFF).astype(np.int64)
    return np.concatenate([[0], np.cumsum(sizes)])


# --- the model ----------------------------------------------------------------------------------------------------------


def check_memory(folder: Path, memory: int) -> None:
    """Raises Refused where the weights, as 32-bit floats, are more than the memory holds beside the program itself."""
    needed = PROGRAM_MEMORY + 4 * sum(_weights_in(file) for file in folder.glob("*.safetensors"))
    if needed > memory:
        raise Refused(FailureCode.TOO_LARGE, needed=needed, available=memory)


def _weights_in(file: Path) -> int:
    """Return how many numbers a safetensors file holds, by its header."""
    try:
        with safe_open(file, framework="pt") as opened:
            return sum(math.prod(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
    except Exception as error:
        raise Refused(FailureCode.BROKEN_MODEL, detail=f"{file.name}: {first_line(error)}"[:300]) from error


def load(folder: Path, seed: int) -> tuple[Any, Any]:
    """Return model and tokenizer, in 32-bit floats, on the accelerator where there is one. Raises Refused."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    settings: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(folder, **settings)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise Refused(FailureCode.REMOTE_CODE) from error
        if "architecture" in str(error) or "model_type" in str(error):
            raise Refused(FailureCode.UNSUPPORTED_ARCHITECTURE, architecture=_stated(folder, "model_type")) from error
        raise Refused(FailureCode.BROKEN_MODEL, detail=first_line(error)) from error
    named = getattr(config, "architectures", None) or []
    causal = not named or any(name.endswith(CAUSAL) for name in named)
    if not causal or type(config) not in AutoModelForCausalLM._model_mapping:
        raise Refused(FailureCode.UNSUPPORTED_ARCHITECTURE, architecture=_stated(folder, "architectures"))
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **settings)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise Refused(FailureCode.REMOTE_CODE) from error
        raise Refused(FailureCode.BROKEN_TOKENIZER, detail=first_line(error)) from error
    try:
        model, info = AutoModelForCausalLM.from_pretrained(
            folder, config=config, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **settings
        )
    except (torch.cuda.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        raise Refused(FailureCode.BROKEN_MODEL, detail=first_line(error)) from error
    if info["missing_keys"]:
        # Weights that are not in the files would be random numbers, and so would the result.
        missing = ", ".join(sorted(info["missing_keys"])[:3])
        raise Refused(FailureCode.BROKEN_MODEL, detail=f"weights are missing: {missing}"[:300])
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def _stated(folder: Path, key: str) -> str:
    """Return what config.json says under a key, in short."""
    try:
        value = json.loads((folder / "config.json").read_bytes()).get(key)
    except (OSError, ValueError, AttributeError, RecursionError):
        return "unknown"
    return str(value[0] if isinstance(value, list) and value else value)[:100]


# --- the measurement ----------------------------------------------------------------------------------------------------


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
def looks_ahead(model: Any, ids: list[int]) -> bool:
    """Tell whether what the model says of a token depends on those behind it: then it has seen what it is to foretell."""
    other = ids[:-1] + [ids[-1] - 1 if ids[-1] else 1]
    one, two = model(input_ids=torch.tensor([ids, other], device=model.device), use_cache=False).logits[:, :-1]
    # The same sums twice differ in their last digits at most.
    return bool((one - two).abs().max() > 1e-4 * one.abs().max())


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
        raise Refused(FailureCode.UNSUPPORTED_ARCHITECTURE, architecture=_stated(model_folder, "architectures"))
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
        raise _bad_dataset("empty")
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
        "code_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
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


def first_line(error: BaseException) -> str:
    """Return what an error says, in a line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


if __name__ == "__main__":
    main()
