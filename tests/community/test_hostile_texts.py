"""Texts that strangers wrote to do harm: whatever they hold, what comes out is on a list of what is harmless, and soon.

What comes out is parsed as a browser parses it, and held to a list of what may be there: a list of what may not would miss
what nobody thought of.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.db import transaction

from hub.community.writing.text import MAX_TEXT, render_text
from hub.core.errors import Invalid
from hub.core.markdown import ID_PREFIX, render
from hub.core.text import clean_text
from hub.repos.models import Repository
from tests.computing import timed
from tests.factories import make_repo

MAX_SECONDS = 0.2  # of computing, for one text

_GLOBAL = {"id", "title", "lang", "dir", "align", "class", "tabindex"}
_LINKS = {"href", "src", "srcset", "poster"}
_ALLOWED = {
    **dict.fromkeys(
        """p div h1 h2 h3 h4 h5 h6 table thead tbody tfoot tr center li ul ol span b i u s em strong del ins sub sup small mark
        code pre kbd samp var abbr blockquote q hr br dl dt dd dfn summary figure figcaption caption ruby section""".split(),
        frozenset[str](),
    ),
    "a": {"href", "name", "rel"},
    "img": {"src", "alt", "width", "height", "loading", "decoding", "referrerpolicy"},
    "td": {"colspan", "rowspan", "width"},
    "th": {"colspan", "rowspan", "width", "scope"},
    "ol": {"start", "type"},
    "details": {"open"},
    "audio": {"src", "controls", "preload"},
    "video": {"src", "poster", "width", "height", "controls", "preload"},
    "picture": set(),
    "source": {"src", "srcset", "media", "type", "sizes"},
}
_VOID = {"br", "hr", "img", "source"}
_CLASSES = re.compile(
    r"[a-z]{1,3}\d?|math|inline|block|task-list-item|contains-task-list|footnote-(item|ref|backref)|footnotes|muted|preline"
)
_STRAYS = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Reader(HTMLParser):
    """Holds every tag, attribute and address to the list, and sees to it that each tag that is opened is closed within."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ALLOWED:
            self.wrong.append(f"<{tag}>")
        # A cell begins anew: browsers let a link stand there, too.
        cell = max((place for place, one in enumerate(self.open) if one in ("td", "th")), default=0)
        if tag == "a" and "a" in self.open[cell:]:
            self.wrong.append("a link in a link")
        for name, value in attrs:
            if name not in _GLOBAL | _ALLOWED.get(tag, frozenset()):
                self.wrong.append(f"{tag} {name}")
            for address in _addresses(name, value or ""):
                parts = urlsplit("".join(c for c in address if c > " "))
                if parts.scheme not in ("", "http", "https", "mailto") or (parts.netloc and not parts.scheme):
                    self.wrong.append(f"{name}={value}")
            if name in ("id", "name") and not (value or "").startswith(ID_PREFIX):
                self.wrong.append(f"{name}={value}")
            if name == "class" and not all(_CLASSES.fullmatch(one) for one in (value or "").split()):
                self.wrong.append(f"class={value}")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes what it did not open")

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"<!--{data}-->")

    handle_decl = handle_pi = unknown_decl = handle_comment


def _addresses(name: str, value: str) -> Iterator[str]:
    if name == "srcset":
        yield from (part.strip().partition(" ")[0] for part in value.split(","))
    elif name in _LINKS:
        yield value


