"""Source text as HTML: Pygments' short class names, coloured by the style sheet. Bounded in size and in time.

Only languages that model repositories hold are lexed: each of these lexers has been tried on hostile text, and what no
list names is shown plainly rather than given to a lexer that nobody has looked at. Where a text takes too long, its rest
is shown without colours.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class, find_lexer_class_by_name, find_lexer_class_for_filename
from pygments.token import STANDARD_TYPES, _TokenType
from pygments.util import ClassNotFound

# Pygments' own names of the lexers that are used; its name of R is S.
LANGUAGES = frozenset(
    """
    Bash|Batchfile|C|C++|CMake|CSS|CUDA|Diff|Docker|Go|HTML|INI|Java|JavaScript|JSON|Julia|Kotlin|Lua|Makefile|
    PHP|Properties|Python|Python console session|Ruby|Rust|SQL|Bash Session|Swift|TOML|TypeScript|XML|YAML|
    JSON-LD|PowerShell|Perl|Scala|S
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
MAX_COLOURED = 256 * 1024  # characters; longer text is shown without colours
MAX_COLOURED_LINE = 4096  # characters; a longer line (minified code, data) leaves the whole text without colours
MAX_SECONDS = 1.0
MAX_SHOWN = 1024 * 1024  # characters of a file that are shown at all
MAX_LINES = 10_000

# Signs that reorder the text around them on the screen, so that it reads otherwise than it runs (CVE-2021-42574).
BIDI_CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_BIDI = re.compile(f"[{BIDI_CONTROLS}]")
_EXTENSIONS = {".jinja": "HTML", ".jsonl": "JSON", ".ipynb": "JSON", ".modelfile": "Docker"}


@dataclass(frozen=True)
class SourceFile:
    """A file as numbered rows of `<table class="lines">`. `shown` of `lines` lines are in `rows`."""

    rows: SafeString
    lines: int
    shown: int
    language: str

    @property
    def truncated(self) -> bool:
        return self.shown < self.lines


def highlight_code(code: str, language: str, seconds: float = MAX_SECONDS) -> SafeString:
    """Return the inside of a `<code>` element for a language as Markdown fences name it; plain where it is not known."""
    return mark_safe("\n".join(_lines(code, _lexer_named(language), seconds)))  # noqa: S308 - every piece is escaped below


def highlight_file(name: str, text: str) -> SourceFile:
    """Return the file's rows, each with the id `L<number>` and a link to itself; the language goes by the file's name."""
    lexer = _lexer_for_file(name)
    total = text.count("\n") + (not text.endswith("\n") and text != "")
    cut = text[:MAX_SHOWN]
    lines = list(_lines(cut.removesuffix("\n"), lexer))[:MAX_LINES] if text else []
    rows = "".join(
        f'<tr id="L{number}"><td class="ln"><a href="#L{number}">{number}</a></td><td class="lc">{line}</td></tr>'
        for number, line in enumerate(lines, 1)
    )
    language = lexer.name if lexer else ""
    return SourceFile(mark_safe(rows), total, len(lines), language)  # noqa: S308 - built of escaped lines


def _lexer_named(language: str) -> Lexer | None:
    try:
        return _allowed(find_lexer_class_by_name(language)) if language else None
    except ClassNotFound:
        return None


def _lexer_for_file(name: str) -> Lexer | None:
    for extension, language in _EXTENSIONS.items():
        if name.lower().endswith(extension):
            return _allowed(find_lexer_class(language))
    return _allowed(find_lexer_class_for_filename(name.rpartition("/")[2]))


def _allowed(lexer: type[Lexer] | None) -> Lexer | None:
    if lexer is None or lexer.name not in LANGUAGES:
        return None
    return lexer(stripnl=False, ensurenl=False)


def _lines(text: str, lexer: Lexer | None, seconds: float = MAX_SECONDS) -> Iterator[str]:
    """Yield each line of the text as HTML; no element goes over the end of a line."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if lexer is None or len(text) > MAX_COLOURED or max(map(len, text.split("\n"))) > MAX_COLOURED_LINE:
        yield from map(_escape, text.split("\n"))
        return
    line: list[str] = []
    for name, value in _tokens(text, lexer, seconds):
        first, *others = value.split("\n")
        line.append(_span(name, first))
        for piece in others:
            yield "".join(line)
            line = [_span(name, piece)]
    yield "".join(line)


def _tokens(text: str, lexer: Lexer, seconds: float) -> Iterator[tuple[str, str]]:
    """Yield (class, text) pieces that make up the text."""
    deadline = time.monotonic() + seconds
    for index, kind, value in lexer.get_tokens_unprocessed(text):
        if time.monotonic() > deadline:
            yield "", text[index:]
            return
        yield _class_of(kind), value


def _class_of(kind: _TokenType) -> str:
    while kind not in STANDARD_TYPES and kind.parent is not None:
        kind = kind.parent
    return STANDARD_TYPES.get(kind, "")


def _span(name: str, value: str) -> str:
    if not value or not name or name == "w":
        return _escape(value)
    return f'<span class="{name}">{_escape(value)}</span>'


def _escape(value: str) -> str:
    """Escape for HTML, and show what would reorder the text by its number."""
    return _BIDI.sub(lambda found: f"<mark>U+{ord(found[0]):04X}</mark>", str(escape(value)))
