"""Pictures in what people write, and collections put in order by hand."""

from io import BytesIO

from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.e2e.conftest import Visitor


def test_a_picture_goes_into_a_text_and_things_into_order(visit: Visitor) -> None:
    visit.sign_up()
    repo = visit.create("model", "pictured")
    page = visit.page
    visit.open(f"{repo}/discussions/new")
    out = BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, "PNG")
    picture = FilePayload(name="a [shot].png", mimeType="image/png", buffer=out.getvalue())
    page.set_input_files("[data-attach] [type=file]", picture)
    status = page.locator("[data-attach-status]")
    expect(status).to_have_text("The picture is in your text.")
    assert page.input_value("[name=text]").startswith("![a  shot](/uploads/")
    page.get_by_role("button", name="Preview").click()
    shown = page.locator("[data-preview-place] img")
    expect(shown).to_have_js_property("naturalWidth", 30)

    visit.open(f"/collections/new?item={repo.strip('/')}")
    page.fill("[name=title]", "In order")
    names = page.locator(".collitem .name")
    page.get_by_role("button", name="Make the collection").click()
    expect(names).to_have_text(["pictured"])
    visit.create("dataset", "second")
    page.locator("summary[aria-label='More for this repository']").click()
    page.get_by_role("link", name="Add to a collection").click()
    page.get_by_role("button", name="Add In order").click()
    page.get_by_role("link", name="In order").click()
    expect(names).to_have_text(["pictured", "second"])
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.locator(".collitem").nth(1).drag_to(page.locator(".collitem").nth(0), target_position={"x": 300, "y": 3})
    expect(names).to_have_text(["second", "pictured"])
    page.reload()
    expect(names).to_have_text(["second", "pictured"])
