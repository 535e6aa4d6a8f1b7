"""Tiny models for tests, made on the spot: `python -m tests.workers.models FOLDER KIND...`, in the worker's environment.

Each KIND (of `KINDS`, or `all`: all but the large one) becomes FOLDER/KIND, with random weights from a fixed seed and a
tokenizer trained on text of this repository, some of it Chinese.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BASE = Path(__file__).resolve().parent.parent.parent
CONTEXT = 256
CHAT = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
ENDLESS = (
    "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(9) %}{% endfor %}{% endfor %}{% endfor %}"
)
SPECIAL = ["<s>", "</s>", "<pad>", "<unk>", "<mask>", "<|user|>", "<|assistant|>", "<|system|>"]


def main(folder: Path, kinds: list[str]) -> None:
    """Make models. A folder appears only once it is complete."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    for kind in kinds:
        torch.manual_seed(7)
        making = folder / f".{kind}"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        KINDS[kind](making)
        making.rename(folder / kind)


def prose() -> Iterator[str]:
    """Text of this repository, English and Chinese."""
    for path in [BASE / "README.md", BASE / "CONTRIBUTING.md", *sorted((BASE / "docs").glob("*.md"))]:
        yield from path.read_text().splitlines()
    yield from (BASE / "hub/locale/zh_Hans/LC_MESSAGES/django.po").read_text().splitlines()


def byte_tokenizer(size: int = 900) -> Any:
    """Byte-level BPE, as GPT-2 has: a Chinese character may be several tokens."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(prose(), vocab_size=size, min_frequency=2, special_tokens=SPECIAL, show_progress=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
        mask_token="<mask>",
    )  # fmt: skip


def piece_tokenizer(size: int = 900) -> Any:
    """BPE with a mark for the space before a word and single bytes for what it does not know, as Llama has."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *bytes_],
        limit_alphabet=200,
        show_progress=False,
        max_token_length=12,
    )
    bpe.train_from_iterator(prose(), trainer)
    # The bytes are ordinary tokens; only the trainer took them for special ones.
    state = json.loads(bpe.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] in SPECIAL]
    bpe = Tokenizer.from_str(json.dumps(state))
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    bpe.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )


