"""A stranger proposes a change in the editor; the owner looks at it and takes it in. How the pages look where they do it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Visitor, visitor_of
from tests.live import Instance


@pytest.fixture
def stranger(chromium: Browser, live_hub: Instance) -> Iterator[Visitor]:
    """Somebody else's browser."""
    yield from visitor_of(chromium, live_hub)


def test_a_stranger_proposes_and_the_owner_merges(visit: Visitor, stranger: Visitor) -> None:
    visit.sign_up()
    repo = visit.create("model", "proposed-to", "mit")
    stranger.sign_up()
    problems = []

    page = stranger.page
    stranger.open(f"{repo}/blob/main/README.md")
    page.get_by_role("link", name="Edit", exact=True).click()
    page.fill("[name=text]", "---\nlicense: mit\n---\n# Said better\n")
    page.fill("[name=title]", "Say it better")
    problems += stranger.axe()
    page.get_by_role("button", name="Propose changes").click()
    page.wait_for_url(f"{stranger.hub}{repo}/discussions/1")
    expect(page.locator("#merge")).to_contain_text("Whoever may write to the repository can merge it.")

    page = visit.page
    visit.open(f"{repo}/discussions")
    page.get_by_role("link", name="Say it better").click()
    page.get_by_role("link", name="Files changed").click()
    expect(page.locator("tr.a", has_text="# Said better")).to_be_visible()
    visit.dress(theme="dark", language="zh-hans", width=360)
    visit.open(f"{repo}/discussions/1/files")
    assert visit.overflow() <= 0
    problems += visit.axe()
    visit.dress(theme="light", language="en", width=1280)
    visit.open(f"{repo}/discussions/1")
    problems += visit.axe()
    page.get_by_label("Merge: all its commits").check()
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.locator("[data-state]")).to_have_text("Merged")
    visit.open(f"{repo}/commits/main")
    expect(page.locator(".committitle").first).to_have_text("Merge #1: Say it better")
    expect(page.locator(".committitle").nth(1)).to_have_text("Say it better")
    assert not problems, problems
