"""The page of the REST API: readable in every dress, and a call is tried on it."""

import json

from tests.e2e.conftest import Looks, Visitor


def test_every_call_opened(visit: Visitor, looks: Looks) -> None:
    for theme, language, width in looks:
        visit.dress(theme=theme, language=language, width=width)
        visit.open("/api")
        assert not visit.axe()
        # One of each sort: parameters and an answer with fields, a body, a file.
        for call in ("find_repositories", "make_repository", "put_file"):
            visit.page.locator(f"#{call} > summary").click()
        assert not visit.axe()
        assert not visit.overflow()


def test_a_call_is_tried(visit: Visitor) -> None:
    name = visit.sign_up()
    visit.create("model", "tried")
    visit.open("/api#list_the_files")
    page = visit.page
    form = page.locator("#list_the_files form")
    for field, value in [("namespace", name), ("name", "tried"), ("revision", "main")]:
        form.locator(f"[name={field}]").fill(value)
    form.locator("[name=revision]").press("Enter")
    answer = form.locator("[data-answer]:not(:empty)")
    answer.wait_for()
    said = answer.inner_text()
    assert [item["path"] for item in json.loads(said[said.index("{") :])["items"]] == [".gitattributes"]
    # Being logged in is no token: what writes is refused, and says what to do.
    page.locator("#remove_release > summary").click()
    form = page.locator("#remove_release form")
    for field, value in [("namespace", name), ("name", "tried"), ("tag", "v1/rc")]:
        form.locator(f"[name={field}]").fill(value)
    form.get_by_role("button", name="Send").click()
    form.locator("[data-answer]:not(:empty)").wait_for()
    assert "/releases/v1%2Frc · 401" in form.locator("[data-status]").inner_text()
    # The browser's console says the same, and nothing else.
    assert [error.rpartition("status of ")[2] for error in visit.errors] == ["401 (Unauthorized)"]
    visit.errors.clear()
