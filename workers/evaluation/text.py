"""The text of a dataset's split, read as far as it is needed, and its tokens."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import IterableDataset, load_dataset
from datasets import config as datasets_config

from workers.contracts import EvaluationSpec, FailureCode
from workers.refusals import Refused, first_line

# With torch, a streamed split asks for memory that it could share with other processes. This one has none, and may not.
datasets_config.TORCH_AVAILABLE = False

SEPARATOR = "\n\n"
# Characters that a token is first taken to stand for. Where it is less, more rows are read.
CHARACTERS_PER_TOKEN = 6


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
                raise bad_dataset("no-column", wanted=spec.column, there=sorted(map(str, row)))
            if value is None:
                continue
            if not isinstance(value, str):
                raise bad_dataset("not-text", wanted=spec.column, found=type(value).__name__)
            # Half of a surrogate pair, which JSON can spell, stands for no character.
            yield value.encode("utf-8", "replace").decode()
    except Refused:
        raise
    except Exception as error:
        # What reading somebody's files can raise is without end, and each means the same.
        raise bad_dataset("unreadable", detail=first_line(error)) from error


def _open_split(folder: Path, spec: EvaluationSpec) -> IterableDataset:
    try:
        splits = load_dataset(str(folder), name=spec.config or None, streaming=True)
    except Exception as error:
        if spec.config and "BuilderConfig" in str(error):
            raise bad_dataset("no-config", wanted=spec.config, detail=first_line(error)) from error
        raise bad_dataset("unreadable", detail=first_line(error)) from error
    if spec.split not in splits:
        raise bad_dataset("no-split", wanted=spec.split, there=sorted(map(str, splits)))
    rows: IterableDataset = splits[spec.split]
    if rows.column_names and spec.column not in rows.column_names:
        raise bad_dataset("no-column", wanted=spec.column, there=sorted(rows.column_names))
    return rows


def bad_dataset(problem: str, **params: Any) -> Refused:
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
        raise bad_dataset("empty")
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
