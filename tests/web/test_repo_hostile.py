"""Names and cards that mean harm: every page answers, and nothing of theirs becomes markup, script or another address."""

import re
from urllib.parse import quote

import pytest
from django.test import Client

from hub.repos.git.files import resolve_revision
from tests.factories import make_repo
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, get, owner, text_of

pytestmark = pytest.mark.django_db

NAMES = [
    "<script>alert(1)<",
    '"><img src=x onerror=alert(1)>.md',
    "{{ request.user }}{% load static %}.txt",
    'quote\'s "both".txt',
    "100%2Fsure%25.txt",
    "50% off #1?x=y.txt",
    "a+b&c;d=e.txt",
    " leading and trailing .txt ",
    "javascript:alert(1)",
    "中文 文件.md",
    "\u202egnp.exe.txt",
    "\u200bzero\u2060width.txt",
    "e\u0301.txt",
    "x" * 250 + ".txt",
    "/".join(["deep" * 20] * 12),
    "-rf.txt",
    "tree/main/blob",
]
CARD = """---
license: "<script>alert(1)</script>"
license_link: javascript:alert(1)
pipeline_tag: ["<b>", {}]
tags: ["'><img src=x onerror=alert(1)>", 7, null, [1]]
language: {"a": 1}
base_model: ["../../etc", "<x>/y", "a/b"]
datasets: 12
size_categories: {}
pretty_name: [[[]]]
---
<script>alert(1)</script><img src=x onerror=alert(1)><a href="javascript:alert(1)">x</a>
<iframe src="//evil.example"></iframe><style>body{display:none}</style><div style="position:fixed" onclick="x()">hi</div>
[x](javascript:alert(1)) ![x](data:text/html,<script>alert(1)</script>)
<form action="//evil.example"><input name=csrf></form><base href="//evil.example"><meta http-equiv=refresh content=0>
"""
BAD_YAML = [
    "---\n" + "a: &a [*a]\n---\n",
    "---\n!!python/object/apply:os.system [id]\n---\n",
    "---\n\x00\n---\n",
    "---\n- 1\n---\n",
    "---\n" + "[" * 500 + "\n---\n",
    "---\na: 9999999999999999999999\nlanguage: .nan\n---\n",
    "\ufeff---\n---\n",
]
HARMFUL = re.compile(
    r"<script>|onerror=|onclick=|<iframe|<form action=\"//|<base |http-equiv|style=|(href|src)=\"\\s*(javascript|data):",
    re.IGNORECASE,
)


@pytest.mark.parametrize("name", NAMES)
def test_file_names(name: str) -> None:
    repo = make_repo()
    commit_files(repo, {name: f"about {name}\n"}, f"Add {name}")
    browser, home, path = browser_of(owner(repo)), repo.get_absolute_url(), quote(name)
    folder = quote(name.rpartition("/")[0])
    tree = text_of(browser, f"{home}/tree/main/{folder}".rstrip("/"))
    assert (
        f'href="{home}/blob/main/{path}"'.replace("&", "&amp;") in tree
        or f"{home}/tree/main/{path.split('/')[0]}" in tree
    )
    for page in ("blob/main", "edit/main", "delete/main", "commits/main"):
        html = text_of(browser, f"{home}/{page}/{path}")
        assert not re.search(r"<script>alert|<img src=x", html)
        assert "\u202e" not in re.sub(r'="[^"]*"|<textarea.*?</textarea>|<title>.*?</title>', "", html, flags=re.DOTALL)
    assert b"".join(getattr(get(browser, f"{home}/raw/main/{path}"), "streaming_content", [])) or (
        get(browser, f"{home}/raw/main/{path}").content.decode() == f"about {name}\n"
    )
    assert not re.search(
        r"<script>alert|<img src=x", text_of(browser, f"{home}/commit/{resolve_revision(repo, 'main').oid}")
    )


def test_a_hostile_card(client: Client) -> None:
    repo = make_repo()
    commit_files(repo, {"README.md": CARD})
    for visitor in (client, browser_of(owner(repo))):
        page = text_of(visitor, repo.get_absolute_url())
        inside = page[page.index("<main") : page.index("</main>")]
        assert not HARMFUL.search(re.sub(r"&lt;.*?&gt;|&#x27;&gt;.*?&gt;", "", inside))
    preview = browser_of(owner(repo)).post(
        f"{repo.get_absolute_url()}/edit/main/README.md",
        {"text": CARD, "preview": "1"},
        headers={"X-Fragment": "preview"},
    )
    assert not HARMFUL.search(preview.content.decode())


@pytest.mark.parametrize("text", BAD_YAML)
def test_metadata_that_cannot_be_read(client: Client, text: str) -> None:
    repo = make_repo()
    commit_files(repo, {"README.md": text + "# Shown\n"})
    assert "Shown" in text_of(client, repo.get_absolute_url())
    assert "Shown" in text_of(browser_of(owner(repo)), repo.get_absolute_url())


def test_raw_files_can_run_nothing(client: Client) -> None:
    repo = make_repo()
    commit_files(
        repo,
        {
            "page.html": "<script>alert(1)</script>",
            "drawing.svg": "<svg onload='alert(1)'/>",
            "data.bin2": b"\x00MZ",
            "x.js": "1",
        },
    )
    home = repo.get_absolute_url()
    for name, kind in (
        ("page.html", "text/plain; charset=utf-8"),
        ("x.js", "text/plain; charset=utf-8"),
        ("drawing.svg", "image/svg+xml"),
    ):
        response = get(client, f"{home}/raw/main/{name}")
        assert response.headers["Content-Type"] == kind
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert "script-src" not in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert get(client, f"{home}/raw/main/data.bin2").headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "address",
    [
        "/tree/main/../../x",
        "/blob/main//etc/passwd",
        "/blob/main/%FF%FE",
        "/tree/" + "x" * 3000,
        "/commit/zz",
        "/blob/main/%2F%2F",
        "/tree/refs%2Fheads%2Fmain",
        "/raw/main/" + "a/" * 900,
    ],
)
def test_addresses_that_mean_nothing_are_no_failure_of_ours(client: Client, address: str) -> None:
    repo = make_repo()
    assert get(client, repo.get_absolute_url() + address).status_code in (200, 302, 400, 404)
