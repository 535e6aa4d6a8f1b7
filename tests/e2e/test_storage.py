"""The administrators' page of the storage: content with every look, and it follows a check by itself."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PASSWORD, Looks, Visitor
from tests.live import Instance


@pytest.mark.full  # in the usual run, tests/web asks for the same pages
def test_an_administrator_follows_a_check(visit: Visitor, live_hub: Instance, looks: Looks) -> None:
    live_hub.manage("create_user", "keeper", "--email", "keeper@example.org", "--password", PASSWORD, "--admin")
    visit.open("/login?next=/settings/storage")
    visit.page.fill("[name=login]", "keeper")
    visit.page.fill("[name=password]", PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url(f"{live_hub.url}/settings/storage")
    for theme, language, width in looks:
        visit.dress(theme=theme, language=language, width=width)
        visit.open("/settings/storage")
        assert visit.axe() == []
        assert visit.overflow() == 0
    visit.dress(theme="light", language="en", width=360)
    visit.open("/settings/storage")
    assert visit.overflow() == 0
    visit.page.get_by_role("button", name="Check now").press("Enter")
    row = visit.page.get_by_role("row").filter(has=visit.page.get_by_role("rowheader", name="Check", exact=True))
    # The hub worker does it, and nobody reloads.
    expect(row).to_contain_text("ended", timeout=60_000)
    assert visit.errors == []
