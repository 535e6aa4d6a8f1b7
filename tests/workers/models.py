"""Tiny models for tests, made on the spot: `python -m tests.workers.models FOLDER KIND...`, in the worker's environment.

Each KIND (of `KINDS`, or `all`: all but the large one) becomes FOLDER/KIND, with random weights from a fixed seed and a
tokenizer trained on text that never changes, some of it Chinese: with other tokens they would say something else.
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
TEXT = """\
The hub keeps models and datasets. Grove is a hub, and the hub is yours: it runs on one machine, without a network.
The model says what it is, and the data that it was made of. The tree of a repository is what the hub shows first.
Somebody asks a question; somebody else gives the answer. The answer of the model comes word by word.
A review tells how good a model is. The numbers of an evaluation stand beside it, with all that one needs to repeat them.
What is deleted can be found in the log. Nobody reads what is private, and the hub does not say that it is there.
Paris is the capital of France, and the capital of a tree is its root. Once upon a time there was a small forest.
The weather is good today. The weights of the model are random, so that what it says is nonsense, and always the same.
模型、数据集和评测都放在一个地方，每一次修改都有记录，谁也不能悄悄改写历史。
你可以在自己的机器上运行它，不需要网络，也不需要付费；启动以后，浏览器里就能看到首页。
上传文件的时候，大文件按内容分块保存，同样的内容只存一份，下载时再拼起来并核对校验和。
每个仓库都有说明卡片，写明许可证、语言、任务和训练用的数据，方便别人查找和使用。
讨论区里可以提问、回答、投票，也可以提出修改；维护者看过以后再决定是否合并。
评测在单独的进程里进行，结果写进排行榜，附上提交编号和设置，任何人都能重新计算。
如果请求太多，服务器会请你稍等片刻；错误信息会说明发生了什么，以及下一步可以怎么做。
管理员可以备份、恢复、检查存储，也可以查看日志和指标，及时发现损坏的文件。
私有的仓库只有成员能看见，对别人来说就像不存在一样，名称和数量也不会泄露。
生成文字时，可以选择温度、最多的词元数和停止的文字；随时可以停下来，不再占用时间。
"""
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
    """English and Chinese; more than once, so that what is rare becomes tokens too."""
    yield from (BASE / "LICENSE").read_text().splitlines()
    yield from TEXT.splitlines() * 8


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
        # All of it: which of those that are equally frequent are left out is not always the same.
        limit_alphabet=1000,
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
    endless(GPT2LMHeadModel(config), tokenizer).save_pretrained(folder)
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


def endless(model: Any, tokenizer: Any) -> Any:
    """Let a model's end never be the likeliest token, as rounding would have it on some machines."""
    model.get_output_embeddings().weight.data[tokenizer.eos_token_id] = 0
    return model


def slow(folder: Path) -> None:
    """A Llama that takes some milliseconds for a token, has room for many, and does not end by itself."""
    tokenizer = byte_tokenizer()
    sizes = {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 10, "max_position_embeddings": 4096}
    endless(llama(tokenizer, **sizes, initializer_range=0.05), tokenizer).save_pretrained(folder)
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
    endless(MambaForCausalLM(config), tokenizer).save_pretrained(folder)
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
