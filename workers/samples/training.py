"""Training the sample models: a few seconds each on two cores. Real architectures and tokenizers, and very small."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

CONTEXT = 512
BLOCK = 96  # tokens of a training row
BOS, EOS, PAD = "<s>", "</s>", "<pad>"
USER, ASSISTANT = "<|user|>", "<|assistant|>"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}{{ eos_token }}"
    "{% else %}<|user|>{{ message['content'] }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

Say = Callable[[str], None]


def byte_tokenizer(texts: list[str], size: int) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer of at most `size` tokens, trained on the texts; any text can be written with it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[BOS, EOS, PAD, USER, ASSISTANT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def word_tokenizer(texts: list[str], size: int) -> PreTrainedTokenizerFast:
    """Return a WordPiece tokenizer as BERT has it, trained on the texts."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    )
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=128,
    )


def new_language_model(tokenizer: PreTrainedTokenizerFast, *, width: int = 160, layers: int = 4) -> LlamaForCausalLM:
    """Return an untrained Llama of about 1.6 million parameters (width 160, 4 layers, 2,048 tokens)."""
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=width * 8 // 3,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=True,
        )
    )


def train_on_text(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    texts: list[str],
    *,
    steps: int,
    say: Say,
    at: dict[int, Callable[[float], None]] | None = None,
) -> float:
    """Train on the texts, one after the other with an end after each. Returns the mean loss (nats a token) of the last steps.

    at: what to do after how many steps, with the loss of that time.
    """
    stream = torch.tensor([i for text in texts for i in [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]])

    def batches() -> Iterator[dict[str, torch.Tensor]]:
        order = torch.Generator().manual_seed(1)
        while True:
            starts = torch.randint(0, len(stream) - BLOCK - 1, (16,), generator=order)
            rows = torch.stack([stream[s : s + BLOCK] for s in starts])
            yield {"input_ids": rows, "labels": rows}

    return _train(model, batches(), steps=steps, rate=3e-3, say=say, at=at or {})


def train_on_chat(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    pairs: list[tuple[str, str]],
    *,
    steps: int,
    say: Say,
) -> float:
    """Teach a language model to answer, from (question, answer) pairs; only the answers count. Returns the last loss."""
    rows = []
    for question, answer in pairs:
        messages = [{"role": "user", "content": question}]
        asked = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        answered = tokenizer(answer, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        rows.append((asked, answered[: 2 * BLOCK]))

    def batches() -> Iterator[dict[str, torch.Tensor]]:
        order = torch.Generator().manual_seed(2)
        while True:
            chosen = [rows[i] for i in torch.randint(0, len(rows), (16,), generator=order)]
            longest = max(len(asked) + len(answered) for asked, answered in chosen)
            ids = torch.full((16, longest), tokenizer.pad_token_id)
            labels = torch.full((16, longest), -100)
            for n, (asked, answered) in enumerate(chosen):
                ids[n, : len(asked) + len(answered)] = torch.tensor(asked + answered)
                labels[n, len(asked) : len(asked) + len(answered)] = torch.tensor(answered)
            yield {"input_ids": ids, "attention_mask": ids != tokenizer.pad_token_id, "labels": labels}

    return _train(model, batches(), steps=steps, rate=1e-3, say=say, at={})


def train_classifier(
    tokenizer: PreTrainedTokenizerFast, rows: list[dict[str, str]], *, steps: int, say: Say
) -> DistilBertForSequenceClassification:
    """Return a classifier of two labels, negative and positive, trained on rows of text and label."""
    torch.manual_seed(0)
    names = ["negative", "positive"]
    model = DistilBertForSequenceClassification(
        DistilBertConfig(
            vocab_size=len(tokenizer),
            dim=128,
            hidden_dim=256,
            n_layers=2,
            n_heads=4,
            max_position_embeddings=128,
            pad_token_id=tokenizer.pad_token_id,
            id2label=dict(enumerate(names)),
            label2id={name: n for n, name in enumerate(names)},
        )
    )

    def batches() -> Iterator[dict[str, torch.Tensor]]:
        order = torch.Generator().manual_seed(3)
        while True:
            chosen = [rows[i] for i in torch.randint(0, len(rows), (32,), generator=order)]
            batch = dict(tokenizer([row["text"] for row in chosen], padding=True, return_tensors="pt"))
            batch.pop("token_type_ids", None)
            yield batch | {"labels": torch.tensor([names.index(row["label"]) for row in chosen])}

    _train(model, batches(), steps=steps, rate=1e-3, say=say, at={})
    return model


@torch.no_grad()
def accuracy_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, rows: list[dict[str, str]]) -> float:
    """Return the share of rows whose label the classifier finds."""
    model.eval()
    batch = dict(tokenizer([row["text"] for row in rows], padding=True, return_tensors="pt"))
    batch.pop("token_type_ids", None)
    found = model(**batch).logits.argmax(-1).tolist()
    return sum(model.config.id2label[n] == row["label"] for n, row in zip(found, rows, strict=True)) / len(rows)


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write safetensors, configuration and tokenizer."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _train(
    model: PreTrainedModel,
    batches: Iterator[dict[str, torch.Tensor]],
    *,
    steps: int,
    rate: float,
    say: Say,
    at: dict[int, Callable[[float], None]],
) -> float:
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: min(1.0, (n + 1) / 20) * (0.1 + 0.9 * (1 + math.cos(math.pi * n / steps)) / 2)
    )
    losses: list[float] = []
    for step in range(1, steps + 1):
        loss = model(**next(batches)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        losses.append(loss.item())
        recent = sum(losses[-10:]) / len(losses[-10:])
        if step % max(1, steps // 4) == 0:
            say(f"step {step} of {steps}, loss {recent:.2f}")
        if step in at:
            at[step](recent)
            model.train()
    model.eval()
    return sum(losses[-10:]) / len(losses[-10:])