def check(html: str) -> None:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.wrong
    assert not reader.open
    assert not _STRAYS.search(html)


ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\n>alert(1)</script\n>",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example><b style='position:fixed'>x</b>",
    "<img src=x onerror=alert(1)><b onclick=alert(1)>x</b><body onload=alert(1)>",
    '<img src="x" \n onerror\n=\nalert(1)><img/src=x/onerror=alert(1)><IMG SRC=x OnErRoR=alert(1)>',
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'><text>x</text></a><use href='data:image/svg+xml,x'/></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi><annotation-xml encoding='text/html'><script>1</script></math>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](java&#10;script:alert(1)) [d](\x01javascript:alert(1))",
    "[a](&#106;avascript&colon;alert(1)) [b](vbscript:x) [c](data:text/html;base64,PHNjcmlwdD4=) [d](<javascript:alert(1)>)",
    "<javascript:alert(1)> <data:text/html,x> <file:///etc/passwd> <blob:x>",
    "<a href=' javascript:alert(1)'>x</a><a href='java\tscript:alert(1)'>x</a><a href='&#x6A;avascript:alert(1)'>x</a>",
    "<a href='javascript&#58;alert(1)'>x</a><a href='JAVASCRIPT:alert(1)'>x</a><a href='feed:javascript:alert(1)'>x</a>",
    "![x](javascript:alert(1)) ![x](data:image/svg+xml,<svg/onload=alert(1)>) ![x](vbscript:x)",
    "<img srcset='javascript:alert(1) 1x, data:x 2x'><picture><source srcset='javascript:alert(1)'></picture>",
    "<video poster='javascript:alert(1)' src='data:x' autoplay loop onplay=alert(1)><track src=x></video>",
    "<iframe src='https://evil.example' srcdoc='<script>alert(1)</script>'></iframe><frame><frameset><portal>",
    "<object data=x></object><embed src=x><applet code=x></applet><param name=x>",
    "<form action='/settings/profile' method=post><input name=bio><button formaction=x>Go</button></form><textarea>",
    "<base href='https://evil.example'><meta http-equiv=refresh content='0;url=https://evil.example'><title>x</title>",
    "<p id=find>x</p><a name=csrfmiddlewaretoken>x</a><img name=body><form id=attributes>",
    "# __proto__\n# constructor\n# body\n\n[x](#body) [^body]\n\n[^body]: x",
    '<div class="top sheet dialog pop" role=dialog aria-modal=true tabindex=1 contenteditable data-edit hidden slot=x>x</div>',
    "a\u202eb\u2066c\u2069 [\u202egpj.exe](x) `\u202e` <b title='\u202ex'>x</b> # \u202ex",
    "zero\u200bwidth\u200d \u2060\ufeff [\u200bx](java\u200bscript:alert(1)) @\u200bada #\u200b12",
    "<!-- x --><!--> <script>1</script> --><!doctype html><?php x ?><![CDATA[<script>1</script>]]><!-->",
    "[a [b](https://x.example) c](https://y.example) <a href=/x>[y](/z) https://z.example @ada #1</a>",
    "<a href=x><a href=y><table><tr><td><a href=z>",
    "</div></div></li></ol></section></main></body></html><script>alert(1)</script>",
    "<div><details><summary><b><i><table><tr><td>",
    "</p></td></tr></table><p><p></span><h1><p><div></h1>",
    "<table><form><tr><td><p></table></td><b>x",
    "<select><option><style></option></select><img src=x onerror=alert(1)></style>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'><plaintext>",
    "<template><script>alert(1)</script></template><slot name=x></slot><custom-element onclick=x></custom-element>",
    "```<img src=x onerror=alert(1)>\n</code></pre><script>alert(1)</script>\n```",
    '```python" onload="alert(1)\n<script>\n```\n\n    </code></pre><script>',
    "`</code><script>alert(1)</script>` ``` `",
    "$</span><script>alert(1)</script>$ $$</div><img src=x onerror=alert(1)>$$",
    "$\\href{javascript:alert(1)}{x}$ ```math\n\\url{javascript:alert(1)}\n```",
    "| <script> | </td><script> |\n|--|:-:|\n| [x](javascript:1) | <img src=x onerror=1> |",
    '[^<script>]\n\n[^<script>]: <script>alert(1)</script>\n[^x"onload=1]: y',
    '[a]: javascript:alert(1) "</a><script>"\n[a]\n![b][a]',
    '[x](/y "a\\" onmouseover=alert(1) \\"") ![a" onerror="alert(1)](x.png)',
    '<https://x.example/"onmouseover=alert(1)> https://x.example/\'"><script>alert(1)</script>',
    "https://user:pw@evil.example javascript:alert(1) //evil.example \\\\evil.example",
    "<a href='//evil.example'>x</a><a href='\\\\evil.example'>x</a><a href='/\\evil.example'>x</a><img src='//evil.example'>",
    '@<script> @../../x @ada<b onclick=1> a/b#1<script> #1"onclick=1',
    "<b>@ada <i>#1</b></i> **a <b> b** </b> ~~<s>~~</s>",
    "<audio src='x.mp3' autoplay onended=x></audio><bgsound src=x><marquee onstart=alert(1)>x</marquee><blink>",
    "<img src=x width=99999999 height=1e9 style=x usemap=#x ismap crossorigin=x fetchpriority=x ping=x>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;script&#62; &#x3c;script&#x3e; &nbsp;&zwj;&#0;&#xFFFFFFF;",
    "\ufdd0\ufffe\x01\x08\x0b\x0c\x1f\x7f\x85\u2028\u2029",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_is_a_text(text: str) -> None:
    for around in ("{}", "> {}", "- {}\n\n  {}", "# {}\n\n{}"):
        check(str(render(around.replace("{}", text), link_base="/ada/tiny/blob/main", raw_base="/x", scope="c1").html))


