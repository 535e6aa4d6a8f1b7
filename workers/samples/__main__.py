"""Makes the sample repositories: `python -m workers.samples ROOT FOLDER`."""

import json
import math
import os
import sys
from pathlib import Path

import torch
from transformers.utils import logging

from workers.samples import cards, texts, training

OWNER = "orchard-lab"


def main(root: Path, folder: Path) -> None:
    """Write all repositories below `folder`, and say what is done meanwhile."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    english_train, english_test = texts.split(texts.documentation(root))
    chinese_train, chinese_test = texts.split(texts.messages(root))
    opinions_train, opinions_test = texts.split(texts.opinions())
    text = {"train": [{"text": t} for t in english_train], "test": [{"text": t} for t in english_test]}
    write_dataset(folder / "grove-handbook", text, cards.HANDBOOK)
    text = {"train": [{"text": t} for t in chinese_train], "test": [{"text": t} for t in chinese_test]}
    write_dataset(folder / "grove-messages-zh", text, cards.MESSAGES)
    write_dataset(folder / "short-opinions", {"train": opinions_train, "test": opinions_test}, cards.OPINIONS)
    train_english(folder, english_train)
    train_chinese(folder, chinese_train)
    train_opinions(folder, opinions_train, opinions_test)


def train_english(folder: Path, passages: list[str]) -> None:
    """Write the base model, its early checkpoint, and the chat model that is tuned from it."""
    say = sayer("sprout-tiny")
    tokenizer = training.byte_tokenizer(passages, 2048)
    model = training.new_language_model(tokenizer)

    def keep_early(loss: float) -> None:
        training.save(model, tokenizer, folder / "sprout-tiny.early")
        write_card(folder / "sprout-tiny.early", cards.SPROUT, loss)

    loss = training.train_on_text(model, tokenizer, passages, steps=240, say=say, at={60: keep_early})
    training.save(model, tokenizer, folder / "sprout-tiny")
    write_card(folder / "sprout-tiny", cards.SPROUT, loss)

    say = sayer("sprout-tiny-chat")
    tokenizer.chat_template = training.CHAT_TEMPLATE
    loss = training.train_on_chat(model, tokenizer, texts.questions(passages), steps=80, say=say)
    training.save(model, tokenizer, folder / "sprout-tiny-chat")
    write_card(folder / "sprout-tiny-chat", cards.CHAT, loss)


def train_chinese(folder: Path, messages: list[str]) -> None:
    """Write the Chinese language model."""
    say = sayer("xinmiao-tiny")
    tokenizer = training.byte_tokenizer(messages, 1500)
    model = training.new_language_model(tokenizer, width=128, layers=3)
    loss = training.train_on_text(model, tokenizer, messages, steps=160, say=say)
    training.save(model, tokenizer, folder / "xinmiao-tiny")
    write_card(folder / "xinmiao-tiny", cards.XINMIAO, loss)


def train_opinions(folder: Path, train: list[dict[str, str]], test: list[dict[str, str]]) -> None:
    """Write the sentiment classifier."""
    say = sayer("mood-tiny")
    tokenizer = training.word_tokenizer([row["text"] for row in train], 800)
    model = training.train_classifier(tokenizer, train, steps=60, say=say)
    training.save(model, tokenizer, folder / "mood-tiny")
    accuracy = training.accuracy_of(model, tokenizer, test)
    (folder / "mood-tiny" / "README.md").write_text(cards.MOOD.format(owner=OWNER, accuracy=f"{accuracy:.1%}"))


def write_dataset(folder: Path, splits: dict[str, list[dict[str, str]]], card: str) -> None:
    (folder / "data").mkdir(parents=True)
    for name, rows in splits.items():
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / "data" / f"{name}.jsonl").write_text("".join(lines))
    counts = {name: len(rows) for name, rows in splits.items()}
    (folder / "README.md").write_text(card.format(owner=OWNER, **counts))


def write_card(folder: Path, card: str, loss: float) -> None:
    filled = card.format(owner=OWNER, loss=f"{loss:.2f}", perplexity=f"{math.exp(loss):.0f}")
    (folder / "README.md").write_text(filled)


def sayer(name: str) -> training.Say:
    return lambda text: print(f"training {name}: {text}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
