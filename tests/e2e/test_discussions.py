"""Two people at two browsers talk about a model, and how the pages look that they do it on."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Looks, Visitor, visitor_of
from tests.live import Instance

# Open pages ask every ten seconds what is new.
ASKED = 25_000  # milliseconds


@pytest.fixture
def other(chromium: Browser, live_hub: Instance) -> Iterator[Visitor]:
    """Somebody else's browser."""
    yield from visitor_of(chromium, live_hub)


def test_two_people_talk_to_each_other(visit: Visitor, other: Visitor) -> None:
    visit.sign_up()
    repo = visit.create("model", "talked-about")
    other.sign_up()

    # One asks, after a look at how it will read.
    page = other.page
    other.open(repo)
    page.get_by_label("Repository").get_by_role("link", name="Discussions").click()
    page.get_by_role("link", name="Open the first discussion").click()
    page.fill("[name=title]", "Which tokenizer?")
    page.fill("[name=text]", "The **card** does not say.")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("[data-preview-place] strong")).to_have_text("card")
    page.get_by_label("This is a question").check()
    page.get_by_role("button", name="Open the discussion").click()
    page.wait_for_url(f"{other.hub}{repo}/discussions/1")

    # The other answers by keyboard, and both see it without a reload.
    visit.open(f"{repo}/discussions")
    visit.page.get_by_role("link", name="Which tokenizer?").click()
    visit.page.fill("#reply [name=text]", "The one of its **bass** model.")
    visit.page.press("#reply [name=text]", "Control+Enter")
    visit.page.wait_for_url("**/discussions/1#comment-*")
    expect(visit.page.locator("#reply [name=text]")).to_have_value("")
    answer = page.locator(".comment", has_text="The one of its bass model.")
    expect(answer).to_be_visible(timeout=ASKED)
    expect(answer.locator(".badge")).to_have_text("Owner")
    expect(page.locator("#announcer")).to_have_text("Something new was said below.")

    # It answers the question, and has thanks; neither needs a new page.
    answer.get_by_label("React").click()
    answer.get_by_role("button", name="Thanks").click()
    expect(answer.locator(".chip-on")).to_have_text("❤️Thanks1")
    expect(answer.locator(".chip-on")).to_be_focused()
    answer.get_by_role("button", name="Accept as the answer").click()
    expect(page.locator(".is-answer")).to_contain_text("The one of its bass model.")
    expect(page.locator("[data-state]")).to_contain_text("Answered")

    # A slip is put right in place; opening the editor and changing one's mind changes nothing.
    mine = visit.page.locator(".comment", has=visit.page.locator(".badge"))
    more = mine.get_by_label("More for this comment")
    more.click()
    mine.get_by_role("link", name="Edit").click()
    mine.locator("textarea").fill("never mind")
    mine.get_by_role("link", name="Cancel").click()
    expect(mine.locator("[data-body]")).to_contain_text("bass")
    expect(more).to_be_focused()
    more.click()
    mine.get_by_role("link", name="Edit").click()
    mine.locator("textarea").fill("The one of its **base** model.")
    mine.get_by_role("button", name="Preview").click()
    expect(mine.locator("[data-preview-place] strong")).to_have_text("base")
    mine.get_by_role("button", name="Save").click()
    expect(mine.locator("[data-body]")).to_have_text("The one of its base model.")
    expect(mine).to_contain_text("edited")

    # The first one is content and closes it; the open page of the other learns of both.
    page.fill("#reply [name=text]", "Thank you.")
    page.get_by_role("button", name="Close discussion").click()
    expect(page.locator("[data-state]")).to_have_text("Closed Answered")
    # Whoever comes back to the page need not wait.
    visit.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(visit.page.locator(".comment", has_text="Thank you.")).to_be_visible(timeout=ASKED)
    expect(visit.page.locator("[data-state]")).to_have_text("Closed Answered")
    assert visit.page.locator("ol.thread > li").count() == 5

    # And takes the thanks back.
    thanks = page.locator(".comment", has_text="Thank you.")
    thanks.get_by_label("More for this comment").click()
    thanks.get_by_text("Delete", exact=True).click()
    thanks.get_by_role("button", name="Delete the comment").click()
    expect(page.locator(".event", has_text="A comment was deleted by its author.")).to_be_visible()


