"""Two people: one releases a model, the other reviews it, by keyboard. Both pages in every dress."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Looks, Visitor, visitor_of
from tests.live import Instance


@pytest.fixture
def other(chromium: Browser, live_hub: Instance) -> Iterator[Visitor]:
    yield from visitor_of(chromium, live_hub)


@pytest.mark.full  # in the usual run, tests/web asks for the same pages
def test_a_release_and_its_review(visit: Visitor, other: Visitor, looks: Looks) -> None:
    visit.sign_up()
    repo = visit.create("model", "reviewed", "mit")
    visit.open(f"{repo}/releases/new")
    page = visit.page
    page.fill("[name=tag]", "v1")
    page.fill("[name=title]", "The first one")
    page.fill("[name=notes]", "It *runs*.")
    page.click("[data-preview]")
    assert page.text_content("[data-preview-place] em") == "runs"
    assert page.url.endswith("/releases/new")
    page.click("main form .btn-main")
    page.wait_for_url(f"{visit.hub}{repo}/releases")
    assert page.text_content(".release em") == "runs"
    # One's own model is not reviewed.
    visit.open(f"{repo}/reviews")
    assert "This model is your own" in (page.text_content("aside") or "")

    other.sign_up()
    other.open(f"{repo}/reviews")
    theirs = other.page
    theirs.focus("[name=stars][value='1']")
    for _ in range(3):
        theirs.keyboard.press("ArrowRight")
    assert theirs.is_checked("[name=stars][value='4']")
    filled = theirs.evaluate(
        "[...document.querySelectorAll('.starpick svg')].filter(s => getComputedStyle(s).fill !== 'none').length"
    )
    assert filled == 4
    theirs.fill("[name=text]", "Small and **quick**.")
    theirs.click("[data-preview]")
    assert theirs.text_content("[data-preview-place] strong") == "quick"
    theirs.click("aside form .btn-main")
    theirs.wait_for_selector(".review")
    assert theirs.text_content(".review strong") == "quick"
    assert theirs.locator(".review svg.stars").get_attribute("aria-label") == "4 of 5 stars"
    theirs.click(".review >> text=Edit")
    theirs.check("[name=stars][value='2']", force=True)
    theirs.click("main form .btn-main")
    expect(theirs.locator(".review svg.stars")).to_have_attribute("aria-label", "2 of 5 stars")

    problems = []
    pages = [
        (visit, [f"{repo}/releases", f"{repo}/releases/new", f"{repo}/releases/v1/edit", f"{repo}/releases/v1/delete"]),
        (other, [repo, f"{repo}/reviews", f"{repo}/reviews/new", f"{repo}/releases"]),
    ]
    for who, addresses in pages:
        for theme, language, width in [*looks, ("light", "en", 320)]:
            who.dress(theme=theme, language=language, width=width)
            for address in addresses:
                who.open(address)
                problems += [f"{address} {theme} {language}: {found}" for found in who.axe()]
                if wide := who.overflow():
                    problems.append(f"{address} {width}: {wide} px wider than the window")
    assert not problems, "\n".join(problems)
