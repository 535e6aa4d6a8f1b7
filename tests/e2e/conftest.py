"""A real Chromium in front of a whole hub. What the console calls an error fails the test that caused it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.live import Instance
from tests.needs import program

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
# Themes, languages and widths that pages are looked at in; the first ones have each of them once, and the narrowest window.
Looks = list[tuple[str, str, int]]
LOOKS: Looks = [("light", "en", 1440), ("dark", "zh-hans", 320), ("light", "zh-hans", 390), ("dark", "en", 1440)]
USUAL = 2
PASSWORD = "correct horse battery"
_numbers = count(1)


@pytest.fixture(scope="session")
def looks(request: pytest.FixtureRequest) -> Looks:
    """What to dress a page in: all of it with `make test-full`."""
    return LOOKS[:USUAL] if request.config.option.markexpr == "not full" else LOOKS


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # For one module: while it lives, Playwright keeps an event loop on this thread, where Django would refuse its database.
    with sync_playwright() as playwright:
        # A sandbox inside the sandbox that tests often run in is more than the kernel gives to root.
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visitor:
    """One person's browser. `errors` holds what the console, the page's scripts or a failed request said."""

    hub: str
    context: BrowserContext
    page: Page
    name: str = ""
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a page of the hub and wait until it is quiet."""
        answer = self.page.goto(self.hub + path, wait_until="networkidle")
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"

    def sign_up(self) -> str:
        """Make an account through the form; returns its name."""
        self.name = f"visitor{next(_numbers)}"
        self.open("/signup")
        self.page.fill("[name=username]", self.name)
        self.page.fill("[name=email]", f"{self.name}@example.org")
        self.page.fill("[name=password1]", PASSWORD)
        self.page.click("main form button[type=submit]")
        self.page.wait_for_url(self.hub + "/")
        return self.name

    def create(self, kind: str, name: str, license_id: str = "") -> str:
        """Make a repository through the form; returns its path."""
        self.open(f"/new/{kind}")
        self.page.fill("[name=name]", name)
        self.page.select_option("[name=license]", license_id)
        self.page.click("main form button[type=submit]")
        path = f"{'/datasets' if kind == 'dataset' else ''}/{self.name}/{name}"
        self.page.wait_for_url(self.hub + path)
        return path

    def upload(self, repo: str, *files: Path, title: str = "") -> None:
        """Send files through the upload page and commit them."""
        self.open(f"{repo}/upload/main")
        self.page.set_input_files("[data-pick][multiple]", list(files))
        self.page.wait_for_selector("[data-commit]:not([disabled])")
        self.page.fill("[name=title]", title)
        self.page.click("[data-commit]")
        self.page.wait_for_url(f"{self.hub}{repo}/tree/main")

    def dress(self, *, theme: str, language: str, width: int) -> None:
        """Choose how the next pages look."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.context.add_cookies(
            [
                {"name": "theme", "value": theme, "url": self.hub},
                {"name": "django_language", "value": language, "url": self.hub},
            ]
        )

    def axe(self, within: str = "html") -> list[str]:
        """Return what axe finds, a line each. within: the part to look at, since an open menu covers what is beside it."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(
            """async (within) => (await axe.run(within, {
                resultTypes: ["violations"],
                runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
            })).violations""",
            within,
        )
        return [f"{v['id']}: {node['html'][:200]} {node['target']}" for v in found for node in v["nodes"]]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        wide: int = self.page.evaluate(
            "Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)"
        )
        return wide


@pytest.fixture
def visit(chromium: Browser, live_hub: Instance) -> Iterator[Visitor]:
    """A new browser profile. Its console must be clean at the end."""
    yield from visitor_of(chromium, live_hub)


# Machines that are busy take longer than the five seconds that are usual; what is right comes in a moment all the same.
expect.set_options(timeout=20_000)


def visitor_of(chromium: Browser, hub: Instance) -> Iterator[Visitor]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(20_000)
    page = context.new_page()
    visitor = Visitor(hub.url, context, page)

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            visitor.errors.append(f"{message.type} on {page.url}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: visitor.errors.append(f"script on {page.url}: {error}"))
    yield visitor
    context.close()
    assert not visitor.errors
