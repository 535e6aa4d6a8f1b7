"""The model: whether it fits and is one that foretells the next token, and loading it in 32-bit floats."""

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from workers.contracts import CAUSAL_ENDINGS, FailureCode
from workers.refusals import Refused, first_line

# Bytes that the program and the scores of a batch take beside the weights.
PROGRAM_MEMORY = 3 << 29


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
            raise Refused(FailureCode.UNSUPPORTED_ARCHITECTURE, architecture=stated(folder, "model_type")) from error
        raise Refused(FailureCode.BROKEN_MODEL, detail=first_line(error)) from error
    named = getattr(config, "architectures", None) or []
    causal = not named or any(name.endswith(CAUSAL_ENDINGS) for name in named)
    if not causal or type(config) not in AutoModelForCausalLM._model_mapping:
        raise Refused(FailureCode.UNSUPPORTED_ARCHITECTURE, architecture=stated(folder, "architectures"))
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


def stated(folder: Path, key: str) -> str:
    """Return what config.json says under a key, in short."""
    try:
        value = json.loads((folder / "config.json").read_bytes()).get(key)
    except (OSError, ValueError, AttributeError, RecursionError):
        return "unknown"
    return str(value[0] if isinstance(value, list) and value else value)[:100]


@torch.inference_mode()
def looks_ahead(model: Any, ids: list[int]) -> bool:
    """Tell whether what the model says of a token depends on those behind it: then it has seen what it is to foretell."""
    other = ids[:-1] + [ids[-1] - 1 if ids[-1] else 1]
    one, two = model(input_ids=torch.tensor([ids, other], device=model.device), use_cache=False).logits[:, :-1]
    # The same sums twice differ in their last digits at most.
    return bool((one - two).abs().max() > 1e-4 * one.abs().max())
