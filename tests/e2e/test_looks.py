"""Every page in both themes and languages, on a phone and on a desk: axe is content, nothing overflows, nothing complains."""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import Looks, Visitor, visitor_of
from tests.live import Instance

CARD = """---
license: mit
language: [en, zh, de, fr]
pipeline_tag: text-generation
library_name: transformers
tags: [tiny, test]
base_model: somebody/else
base_model_relation: adapter
datasets: [somebody/notes]
---
# Looks 模型

A card with a table, code, a list, a formula $a^2$ and an image.

| Set | Rows |
|---|---:|
| notes | 12 |

```python
print("hello")
```

- [x] done
- [ ] open

![A square](square.png)
"""
HOSTILE = "<img src=x onerror=alert(1)> \"quoted\" 'single' 50% #1?.txt"


def safetensors() -> bytes:
    header = json.dumps({"weight": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(64)


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x1d\x5a\x42" * 8 for _row in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def furnished(
    chromium: Browser, live_hub: Instance, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Visitor, list[str]]]:
    """A member's browser, and the addresses of one page of every kind, filled with something to show."""
    folder = tmp_path_factory.mktemp("files")
    contents = {
        "README.md": CARD.encode(),
        "square.png": png(),
        "weights.safetensors": safetensors(),
        "说明.txt": "你好\n".encode(),
        HOSTILE: b"quoted\n",
        "x" * 240 + ".txt": b"long\n",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    visits = visitor_of(chromium, live_hub)
    visitor = next(visits)
    name = visitor.sign_up()
    empty = visitor.create("dataset", "empty")
    repo = visitor.create("model", "looks", "mit")
    visitor.upload(repo, *(Path(folder / file) for file in contents), title="Everything <b>at once</b>")
    visitor.open(f"{repo}/commits/main")
    commit = visitor.page.locator("a.committitle").first.get_attribute("href")
    assert commit
    visitor.open(f"{repo}/discussions/new")
    visitor.page.fill("[name=title]", "Why does it look like this?")
    visitor.page.fill("[name=text]", "Tell me, `please`.")
    visitor.page.locator("main form[data-compose] button.btn-main").click()
    visitor.page.wait_for_url(f"{visitor.hub}{repo}/discussions/1")
    visitor.open(f"/collections/new?item={repo.strip('/')}")
    visitor.page.fill("[name=title]", "To look at")
    visitor.page.get_by_role("button", name="Make the collection").click()
    visitor.page.wait_for_url(f"{visitor.hub}/collections/{name}/**")
    collection = visitor.page.url.removeprefix(visitor.hub)
    yield (
        visitor,
        [
            "/",
            "/models",
            "/models?search=looks&license=mit&what=1",
            "/models?search=nothing-has-this-name",
            "/datasets",
            f"/{name}",
            "/new/model",
            repo,
            empty,
            f"{repo}/tree/main",
            f"{repo}/blob/main/README.md",
            f"{repo}/blob/main/square.png",
            f"{repo}/blob/main/weights.safetensors",
            f"{repo}/blob/main/{'x' * 240}.txt",
            f"{repo}/commits/main",
            f"{repo}/commits/main/README.md",
            commit,
            f"{repo}/upload/main",
            f"{repo}/edit/main/README.md",
            f"{repo}/new/main",
            f"{repo}/delete/main/README.md",
            f"{repo}/settings",
            f"{repo}/settings/access",
            "/settings/gated",
            "/settings/profile",
            "/settings/account",
            "/settings/tokens",
            "/organizations/new",
            f"{repo}/discussions/1",
            "/discussions",
            "/collections",
            collection,
            f"/{name}?tab=activity",
            "/notifications",
            "/settings/notifications",
            "/settings/security",
        ],
    )
    next(visits, None)


def test_every_page(furnished: tuple[Visitor, list[str]], looks: Looks) -> None:
    visitor, addresses = furnished
    problems = []
    for theme, language, width in looks:
        visitor.dress(theme=theme, language=language, width=width)
        for address in addresses:
            visitor.open(address)
            problems += [f"{address} {theme} {language}: {found}" for found in visitor.axe()]
            if wide := visitor.overflow():
                problems.append(f"{address} {language}: {wide} px wider than {width}")
    assert not problems, "\n".join(problems)


@pytest.mark.full  # in the usual run, the small window is that of the other language
def test_the_smallest_window(furnished: tuple[Visitor, list[str]]) -> None:
    visitor, addresses = furnished
    visitor.dress(theme="light", language="en", width=320)
    wide = []
    for address in addresses:
        visitor.open(address)
        if visitor.overflow():
            wide.append(address)
    assert not wide


@pytest.mark.parametrize("address", ["/login", "/signup", "/password/reset", "/", "/models", "/datasets"])
def test_what_strangers_see(visit: Visitor, looks: Looks, address: str) -> None:
    for theme, language, width in looks:
        visit.dress(theme=theme, language=language, width=width)
        visit.open(address)
        assert not visit.axe()
        assert not visit.overflow()


def test_opened_menus(furnished: tuple[Visitor, list[str]], looks: Looks) -> None:
    visitor, _addresses = furnished
    for theme, language, width in looks:
        visitor.dress(theme=theme, language=language, width=width)
        visitor.open(f"/{visitor.name}/looks")
        visitor.page.click("details.use > summary")
        assert not visitor.axe("details.use")
        assert not visitor.overflow()
        for menu in visitor.page.locator(".social details > summary").all():
            menu.click()
            box = visitor.page.locator(".social details[open] > .pop").bounding_box()
            assert box and box["x"] >= 0
            visitor.page.keyboard.press("Escape")
        visitor.open(f"/{visitor.name}/looks/tree/main")
        visitor.page.click("details.revisions > summary")
        assert not visitor.axe("details.revisions")
        assert not visitor.overflow()
