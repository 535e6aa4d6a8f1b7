"""The first quarter of an hour of a newcomer, in a real browser: an account, a model, two files, a card."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Visitor
from tests.live import Instance

CARD = """---
license: apache-2.0
language: [en, zh]
pipeline_tag: text-generation
---
# A first model

It says **hello**. 你好。

| Set | Rows |
|---|---:|
| notes | 12 |
"""


def test_first_light(visit: Visitor, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model_type": "llama", "max_position_embeddings": 2048}, indent=2))
    weights = tmp_path / "weights.bin"
    weights.write_bytes(bytes(range(256)) * 20_000)
    page = visit.page

    name = visit.sign_up()
    repo = visit.create("model", "first-model", "apache-2.0")
    expect(page.locator("h1").first).to_have_text("first-model")
    assert not visit.axe()

    visit.upload(repo, config, weights, title="Two files")
    for file in ("config.json", "weights.bin", "README.md"):
        expect(page.get_by_role("link", name=file, exact=True)).to_be_visible()
    assert not visit.axe()

    page.click("text=Card")
    page.click("text=Edit card")
    expect(page.locator("[name=text]")).to_have_value("---\nlicense: apache-2.0\n---\n\n# first-model\n")
    page.fill("[name=text]", CARD)
    page.click("text=Preview")
    expect(page.locator("#preview h1")).to_have_text("A first model")
    assert not visit.axe()
    page.fill("[name=title]", "Write the card")
    page.click("button:has-text('Commit')")

    page.wait_for_url(f"{visit.hub}/{name}/first-model")
    article = page.get_by_role("article")
    expect(article.locator("h1")).to_have_text("A first model")
    expect(article.locator("td").first).to_have_text("notes")
    expect(page.locator("dl.label")).to_contain_text("Text generation")
    assert not visit.axe()

    page.click("nav.tabs >> text=Commits")
    expect(page.locator("a.committitle")).to_have_text(
        ["Write the card", "Two files", "State the licence", "Start the repository"]
    )
    page.click("a.committitle >> nth=0")
    expect(page.locator("table.diff")).to_contain_text("It says **hello**. 你好。")
    assert not visit.axe()


@pytest.mark.full  # in the usual run, tests/web asks by forms
def test_a_change_by_somebody_else_is_not_lost(visit: Visitor) -> None:
    visit.sign_up()
    repo = visit.create("model", "shared", "mit")
    page, other = visit.page, visit.context.new_page()
    visit.open(f"{repo}/edit/main/README.md")
    page.fill("[name=text]", "mine\n")

    other.goto(f"{visit.hub}{repo}/edit/main/README.md")
    other.fill("[name=text]", "theirs\n")
    other.click("button:has-text('Commit')")
    other.wait_for_url(visit.hub + repo)

    # The browser's console counts the 412 as an error; here it is the answer that is wanted.
    page.click("button:has-text('Commit')")
    expect(page.get_by_role("alert")).to_contain_text("Somebody has changed this file")
    expect(page.locator("[name=text]")).to_have_value("mine\n")
    page.click("button:has-text('Commit')")
    page.wait_for_url(visit.hub + repo)
    expect(page.get_by_role("article")).to_have_text("mine")
    visit.errors = [error for error in visit.errors if "412" not in error]


def test_a_failed_upload_is_sent_again_and_a_failed_commit_sends_nothing_twice(visit: Visitor, tmp_path: Path) -> None:
    visit.sign_up()
    repo = visit.create("dataset", "flaky")
    page = visit.page
    small, large = tmp_path / "notes.txt", tmp_path / "large.bin"
    small.write_text("notes\n")
    large.write_bytes(bytes(30_000_000))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.method in ("PUT", "POST") else None)

    visit.open(f"{repo}/upload/main")
    visit.context.set_offline(True)
    page.set_input_files("[data-pick][multiple]", [small, large])
    expect(page.locator("[data-state=failed].uploadrow")).to_have_count(2)
    expect(page.locator("[data-summary]")).to_contain_text("2 not sent")
    visit.context.set_offline(False)
    for name in (small.name, large.name):
        page.locator(".uploadrow", has_text=name).locator("[data-retry]").click()
    page.wait_for_selector("[data-commit]:not([disabled])")

    # A folder that no repository can have: the commit is refused, the files stay.
    page.fill("[name=folder]", "a/../b")
    page.click("[data-commit]")
    expect(page.locator("[data-problem]")).to_contain_text("cannot be a file's path")
    sent.clear()
    page.fill("[name=folder]", "数据")
    page.click("[data-commit]")
    page.wait_for_url(f"{visit.hub}{repo}/tree/main")
    assert sent == ["POST"]
    page.click("text=数据")
    expect(page.get_by_role("link", name="large.bin", exact=True)).to_be_visible()
    visit.errors = [error for error in visit.errors if "ERR_INTERNET_DISCONNECTED" not in error and "400" not in error]


@pytest.mark.full  # a question of the browser alone
def test_leaving_with_unsent_work_asks_first(visit: Visitor, tmp_path: Path) -> None:
    visit.sign_up()
    repo = visit.create("model", "careful", "mit")
    file = tmp_path / "a.txt"
    file.write_text("a")
    asked: list[str] = []
    visit.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    visit.open(f"{repo}/edit/main/README.md")
    visit.page.fill("[name=text]", "half")
    visit.page.goto(visit.hub + repo)
    visit.open(f"{repo}/upload/main")
    visit.page.set_input_files("[data-pick][multiple]", [file])
    visit.page.wait_for_selector("[data-commit]:not([disabled])")
    visit.page.goto(visit.hub + repo)
    assert asked == ["beforeunload", "beforeunload"]


def test_without_scripts(chromium: Browser, live_hub: Instance, tmp_path: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    visit = Visitor(live_hub.url, context, page)
    name = visit.sign_up()
    repo = visit.create("model", "plain", "mit")
    file = tmp_path / "notes.txt"
    file.write_text("plain notes\n")

    visit.open(f"{repo}/upload/main")
    page.set_input_files("[name=file]", [file])
    page.fill("[name=folder]", "docs")
    page.click("button:has-text('Commit')")
    page.get_by_role("link", name="notes.txt", exact=True).click()
    expect(page.locator("table.lines")).to_contain_text("plain notes")

    visit.open(f"{repo}/edit/main/README.md")
    page.fill("[name=text]", "# Plainly\n")
    page.click("text=Preview")
    expect(page.locator("#preview h1")).to_have_text("Plainly")
    page.click("button:has-text('Commit')")
    expect(page.get_by_role("article")).to_have_text("Plainly")
    page.click("text=Use this model")
    expect(page.locator("details.use")).to_contain_text(f"hf download {name}/plain")

    page.goto(f"{live_hub.url}/models?search=plain")
    expect(page.locator("h1")).to_have_text("Models")
    page.goto(f"{live_hub.url}{repo}/delete/main/docs/notes.txt")
    page.click("button:has-text('Delete file')")
    expect(page.locator("main")).to_contain_text("is deleted")
    context.close()