def flood(piece: str, before: str = "", after: str = "") -> str:
    room = MAX_TEXT - len(before) - len(after)
    return before + (piece * (room // len(piece) + 1))[:room] + after


FLOODS = {
    **{
        piece: flood(piece)
        for piece in ">|> |- |1. |- 1. |> - |*\n|a\n|a\n=\n|---\n|# a\n|- [ ] a\n|\t|a  \n".split("|")
    },
    **{
        piece: flood(piece)
        for piece in "[ [] [a]( [a](b) ![ ![a](b) [a][b] [[a]( * *a **a_ _a ~~a *[a]_( ` `a``b \\ & &amp; &#".split()
    },
    **{
        piece: flood(piece)
        for piece in '< <b> <div> <!-- <? <![CDATA[ <a&b=" <p> <font><b> <table><tr><td> <ahref=x>'.split()
    },
    **{
        piece: flood(piece)
        for piece in "$ $a $a$ $$a $$\n @ @ada @a.a # #1 a/b#1 abcdef1 http://a http:// <http://a>".split(" ")
    },
    "divs of their own": flood("<div>\n\n"),
    "known references": flood("[a] ", "[a]: b\n\n"),
    "definitions": "".join(f"[{n}]: b\n" for n in range(MAX_TEXT // 10)),
    "footnotes": "".join(f"[^{n}]" for n in range(3500)) + "\n\n" + "".join(f"[^{n}]: x\n\n" for n in range(3000)),
    "rows": flood("|x|\n", "|a|\n|-|\n"),
    "columns": flood("|a", after="|\n")[: MAX_TEXT // 2] + "|\n" + "|-" * (MAX_TEXT // 5) + "|",
    "cells that are not there": "|a" * 300 + "|\n" + "|-" * 300 + "|\n" + "x\n" * 30_000,
    "deeper lists": "".join(" " * n + "- a\n" for n in range(350)),
    "deeper quotes": "".join("> " * n + "a\n" for n in range(250)),
    "longer ticks": "".join("`" * n + " " for n in range(1, 350)),
    "code": flood('x = [1, "a"]  # y\n', "```python\n", "```"),
    "mentions": flood("@ada #1 a/b#2 0123456 "),
    "turned": flood("\u202ea"),
}


@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.django_db
def test_a_flood_is_over_soon(repo: Repository, name: str) -> None:
    """Nobody can keep a process busy with a text."""
    text = FLOODS[name][:MAX_TEXT]
    html, taken = timed(lambda: str(render_text(repo, text, scope="c1").html), MAX_SECONDS)
    check(html)
    assert taken < MAX_SECONDS


def test_what_is_longer_is_not_taken() -> None:
    with pytest.raises(Invalid):
        clean_text("> " * 500_000 + "x", field="text", limit=MAX_TEXT)


@pytest.mark.parametrize("name", FLOODS)
def test_a_megabyte_of_a_card_is_over_soon(name: str) -> None:
    """Cards may be longer; they are cut."""
    text = (FLOODS[name] * 20)[:1_000_000]
    html, taken = timed(lambda: str(render(text).html), MAX_SECONDS)
    check(html)
    assert taken < MAX_SECONDS


@pytest.fixture(scope="module")
def repo(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[Repository]:
    """One for all, whose texts name nothing that is there."""
    with django_db_blocker.unblock(), transaction.atomic():  # type: ignore[attr-defined]
        yield make_repo()
        transaction.set_rollback(True)