def gpt2(folder: Path) -> None:
    """GPT-2 with byte-level BPE and no chat template."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = byte_tokenizer()
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=CONTEXT, n_embd=64, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=1,
        pad_token_id=2, initializer_range=0.2,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def llama_chat(folder: Path) -> None:
    """Llama with grouped heads, pieces with marked spaces, and a chat template."""
    tokenizer = piece_tokenizer()
    tokenizer.chat_template = CHAT
    model = llama(tokenizer)
    # Never the likeliest: with random bytes among them, the text of the others depends on what comes after.
    model.lm_head.weight.data[tokenizer.convert_tokens_to_ids([f"<0x{byte:02X}>" for byte in range(256)])] = 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def llama(tokenizer: Any, **changes: Any) -> Any:
    """A Llama for a tokenizer, tiny unless `changes` say otherwise."""
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    kept = {"vocab_size": len(tokenizer), "num_key_value_heads": 2, "max_position_embeddings": CONTEXT}
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2, "initializer_range": 0.2}
    return LlamaForCausalLM(LlamaConfig(**{**sizes, **kept, **ends, **changes}))


def slow(folder: Path) -> None:
    """A Llama that takes some milliseconds for a token, has room for many, and does not end by itself."""
    tokenizer = byte_tokenizer()
    sizes = {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 10, "max_position_embeddings": 4096}
    model = llama(tokenizer, **sizes, initializer_range=0.05)
    # Never the likeliest, as rounding would have it on some machines.
    model.lm_head.weight.data[tokenizer.eos_token_id] = 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def large(folder: Path) -> None:
    """54 million weights: what the benchmarks run."""
    tokenizer = piece_tokenizer(4000)
    tokenizer.chat_template = CHAT
    sizes = {"hidden_size": 512, "intermediate_size": 1376, "num_hidden_layers": 12, "num_attention_heads": 8}
    more = {"num_key_value_heads": 4, "max_position_embeddings": 1024, "vocab_size": 32_000, "initializer_range": 0.05}
    model = llama(tokenizer, **sizes, **more)
    # Tokens without a text would make the answers shorter than they are.
    model.lm_head.weight.data[len(tokenizer) :] = 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def state_space(folder: Path) -> None:
    """Mamba, which has no attention and so no place in the batch."""
    from transformers import MambaConfig, MambaForCausalLM

    tokenizer = byte_tokenizer()
    config = MambaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, state_size=4, bos_token_id=0, eos_token_id=1,
        pad_token_id=2,
    )  # fmt: skip
    MambaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def classifier(folder: Path) -> None:
    """A BERT that tells three labels apart."""
    from transformers import BertConfig, BertForSequenceClassification

    names = ["negative", "neutral", "positive"]
    config = BertConfig(**_bert(), num_labels=3, id2label=dict(enumerate(names)), initializer_range=0.3)
    BertForSequenceClassification(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)


def mask(folder: Path) -> None:
    """A BERT that fills masks."""
    from transformers import BertConfig, BertForMaskedLM

    BertForMaskedLM(BertConfig(**_bert(), initializer_range=0.3)).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)


def _bert() -> dict[str, int]:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    return {"vocab_size": len(byte_tokenizer()), "max_position_embeddings": CONTEXT, "pad_token_id": 2, **sizes}


def no_safetensors(folder: Path) -> None:
    """The weights as a pickle only."""
    import torch
    from safetensors.torch import load_file

    gpt2(folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def remote_code(folder: Path) -> None:
    """An architecture of its own, with its code beside it, which leaves a trace wherever it runs."""
    gpt2(folder)
    (folder / "modeling_own.py").write_text(
        f"open({str(folder / 'it-ran')!r}, 'w').close()\nraise SystemExit('it ran')\n"
    )
    names = {"AutoConfig": "modeling_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnModel"}
    _change(folder / "config.json", model_type="own", architectures=["OwnModel"], auto_map=names)


def broken_tokenizer(folder: Path) -> None:
    """A tokenizer file cut short."""
    gpt2(folder)
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text()[:400])


def broken_weights(folder: Path) -> None:
    """Half of the weights' file."""
    gpt2(folder)
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def missing_weights(folder: Path) -> None:
    """A file that is whole, without one of the weights."""
    from safetensors.torch import load_file, save_file

    gpt2(folder)
    weights = load_file(folder / "model.safetensors")
    weights.pop(next(name for name in weights if name.endswith("c_attn.weight")))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def unsupported(folder: Path) -> None:
    """An architecture that nobody knows."""
    gpt2(folder)
    _change(folder / "config.json", model_type="grove-unheard-of", architectures=["UnheardOfModel"])


def large_words(folder: Path) -> None:
    """A tokenizer that knows more tokens than the model."""
    gpt2(folder)
    byte_tokenizer(1400).save_pretrained(folder)


def endless_template(folder: Path) -> None:
    """A chat template that never ends."""
    llama_chat(folder)
    (folder / "chat_template.jinja").write_text(ENDLESS)


def huge_template(folder: Path) -> None:
    """A chat template that asks for more memory than there is."""
    llama_chat(folder)
    (folder / "chat_template.jinja").write_text("{% set text = ('a' * 4000000000) %}{{ text }}")


def broken_template(folder: Path) -> None:
    """A chat template that is none."""
    llama_chat(folder)
    (folder / "chat_template.jinja").write_text("{% for message in %}")


def _change(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


KINDS: dict[str, Callable[[Path], None]] = {
    "gpt2": gpt2,
    "llama-chat": llama_chat,
    "slow": slow,
    "large": large,
    "state-space": state_space,
    "classifier": classifier,
    "mask": mask,
    "no-safetensors": no_safetensors,
    "remote-code": remote_code,
    "broken-tokenizer": broken_tokenizer,
    "broken-weights": broken_weights,
    "missing-weights": missing_weights,
    "unsupported": unsupported,
    "large-words": large_words,
    "endless-template": endless_template,
    "huge-template": huge_template,
    "broken-template": broken_template,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]), [kind for kind in KINDS if kind != "large"] if sys.argv[2:] == ["all"] else sys.argv[2:])