def test_a_draft_outlives_an_accident(visit: Visitor) -> None:
    visit.sign_up()
    repo = visit.create("model", "drafts")
    page = visit.page
    visit.open(f"{repo}/discussions/new")
    page.fill("[name=title]", "Drafts")
    page.fill("[name=text]", "Long thought about.")
    page.reload()
    expect(page.locator("[name=text]")).to_have_value("Long thought about.")
    page.fill("[name=title]", "Drafts")
    page.get_by_role("button", name="Open the discussion").click()
    page.wait_for_url("**/discussions/1")
    page.fill("#reply [name=text]", "Half an answer")
    # The session ends meanwhile; after logging in again the words are still there.
    session = [c for c in visit.context.cookies() if c.get("name") == "sessionid"]
    visit.context.clear_cookies(name="sessionid")
    page.press("#reply [name=text]", "Control+Enter")
    page.wait_for_url("**/login?next=*")
    visit.context.add_cookies(session)  # type: ignore[arg-type]
    visit.open(f"{repo}/discussions/1")
    expect(page.locator("#reply [name=text]")).to_have_value("Half an answer")
    page.press("#reply [name=text]", "Control+Enter")
    page.wait_for_url("**/discussions/1#comment-*")
    visit.open(f"{repo}/discussions/1")
    expect(page.locator("#reply [name=text]")).to_have_value("")
    visit.open(f"{repo}/discussions/new")
    expect(page.locator("[name=text]")).to_have_value("")


def test_it_all_works_without_scripts(chromium: Browser, visit: Visitor) -> None:
    visit.sign_up()
    repo = visit.create("dataset", "plain")
    context = chromium.new_context(java_script_enabled=False, storage_state=visit.context.storage_state())
    page = context.new_page()
    page.goto(f"{visit.hub}{repo}/discussions/new")
    page.fill("[name=title]", "Plainly")
    page.fill("[name=text]", "*said*")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("[data-preview-place] em")).to_have_text("said")
    page.get_by_role("button", name="Open the discussion").click()
    page.get_by_label("More for this comment").click()
    page.get_by_role("link", name="Edit").click()
    page.fill("[name=text]", "*said better*")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".comment em")).to_have_text("said better")
    page.get_by_text("Rename", exact=True).first.click()
    page.fill(".disc-rename [name=title]", "More plainly")
    page.press(".disc-rename [name=title]", "Enter")
    expect(page.locator("h1")).to_contain_text("More plainly")
    context.close()


@pytest.mark.full  # in the usual run, test_looks looks at a thread and the list
def test_how_the_pages_look(visit: Visitor, looks: Looks) -> None:
    visit.sign_up()
    repo = visit.create("model", "looks-of-talk")
    page = visit.page
    for number, title in enumerate(("Short", "Donaudampfschifffahrtsgesellschaft" * 5), 1):
        visit.open(f"{repo}/discussions/new")
        page.fill("[name=title]", title)
        page.fill(
            "[name=text]", "# One\n\n```python\n" + "print('long')" * 30 + "\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        )
        page.get_by_role("button", name="Open the discussion").click()
        page.wait_for_url(f"**/discussions/{number}")
    for text in ("x" * 300, "# One\n\nnote[^1]\n\n[^1]: below"):
        page.fill("#reply [name=text]", text)
        page.press("#reply [name=text]", "Control+Enter")
        page.wait_for_url("**#comment-*")
        expect(page.locator("#reply [name=text]")).to_have_value("")
    page.get_by_role("button", name="Close discussion").click()
    expect(page.locator("[data-state]")).to_have_text("Closed")
    listed = f"{repo}/discussions"
    problems = []
    for theme, language, width in [*looks, ("light", "en", 320)]:
        visit.dress(theme=theme, language=language, width=width)
        for address in (f"{listed}?status=all", f"{listed}?q=nothing", f"{listed}/new", f"{listed}/2"):
            visit.open(address)
            if address.endswith("/2"):
                page.locator(".disc-tools > summary").first.click()
                page.locator("[data-edit]").first.click()
                page.wait_for_selector("form.disc-edit")
                page.locator(".disc-tools > summary").last.click()
            problems += [f"{address} {theme} {language} {width}: {found}" for found in visit.axe()]
            if wide := visit.overflow():
                problems.append(f"{address} {language}: {wide} px wider than {width}")
    assert not problems, "\n".join(problems)
