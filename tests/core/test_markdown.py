"""Markdown: what authors may do is kept, what could harm a reader is gone, and no text takes long."""

import pytest

from hub.core.markdown import MAX_TEXT, plain_text, render
from tests.computing import timed


def html(text: str) -> str:
    return str(render(text, link_base="/ada/tiny/blob/main", raw_base="/ada/tiny/resolve/main").html)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x.png onerror=alert(1)>",
    "[a](javascript:alert(1))",
    '<a href="java\nscript:alert(1)">a</a>',
    '<a href="&#106;avascript:alert(1)">a</a>',
    '<a href="data:text/html,<script>alert(1)</script>">a</a>',
    '<img src="data:image/svg+xml,<svg onload=alert(1)>">',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    '<iframe src="https://example.org"></iframe>',
    '<form action="/settings"><input name="x"><button>Go</button></form>',
    "<style>body { display: none }</style>",
    '<p style="position: fixed; inset: 0">x</p>',
    '<div class="top sheet dialog">x</div>',
    '<object data="x"></object><embed src="x"><base href="https://evil.org"><meta http-equiv="refresh" content="0">',
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    '<video src="x.mp4" autoplay onplay=alert(1)></video>',
    '<picture><source srcset="javascript:alert(1) 2x"><img src="a.png"></picture>',
    "```<img/onerror=alert(1)>\nx\n```",
    '```python" onload="alert(1)\nx\n```',
    '![a" onerror="alert(1)](x.png)',
    "$<img src=x onerror=alert(1)>$",
    "[^<script>]\n\n[^<script>]: <script>alert(1)</script>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_does_nothing(text: str) -> None:
    from html.parser import HTMLParser

    seen: list[tuple[str, str, str | None]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append((tag, "", None))
            seen.extend((tag, name, value) for name, value in attrs)

    Reader().feed(html(text))
    for tag, name, value in seen:
        assert tag not in {
            "script",
            "style",
            "svg",
            "iframe",
            "form",
            "input",
            "button",
            "object",
            "embed",
            "base",
            "meta",
        }
        assert not name.startswith("on")
        assert name not in {"style", "autoplay"}
        assert not (value or "").lower().replace("\n", "").startswith(("javascript:", "data:", "vbscript:"))
        if name == "class":
            assert not {"top", "sheet", "dialog"} & set((value or "").split())


def test_ids_cannot_take_the_place_of_the_pages_own() -> None:
    shown = html('# Body\n\n<p id="find">x</p><a name="top"></a>\n\n[to](#body)')
    assert 'id="user-content-body"' in shown
    assert 'id="user-content-find"' in shown
    assert 'name="top"' not in shown
    assert 'href="#user-content-body"' in shown


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("[a](docs/use.md#run)", "/ada/tiny/blob/main/docs/use.md#run"),
        ("[a](<a b/说明.md>)", "/ada/tiny/blob/main/a%20b/%E8%AF%B4%E6%98%8E.md"),
        ("[a](../../../etc/passwd)", "/ada/tiny/blob/main/etc/passwd"),
        ("[a](/bob/other)", "/bob/other"),
        ("[a](https://example.org/?a=1)", "https://example.org/?a=1"),
        ("[a](//example.org)", "https://example.org"),
        ("[a](mailto:a@example.org)", "mailto:a@example.org"),
        ("![a](img/a.png)", "/ada/tiny/resolve/main/img/a.png"),
        ("(see https://example.org/a_b.)", "https://example.org/a_b"),
        ("见https://example.org。", "https://example.org"),
        ("https://example.org/a_(b)", "https://example.org/a_(b)"),
    ],
)
def test_addresses(written: str, address: str) -> None:
    assert f'"{address}"' in html(written)


def test_what_authors_use_is_kept() -> None:
    shown = html(
        "- [x] done\n- [ ] open\n\n| a | b |\n|--:|---|\n| 1 | ~~2~~ |\n\nText[^1] with $a_1$ .\n\n[^1]: A note.\n\n"
        "$$\nx^2\n$$\n\n```python\ndef f(): pass\n```\n\n<details><summary>More</summary>\n\n**bold**\n\n</details>\n\n"
        "<img src='a.png'>"
    )
    assert '<li class="task-list-item">☑ done</li>' in shown
    assert '<td align="right">1</td>' in shown
    assert "<s>2</s>" in shown
    assert '<span class="math inline">a_1</span>' in shown
    assert '<div class="math block">x^2</div>' in shown
    assert '<span class="k">def</span>' in shown
    assert "<details><summary>More</summary>" in shown
    assert 'href="#user-content-fn1"' in shown
    assert 'loading="lazy"' in shown
    assert 'alt=""' in shown
    assert 'tabindex="0"' in shown


def test_prices_are_not_formulas() -> None:
    assert not render("It costs $5 today and $10 tomorrow.").has_math
    assert render("Let $x$ be").has_math


def test_headings_make_a_list_of_contents() -> None:
    found = render("# Use `it`\n\n## 使用 方法\n\n## 使用 方法").headings
    assert [(h.level, h.text, h.id) for h in found] == [
        (1, "Use it", "user-content-use-it"),
        (2, "使用 方法", "user-content-使用-方法"),
        (2, "使用 方法", "user-content-使用-方法-1"),
    ]


def test_signs_that_turn_text_around_are_dropped() -> None:
    assert "\u202e" not in html("safe\u202egnp.exe")


def test_long_text_is_cut_and_says_so() -> None:
    shown = render("word\n" * MAX_TEXT)
    assert shown.truncated
    assert "not shown here" in shown.html
    assert len(shown.html) < 2 * MAX_TEXT


NASTY = {
    "brackets": "[",
    "links": "[a](",
    "images": "![",
    "emphasis": "*a **a ",
    "underscores": "_a __a ",
    "quotes": "> ",
    "ticks": "`a ``b ",
    "tags": "<div>",
    "attributes": "<a b=",
    "comments": "a <!-- ",
    "table": "|a",
    "dollars": "$a ",
    "footnotes": "[^a]: [^a]\n\n",
    "addresses": "https://a.b/(",
    "setext": "a\n-\n",
    "lists": "- ",
    "references": "[a\n",
    "code": "```python\nx = 'a\n",
}


@pytest.mark.parametrize("piece", NASTY.values(), ids=NASTY.keys())
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * MAX_TEXT)[: MAX_TEXT // 2]
    assert timed(lambda: render(text), 5)[1] < 5


def test_plain_text_has_words_only() -> None:
    words = plain_text(
        "# Tiny *model*\n\nIt [reads](x.md) `code`.\n\n```\nnot this\n```\n\n<b>html</b> ![alt](x.png)", 10_000
    )
    assert words == ["Tiny model", "It reads code.", "html"]
