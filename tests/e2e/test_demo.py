"""Trying models in a real browser: text that comes while one looks, and stops; a chat; labels; fillings."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests import live
from tests.clients.conftest import TOOLS, Client, make_client
from tests.e2e.conftest import Visitor, visitor_of
from tests.workers.conftest import models  # noqa: F401 (a fixture)

TRIED = ("slow", "llama-chat", "classifier", "mask", "broken-tokenizer", "no-safetensors")
FIRST_ANSWER_MS = 90_000  # an engine starts, and everything else does too


@pytest.fixture(scope="module")
def maker(working_hub: live.Instance, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Client:  # noqa: F811
    client = make_client(working_hub, tmp_path_factory.mktemp("maker"))
    for name in TRIED:
        client.run(str(TOOLS / "hf"), "upload", f"{client.name}/{name}", str(models / name), ".")
    return client


@pytest.fixture
def visit(chromium: Browser, working_hub: live.Instance) -> Iterator[Visitor]:
    yield from visitor_of(chromium, working_hub)


def test_text_comes_as_it_is_written_and_stops(visit: Visitor, maker: Client) -> None:
    visit.open(f"/{maker.name}/slow/demo")
    page = visit.page
    expect(page.get_by_role("link", name="Demo", exact=True)).to_have_attribute("aria-current", "page")
    page.get_by_label("Your text").fill("Grove is")
    page.locator("[name=strategy][value=greedy]").check()
    page.get_by_label("New tokens, at most").fill("3000")
    page.get_by_label("Your text").press("Control+Enter")
    # The cold start is told while it lasts.
    expect(page.locator("[data-wait-text]")).to_have_text(re.compile("Waiting|queue|fetches|starts|loads"))
    answer = page.locator("[data-out] p")
    expect(answer).not_to_be_empty(timeout=FIRST_ANSWER_MS)
    early = answer.inner_text()
    expect(answer).not_to_have_text(early)
    expect(page.locator("[data-talk]")).to_have_attribute("aria-busy", "true")
    assert not visit.axe()
    page.keyboard.press("Escape")
    expect(page.locator("[data-foot]")).to_contain_text("stopped")
    expect(page.get_by_role("button", name="Run")).to_be_visible()
    stopped = answer.inner_text()
    assert stopped.startswith(early)
    page.wait_for_timeout(500)
    assert answer.inner_text() == stopped
    expect(page.locator("[data-talk]")).to_have_attribute("aria-busy", "false")


def test_what_is_set_is_what_is_asked(visit: Visitor, maker: Client) -> None:
    visit.open(f"/{maker.name}/slow/demo")
    page = visit.page
    text = page.get_by_label("Your text")
    text.fill("It's a hub")
    page.locator("[name=strategy][value=greedy]").check()
    expect(page.get_by_label("Temperature")).to_be_hidden()
    expect(page.get_by_label("Continuations")).to_be_hidden()
    page.get_by_label("New tokens, at most").fill("6")
    code = page.locator("[data-code=curl]")
    expect(code).to_contain_text('"temperature": 0')
    expect(code).to_contain_text("It'\\''s a hub")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("[data-foot]")).to_contain_text("6 tokens", timeout=FIRST_ANSWER_MS)
    expect(page.locator("[data-foot]")).to_contain_text("cut at the longest length")
    page.locator("[name=strategy][value=beam]").check()
    page.get_by_label("Beams").fill("3")
    page.get_by_label("Continuations").fill("2")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("[data-out] p")).to_have_count(2)
    expect(page.locator("[data-out] p").nth(1)).to_have_attribute("data-number", "Continuation 2")
    # What contradicts itself is said beside the field, and nothing is lost.
    page.get_by_label("Continuations").fill("9")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("beams")
    expect(page.get_by_label("Continuations")).to_be_focused()
    expect(text).to_have_value("It's a hub")
    visit.errors = [error for error in visit.errors if "400" not in error]


def test_a_chat_keeps_its_history(visit: Visitor, maker: Client) -> None:
    visit.open(f"/{maker.name}/llama-chat/demo")
    page = visit.page
    message = page.get_by_label("Your message")
    page.get_by_label("New tokens, at most").fill("8")
    for number, said in enumerate(("Hello", "And again"), start=1):
        message.fill(said)
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("button", name="Copy the answer")).to_have_count(number, timeout=FIRST_ANSWER_MS)
        expect(message).to_have_value("")
    expect(page.locator(".demo-asked")).to_have_count(2)
    expect(page.locator("[data-code=curl]")).to_contain_text('"role": "assistant"')
    assert not visit.axe()
    page.get_by_role("button", name="Answer again").click()
    expect(page.get_by_role("button", name="Copy the answer")).to_have_count(2)
    page.get_by_role("button", name="New chat").click()
    expect(page.locator(".demo-asked")).to_have_count(0)
    page.get_by_role("button", name="Continue a text").click()
    expect(page.get_by_label("Continuations")).to_be_visible()


def test_labels_and_fillings(visit: Visitor, maker: Client) -> None:
    visit.open(f"/{maker.name}/classifier/demo")
    page = visit.page
    page.get_by_label("Your text").fill("a good hub")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("row")).to_have_count(4, timeout=FIRST_ANSWER_MS)  # a head and three labels
    scores = [float(cell) for cell in page.locator("tbody td").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=0.01)
    assert not visit.axe()
    visit.open(f"/{maker.name}/mask/demo")
    page.get_by_label("Your text").fill("a hub of ")
    page.get_by_role("button", name="Insert <mask>").click()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("row")).to_have_count(6, timeout=FIRST_ANSWER_MS)


def test_why_a_model_does_not_run_is_read_where_it_was_tried(visit: Visitor, maker: Client) -> None:
    visit.open(f"/{maker.name}/no-safetensors/demo")
    expect(visit.page.get_by_text("no weights in safetensors format")).to_be_visible()
    assert not visit.axe()
    visit.open(f"/{maker.name}/broken-tokenizer/demo")
    visit.page.get_by_label("Your text").fill("Grove is")
    visit.page.get_by_role("button", name="Run").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("tokenizer cannot be loaded", timeout=FIRST_ANSWER_MS)
    expect(visit.page.get_by_label("Your text")).to_have_value("Grove is")


def test_beside_the_card_and_on_every_screen(visit: Visitor, maker: Client) -> None:
    visit.open(f"/{maker.name}/slow")
    page = visit.page
    page.get_by_label("Your text").fill("Grove is")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("[data-out] p")).not_to_be_empty(timeout=FIRST_ANSWER_MS)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Run")).to_be_visible()
    page.get_by_role("link", name="All settings").click()
    for theme, language, width in (("dark", "en", 320), ("light", "zh-hans", 390), ("dark", "zh-hans", 1280)):
        visit.dress(theme=theme, language=language, width=width)
        for model in ("slow", "llama-chat", "mask"):
            visit.open(f"/{maker.name}/{model}/demo")
            assert visit.overflow() <= 0
            assert not visit.axe()
