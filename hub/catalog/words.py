"""Text to search terms: words of languages with spaces, single signs and pairs of signs for Chinese, Japanese and Korean.

PostgreSQL's own parsers find no words in a Chinese sentence. Pairs do: two neighbouring signs are the usual Chinese word,
and a longer word is all of its pairs. Both the stored vector and the query are made here, so they always agree.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

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


def vector(parts: Iterable[tuple[str, str]]) -> str:
    """Return the text form of a tsvector. parts: (weight, text), weight A (names) to D (body); a term keeps its best."""
    weights: dict[str, str] = {}
    for weight, text in parts:
        for term in _terms(fold(text)):
            if weight < weights.get(term, "E"):
                if len(weights) >= MAX_TERMS:
                    break
                weights[term] = weight
    return " ".join(f"'{term}':1{weight}" for term, weight in weights.items())


def query(text: str) -> str:
    """Return the text form of a tsquery: every word, the last one as the beginning of a word; "" where there is none."""
    runs = _RUN.findall(fold(text[:MAX_QUERY]))
    wanted: list[str] = []
    for position, (signs, word) in enumerate(runs):
        if signs:
            wanted += [signs] if len(signs) == 1 else [signs[i : i + 2] for i in range(len(signs) - 1)]
        else:
            wanted.append(word[:MAX_TERM])
            if position == len(runs) - 1:
                wanted[-1] += ":*"
    terms = [f"'{term.removesuffix(':*')}'{':*' if term.endswith(':*') else ''}" for term in dict.fromkeys(wanted)]
    return " & ".join(terms[:MAX_QUERY_TERMS])


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
