"""Text to search terms: words of languages with spaces, single signs and pairs of signs for Chinese, Japanese and Korean.

PostgreSQL's own parsers find no words in a Chinese sentence. Pairs do: two neighbouring signs are the usual Chinese word,
and a longer word is all of its pairs. Both the stored vector and the query are made here, so they always agree.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

MAX_TERMS = 20_000  # of one row
MAX_TERM = 64  # characters of a word that count
MAX_QUERY = 200  # characters of a query that count
MAX_QUERY_TERMS = 24

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"([{_CJK}]+)|([^\W_{_CJK}]+)")


def fold(text: str) -> str:
    """Return `text` in lower case, compatibility forms resolved and accents taken off: "Ｃafé" -> "cafe"."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return unicodedata.normalize("NFC", "".join(c for c in apart if not "\u0300" <= c <= "\u036f"))


def composed(text: str) -> str:
    """Return `text` with each letter and its accents as one sign, as most people write it and `places` finds it."""
    return unicodedata.normalize("NFC", text)


def vector(parts: Iterable[tuple[str, str]], sign: str = "") -> str:
    """Return the text form of a tsvector. parts: (weight, text), weight A (names) to D (body); a term keeps its best.

    sign: stands before each term, which keeps them apart from those of another vector that this one is joined with.
    """
    weights: dict[str, str] = {}
    for weight, text in parts:
        for term in _terms(fold(text)):
            if weight < weights.get(term, "E"):
                if len(weights) >= MAX_TERMS:
                    break
                weights[term] = weight
    return " ".join(f"'{sign}{term}':1{weight}" for term, weight in weights.items())


@dataclass(frozen=True)
class Term:
    """What one word of a query asks for, folded. begins: it may be the beginning of a longer word."""

    text: str
    begins: bool = False

    def lexeme(self, sign: str = "") -> str:
        """Return it as a tsquery has it. sign: that of a vector whose terms have one."""
        return f"'{sign}{self.text}'{':*' if self.begins else ''}"


@dataclass(frozen=True)
class Place:
    """Characters `start` to `end` of a text, which `terms` of a query ask for."""

    start: int
    end: int
    terms: frozenset[Term]


def terms(text: str) -> list[Term]:
    """Return what a query asks for: every word, the last one as the beginning of a word; nothing where it has none."""
    runs = _RUN.findall(fold(text[:MAX_QUERY]))
    wanted: list[Term] = []
    for position, (signs, word) in enumerate(runs):
        if signs:
            pairs = [signs] if len(signs) == 1 else [signs[i : i + 2] for i in range(len(signs) - 1)]
            wanted += map(Term, pairs)
        else:
            wanted.append(Term(word[:MAX_TERM], begins=position == len(runs) - 1))
    return list(dict.fromkeys(wanted))[:MAX_QUERY_TERMS]


def query(text: str, *, any_of: bool = False) -> str:
    """Return the text form of a tsquery that asks for all terms of `text`, or for any of them; "" where there is none.

    Rank by any of them: of all, PostgreSQL asks how near they stand to each other, which no vector tells, and ranks alike.
    """
    return (" | " if any_of else " & ").join(term.lexeme() for term in terms(text))


def places(text: str, wanted: Sequence[Term]) -> list[Place]:
    """Return where `text` says what is asked for, in order, none within another. It is looked at as `vector` does."""
    if not wanted:
        return []
    whole = {term.text: term for term in wanted}
    beginnings = [term for term in wanted if term.begins]
    folded, origins = _fold_with_origins(text)
    found: list[Place] = []
    for run in _RUN.finditer(folded):
        signs, word = run.groups()
        if word:
            met = {term for term in beginnings if word.startswith(term.text)}
            if cut := whole.get(word[:MAX_TERM]):
                met.add(cut)
            if met:
                found.append(Place(origins[run.start()], origins[run.end() - 1] + 1, frozenset(met)))
            continue
        for index in range(len(signs)):
            for length in (2, 1):
                term = whole.get(signs[index : index + length])
                if term is None or index + length > len(signs):
                    continue
                start = origins[run.start() + index]
                end = origins[run.start() + index + length - 1] + 1
                if found and start <= found[-1].end:
                    # Pairs of one long word overlap: they are one place.
                    before = found.pop()
                    start, end = before.start, max(end, before.end)
                    found.append(Place(start, end, before.terms | {term}))
                else:
                    found.append(Place(start, end, frozenset({term})))
                break
    return found


@lru_cache(maxsize=8192)
def _fold_sign(sign: str) -> str:
    return fold(sign)


def _fold_with_origins(text: str) -> tuple[str, Sequence[int]]:
    """Return the text folded sign by sign, and for each sign of that the index of the one in `text` that it comes from."""
    if text.isascii():
        return text.lower(), range(len(text))
    pieces, origins = [], []
    for index, sign in enumerate(text):
        folded = _fold_sign(sign)
        pieces.append(folded)
        origins += [index] * len(folded)
    return "".join(pieces), origins


def _terms(text: str) -> Iterator[str]:
    for found in _RUN.finditer(text):
        signs, word = found.groups()
        if word:
            yield word[:MAX_TERM]
            continue
        for index, sign in enumerate(signs):
            yield sign
            if index:
                yield signs[index - 1 : index + 1]
