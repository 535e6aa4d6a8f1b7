"""The texts that the samples are made of: documentation in English, messages in Chinese, and plain opinions."""

import ast
import random
import re
from itertools import product
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

HELD_OUT = 10  # every tenth passage is for the test split
_CODE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_MARKS = re.compile(r"\[([^\]]+)\]\([^)]*\)|[*`]+")
_MESSAGE = re.compile(r'^msgstr(?:\[\d\])? ((?:".*"\n?)+)', re.MULTILINE)
_BLANK = re.compile(r"%\(\w+\)[sd]|%[sd]")
_MARKUP = re.compile(r"[{}<>&%]")

SUBJECTS = (
    "the model card|this checkpoint|the tokenizer|the new release|this dataset|the documentation|the demo|the fine-tune|"
    "the upload|this adapter|the evaluation|the answer|the second version|this little model|the summary|the translation"
).split("|")
GOOD = (
    "is clear and helpful|works at once|is a joy to use|answers well and quickly|is better than I hoped|is carefully made|"
    "saved me a whole day|gives sharp, honest results|is easy to build on|is exactly what we needed|never let me down|"
    "is well explained|runs smoothly on my laptop|is surprisingly good|deserves more attention|is reliable and fast"
).split("|")
BAD = (
    "is confusing and slow|broke after a minute|is a waste of time|gives wrong answers with confidence|is worse than before|"
    "is badly explained|cost me a whole day|repeats itself without end|is hard to install|ignores half of the question|"
    "fails on every long text|is full of errors|does not even load|is disappointing|crashes on my machine|is useless to us"
).split("|")
FRAMES = "{0} {1}.|Honestly, {0} {1}.|I think {0} {1}.|For my work, {0} {1}.|We all agree that {0} {1}.|So far {0} {1}!".split(
    "|"
)


def documentation(root: Path) -> list[str]:
    """Return the passages of the documentation and of the code's docstrings, each once, in a fixed order."""
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]
    passages = [passage for page in pages if page.exists() for passage in _paragraphs(page.read_text())]
    for source in sorted([*(root / "hub").rglob("*.py"), *(root / "workers").rglob("*.py")]):
        nodes = ast.walk(ast.parse(source.read_text()))
        named = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        for node in nodes:
            if isinstance(node, named) and (text := ast.get_docstring(node)):
                passages += _paragraphs(text)
    return list(dict.fromkeys(passage for passage in passages if len(passage) > 40))


def messages(root: Path) -> list[str]:
    """Return what the site says in Chinese, each message once, with a plain word where it has something to fill in."""
    catalogue = (root / "hub" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po").read_text()
    said = [
        "".join(ast.literal_eval(line) for line in found.split("\n") if line) for found in _MESSAGE.findall(catalogue)
    ]
    filled = dict.fromkeys(_BLANK.sub("某个", text).strip() for text in said)
    return [text for text in filled if len(text) > 3 and not _MARKUP.search(text)]


def opinions() -> list[dict[str, str]]:
    """Return every opinion that the phrases make: text and label, shuffled in a fixed order."""
    rows = [
        {"text": _sentence(frame.format(subject, verdict)), "label": label}
        for label, verdicts in (("positive", GOOD), ("negative", BAD))
        for frame, subject, verdict in product(FRAMES, SUBJECTS, verdicts)
    ]
    random.Random(7).shuffle(rows)  # noqa: S311 (the same order everywhere)
    return rows


def split(rows: list[T]) -> tuple[list[T], list[T]]:
    """Return (train, test); every tenth row is a test row, so the splits stay alike when the texts grow."""
    return [r for n, r in enumerate(rows) if n % HELD_OUT], rows[::HELD_OUT]


def questions(passages: list[str]) -> list[tuple[str, str]]:
    """Return pairs of a question and an answer for the chat model, from the passages' own beginnings."""
    pairs = []
    for passage in passages:
        first, _dot, rest = passage.partition(". ")
        topic = " ".join(first.split()[:6]).rstrip(".,:;")
        pairs.append((f"What does Grove say about “{topic}”?", first + "." if rest else passage))
        if rest:
            pairs.append((f"Go on: {first}.", rest))
    return pairs


def _paragraphs(text: str) -> list[str]:
    """Return the paragraphs of Markdown as plain sentences, without code, tables and headings."""
    text = _MARKS.sub(lambda found: found[1] or "", _CODE.sub("", text))
    parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    return [part for part in parts if part and part[0] not in "#|<!>" and not part.startswith("---")]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
