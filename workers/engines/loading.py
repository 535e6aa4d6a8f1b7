"""A model and its tokenizer, from one folder: safetensors only, none of the folder's code, nothing from elsewhere."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.models.auto import modeling_auto
from transformers.utils import logging

from workers.contracts import FailureCode
from workers.engines import CAUSAL, CLASSIFIER, MASK
from workers.refusals import Refused, first_line

_CLASSES: dict[str, tuple[Any, Any]] = {
    CAUSAL: (transformers.AutoModelForCausalLM, modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
    CLASSIFIER: (
        transformers.AutoModelForSequenceClassification,
        modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    ),
    MASK: (transformers.AutoModelForMaskedLM, modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES),
}
_SAFE = {"local_files_only": True, "trust_remote_code": False}


@dataclass
class Loaded:
    """A model ready to run. words: tokens that it knows; context: tokens that it can look at."""

    model: Any
    tokenizer: Any
    words: int
    context: int

    @property
    def device(self) -> torch.device:
        return self.model.device


def load(folder: Path, kind: str, dtype: str, on_progress: Callable[[int, int], None]) -> Loaded:
    """Load what a kind needs. on_progress: (done, total) weights.

    Raises Refused: remote-code, unsupported-architecture, broken-model, broken-tokenizer, too-large.
    """
    loader, names = _CLASSES[kind]
    _check_architecture(folder, names)
    tokenizer = _tokenizer(folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    _report_weights(on_progress)
    try:
        model, found = loader.from_pretrained(
            folder, use_safetensors=True, dtype=getattr(torch, dtype), output_loading_info=True, **_SAFE
        )
        missing = sorted([*found["missing_keys"], *(str(key[0]) for key in found["mismatched_keys"])])
        if missing:
            detail = f"{len(missing)} weights are missing or of another shape, {missing[0]} among them"
            raise Refused(FailureCode.BROKEN_MODEL, detail=detail)
        model = model.to(device).eval()
        words = model.get_input_embeddings().num_embeddings
    except Refused:
        raise
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise Refused(FailureCode.TOO_LARGE) from error
    except Exception as error:
        raise Refused(FailureCode.BROKEN_MODEL, detail=first_line(error)) from error
    finally:
        logging.set_tqdm_hook(None)
    return Loaded(model, tokenizer, words, _context(model, tokenizer))


def _check_architecture(folder: Path, names: dict[str, Any]) -> None:
    """Refuse what only the folder's own code could load, and what is made for another task."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        family = str(config.get("model_type", ""))
        wanted = [str(name) for name in config.get("architectures") or []]
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(FailureCode.BROKEN_MODEL, detail="config.json cannot be read") from error
    known = names.get(family, ())
    known = {known} if isinstance(known, str) else set(known)
    if known and (not wanted or known & set(wanted)):
        return
    if config.get("auto_map") and not any(hasattr(transformers, name) for name in wanted):
        raise Refused(FailureCode.REMOTE_CODE)
    raise Refused(FailureCode.UNSUPPORTED_ARCHITECTURE, architecture=(wanted or [family or "?"])[0][:100])


def _tokenizer(folder: Path) -> Any:
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **_SAFE)
        if not tokenizer("a")["input_ids"] and not len(tokenizer):
            raise ValueError("it knows no token")
        tokenizer.decode([0])
    except Exception as error:
        raise Refused(FailureCode.BROKEN_TOKENIZER, detail=first_line(error)) from error
    return tokenizer


def _context(model: Any, tokenizer: Any) -> int:
    """Tokens that fit, by the model's table of positions where it has one, and by the tokenizer's own limit."""
    config = model.config.get_text_config()
    limits = [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions", "max_sequence_length")]
    # A table that keeps the first rows for padding (RoBERTa) holds that many fewer.
    limits += [
        table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
        for name, table in model.named_modules()
        if name.endswith(("position_embeddings", "wpe")) and isinstance(table, torch.nn.Embedding)
    ]
    limits.append(tokenizer.model_max_length)
    return min((limit for limit in limits if isinstance(limit, int) and 0 < limit < 1 << 30), default=1 << 30)


def _report_weights(on_progress: Callable[[int, int], None]) -> None:
    """Have transformers' progress bar say to us how far it is."""

    def hook(factory: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if kwargs.get("desc") != "Loading weights" or not args:
            return factory(*args, **kwargs)
        weights = list(args[0])

        def told() -> Any:
            for done, weight in enumerate(weights):
                if done % 16 == 0:
                    on_progress(done, len(weights))
                yield weight
            on_progress(len(weights), len(weights))

        return told()

    logging.set_tqdm_hook(hook)
