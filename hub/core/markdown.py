"""Markdown that people wrote, as HTML that can do no harm.

markdown-it-py parses (CommonMark, tables, strikethrough, task lists, footnotes, dollar math), with tree rules
of our own for what it lacks; hub.core.sanitising goes over everything that comes out, raw HTML included.
"""

import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.rules_block import table
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

from hub.core.highlight import BIDI_CONTROLS, highlight_code
from hub.core.sanitising import ID_PREFIX, MAX_DEPTH, depth_of, sanitise

MAX_TEXT = 192 * 1024  # characters that are rendered; the page says so where there are more
# Of computing, for finding out what a text means and for the colours of its code: as much again goes by until it is drawn.
# Only texts that are made to be slow take longer, and stay plain; the longest honest cards stay below it.
MAX_SECONDS = 0.08
MAX_HEADINGS = 200  # in the list of contents

_DROPPED = dict.fromkeys(map(ord, BIDI_CONTROLS))
_BOX = re.compile(r"\[([ xX])\]\s+")
_ADDRESS = re.compile(r"(?<![A-Za-z0-9])https?://[^\s<>\"“”（）。，]{1,2000}")
_NO_END = ".,;:!?*_~'"  # after an address, the sentence's own
# What the words of a text stand in, and what else of it can be found.
_SAID = ("text", "code_inline")
_SAID_ON_THE_WHOLE = ("image", "math_inline", "math_inline_double")
_BLOCKS_OF_CODE = ("fence", "code_block", "math_block", "math_block_label")
# How many steps of parsing go by between two looks at the clock, which costs as much as some of them.
_STEPS = 64
_CELLS_PER_SECOND = 60_000
# Raw HTML around words that are not the text's own: a link, or something that is quoted as it is.
_QUOTING = re.compile(r"<(/?)(?:a|code|kbd|pre|samp|var)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Heading:
    """A line of the list of contents; `id` is what follows # in its address."""

    level: int
    id: str
    text: str


@dataclass(frozen=True)
class Rendered:
    """`html` is safe to put on a page; a page with `has_math` loads `partials/math.html` too."""

    html: SafeString
    headings: Sequence[Heading]
    has_math: bool
    truncated: bool


class Mark(NamedTuple):
    """Characters `start` to `end` of a piece of text mean what is at `address`."""

    start: int
    end: int
    address: str


class Marker(Protocol):
    """What makes links of words that name something."""

    def marks(self, text: str) -> Iterable[Mark]:
        """Return the links in a piece of plain text, in order, none within another."""

    def label(self, address: str) -> str:
        """Return what an address that stands in the text by itself is shown as."""


class _TooSlow(Exception):
    """A text takes longer than it may."""


class Parsed:
    """A text, parsed: what it says can be looked at before it is rendered. Texts beyond MAX_TEXT are cut at a line.

    seconds: of computing that it may take, the colours of its code included. What takes longer is plain: it has no links
    and names nothing.
    """

    def __init__(self, text: str, *, seconds: float = MAX_SECONDS) -> None:
        self.shown, self.truncated = _cut(text.translate(_DROPPED))
        self.environment: dict[str, Any] = {
            # The thread's own: a busy machine must not make plain what is harmless.
            "until": (until := time.thread_time() + seconds),
            "steps": 0,
            "cells": int(seconds * _CELLS_PER_SECOND),
        }
        self.is_plain = False
        try:
            self.tokens = _parser().parse(self.shown, self.environment)
        except _TooSlow:
            self.is_plain, self.tokens = True, []
        self.environment["code_seconds"] = until - time.thread_time()

    def words(self) -> Iterator[str]:
        """Yield the pieces of plain text that stand neither in code, nor in mathematics, nor in a link."""
        for block in _inline(self.tokens):
            yield from (token.content for token, free in _with_freedom(block) if free)

    def addresses(self) -> Iterator[str]:
        """Yield where the links lead that are not raw HTML."""
        for block in _inline(self.tokens):
            for token in block.children or []:
                if token.type == "link_open":
                    yield str(token.attrs.get("href", ""))


def render(
    text: str | Parsed, *, link_base: str = "", raw_base: str = "", scope: str = "", marker: Marker | None = None
) -> Rendered:
    """Return `text` as HTML.

    link_base: site path before which relative links go (`/ada/tiny/blob/main`); raw_base: the same for images, audio
    and video (`/ada/tiny/resolve/main`). Without a base, relative addresses are left out. scope: stands in every id, so
    that several texts of one page keep theirs apart. marker: makes links of words. Never raises: text beyond MAX_TEXT is cut
    at a line, and the HTML says so.
    """
    prefix = f"{ID_PREFIX}{scope}-" if scope else ID_PREFIX
    parsed = Parsed(text) if isinstance(text, str) else text
    headings = _name_headings(parsed.tokens, prefix)
    if marker is not None:
        _mark(parsed.tokens, marker)
    html = _parser().renderer.render(parsed.tokens, _parser().options, parsed.environment)
    if parsed.is_plain or depth_of(html) > MAX_DEPTH:
        headings = []
        html = format_html(
            '<p class="preline">{}</p><p class="muted">{}</p>',
            parsed.shown,
            _("Its marks would take this text too long to show, so it is shown as it was written."),
        )
    else:
        html = sanitise(html, link_base=link_base, raw_base=raw_base, prefix=prefix)
    if parsed.truncated:
        html += format_html(
            '<p class="muted">{}</p>',
            _("This text has more than %(max)d kB; what follows is not shown here. Open the file to read all of it.")
            % {"max": MAX_TEXT // 1024},
        )
    return Rendered(mark_safe(html), headings, 'class="math' in html, parsed.truncated)  # noqa: S308 - sanitised above


def plain_text(text: str, limit: int, *, whole: bool = False) -> list[str]:
    """Return the words of a Markdown text without its marks, code and HTML: one string for each paragraph or heading.

    `limit` bounds the characters that are read, and so the time. whole: with code, mathematics and what stands for images; and
    a text that takes too long to be understood as it was written.
    """
    parsed = Parsed(_cut(text, limit)[0])
    if whole and parsed.is_plain:
        return [said for line in parsed.shown.split("\n") if (said := " ".join(line.split()))]
    paragraphs = []
    for token in parsed.tokens:
        if token.type == "inline":
            said = "".join(_said(child, whole) for child in token.children or [])
        elif whole and token.type in _BLOCKS_OF_CODE:
            said = token.content
        else:
            continue
        if said := " ".join(said.split()):
            paragraphs.append(said)
    return paragraphs


def _said(token: Token, whole: bool) -> str:
    if token.type in _SAID or (whole and token.type in _SAID_ON_THE_WHOLE):
        return token.content
    return " " if token.type in ("softbreak", "hardbreak") else ""


def _cut(text: str, limit: int = MAX_TEXT) -> tuple[str, bool]:
    if len(text) <= limit:
        return text, False
    cut = text[:limit]
    return cut[: cut.rfind("\n") + 1] or cut, True


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True})
    parser.enable(["table", "strikethrough"])
    parser.use(footnote_plugin, inline=False).use(
        dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True
    )
    parser.inline.ruler.before("text", "clock", _look_at_clock)
    parser.inline.ruler2.before("balance_pairs", "clock", _check_clock)
    parser.core.ruler.after("inline", "clock", _check_clock)
    parser.block.ruler.before(
        "table", "clock", _look_at_clock, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.block.ruler.at("table", _small_table, {"alt": ["paragraph", "reference"]})
    parser.core.ruler.push("bare_addresses", _link_addresses)
    parser.core.ruler.push("task_list", _mark_tasks)
    parser.core.ruler.push("cell_alignment", _align_cells)
    for rule in (fence, code_block, math_inline, math_inline_double, math_block, math_block_label):
        parser.add_render_rule(rule.__name__, rule)
    return parser


def _look_at_clock(state: Any, *_place: Any) -> bool:
    """A rule that stands before all others and takes nothing: each step of parsing comes by. Raises _TooSlow."""
    environment = state.env
    environment["steps"] += 1
    if not environment["steps"] % _STEPS:
        _check_clock(state)
    return False


def _check_clock(state: Any) -> None:
    if time.thread_time() > state.env["until"]:
        raise _TooSlow


def _small_table(state: Any, start: int, end: int, silent: bool) -> bool:
    """Read a table that has no more cells than the text's time allows: the library counts none, and fills up short rows."""
    head = state.src[state.bMarks[start] : state.eMarks[start]]
    if "|" not in head:
        return False
    if not silent:
        close = state.src.find("\n\n", state.eMarks[start])
        rows = state.src.count("\n", state.eMarks[start], close if close >= 0 else len(state.src))
        if head.count("|") * rows > state.env["cells"]:
            return False
    return table(state, start, end, silent)


def _link_addresses(state: Any) -> None:
    """Make links of addresses in plain text. Only of those that say so: `model.py` is a file here, not a host in Paraguay.

    In place of markdown-it's linkify, whose patterns take time that grows with the square of the text.
    """
    for block in _inline(state.tokens):
        if "://" in block.content:
            _split(block, _split_addresses)


def _inline(tokens: Sequence[Token]) -> Iterator[Token]:
    return (token for token in tokens if token.type == "inline")


def _with_freedom(block: Token) -> Iterator[tuple[Token, bool]]:
    """Yield what is in a paragraph, each with whether it is plain text outside links and quoting HTML."""
    links = quotes = 0
    for token in block.children or []:
        links += (token.type == "link_open") - (token.type == "link_close")
        if token.type == "html_inline" and (found := _QUOTING.match(token.content)):
            quotes = max(0, quotes - 1) if found[1] else quotes + 1
        yield token, token.type == "text" and not links and not quotes


def _split(block: Token, parts: Callable[[Token], Iterable[Token]]) -> None:
    """Put `parts` of each free piece of text in its place."""
    children: list[Token] = []
    for token, free in _with_freedom(block):
        children += parts(token) if free else [token]
    block.children = children


def _link(address: str, label: str) -> Iterator[Token]:
    yield Token("link_open", "a", 1, attrs={"href": address}, info="auto")
    yield Token("text", "", 0, content=label)
    yield Token("link_close", "a", -1)


def _split_addresses(token: Token) -> Iterator[Token]:
    done = 0
    for found in _ADDRESS.finditer(token.content):
        address = found[0].rstrip(_NO_END)
        if address.endswith(")") and "(" not in address:
            address = address.rstrip(")" + _NO_END)
        yield Token("text", "", 0, content=token.content[done : found.start()])
        yield from _link(address, address)
        done = found.start() + len(address)
    yield token.copy(content=token.content[done:])


def _mark(tokens: Sequence[Token], marker: Marker) -> None:
    """Make links of what `marker` knows, and show addresses as it says."""

    def parts(token: Token) -> Iterator[Token]:
        done = 0
        for start, end, address in marker.marks(token.content):
            yield Token("text", "", 0, content=token.content[done:start])
            yield from _link(address, token.content[start:end])
            done = end
        yield token.copy(content=token.content[done:])

    for block in _inline(tokens):
        children = block.children or []
        for opening, shown in pairwise(children):
            if opening.type == "link_open" and opening.info == "auto" and shown.type == "text":
                shown.content = marker.label(str(opening.attrs.get("href", ""))) or shown.content
        _split(block, parts)


def _mark_tasks(state: Any) -> None:
    """Show `[x]` at the start of a list item as a ticked box: a sign, not a form control."""
    tokens = state.tokens
    for item, paragraph, inline in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if (item.type, paragraph.type, inline.type) != ("list_item_open", "paragraph_open", "inline"):
            continue
        first = inline.children[0] if inline.children else None
        found = _BOX.match(inline.content)
        if found and first is not None and first.type == "text" and first.content.startswith(found[0].rstrip()):
            box = "☐" if found[1] == " " else "☑"
            first.content = f"{box} {first.content[len(found[0]) :]}"
            item.attrJoin("class", "task-list-item")


def _align_cells(state: Any) -> None:
    """Say a column's alignment by attribute: the content policy takes no style attributes."""
    for token in state.tokens:
        if token.type in ("th_open", "td_open") and "style" in token.attrs:
            token.attrs["align"] = str(token.attrs.pop("style")).rpartition(":")[2]


def fence(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
    if language == "math":
        return f'<div class="math block">{escape(token.content.strip())}</div>\n'
    return _code(token.content, language.strip("{}.").lower(), env)


def code_block(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return _code(tokens[index].content, "", env)


def _code(code: str, language: str, env: Any) -> str:
    code = code.removesuffix("\n")
    begun = time.thread_time()
    html = highlight_code(code, language if env["code_seconds"] > 0 else "", env["code_seconds"])
    env["code_seconds"] -= time.thread_time() - begun
    return f"<pre><code>{html}\n</code></pre>\n"


def math_inline(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return f'<span class="math inline">{escape(tokens[index].content)}</span>'


def math_inline_double(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return math_inline(self, tokens, index, options, env)


def math_block(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return f'<div class="math block">{escape(tokens[index].content.strip())}</div>\n'


def math_block_label(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return math_block(self, tokens, index, options, env)


def _name_headings(tokens: Sequence[Token], prefix: str) -> list[Heading]:
    """Give every heading an id made of its words, and return the list of contents."""
    headings: list[Heading] = []
    times: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        text = "".join(c.content for c in inline.children or [] if c.type in ("text", "code_inline")).strip()
        slug = _slug(text)
        times[slug] = count = times.get(slug, -1) + 1
        anchor = f"{slug}-{count}" if count else slug
        opening.attrs["id"] = anchor
        if text and len(headings) < MAX_HEADINGS:
            headings.append(Heading(int(opening.tag[1]), prefix + anchor, text))
    return headings


def _slug(text: str) -> str:
    kept = (c for c in text.lower() if c in " -_" or unicodedata.category(c)[0] in "LNM")
    return "".join(kept).strip().replace(" ", "-")[:100] or "section"
