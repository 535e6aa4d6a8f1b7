"""Pages of accounts in a real browser: both themes, both languages, narrow and wide; keyboard, copying, no scripts."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import PASSWORD, Visitor
from tests.live import Instance

LOOKS = [("light", "en", 1440), ("dark", "zh-hans", 320)]


@pytest.mark.full  # in the usual run, test_looks looks at most of these
def test_pages_are_accessible_and_fit(visit: Visitor) -> None:
    name = visit.sign_up()
    organization = f"crew-{name}"
    visit.open("/organizations/new")
    visit.page.fill("[name=name]", organization)
    visit.page.click("main form button[type=submit]")
    visit.page.wait_for_url(f"**/organizations/{organization}/members")
    members = [
        *["/", f"/{name}", f"/{organization}", f"/organizations/{organization}/members"],
        *[f"/organizations/{organization}/settings", "/organizations/new", "/logout"],
        *["/settings/profile", "/settings/account", "/settings/tokens", "/settings/password"],
    ]
    for theme, language, width in LOOKS:
        visit.dress(theme=theme, language=language, width=width)
        for path in members:
            visit.open(path)
            assert not visit.axe(), path
            assert not visit.overflow(), path
        # Over a page whose links it does not cover by half.
        visit.open("/organizations/new")
        visit.page.locator("header details:has(.avatar) summary").click()
        assert not visit.axe()


def test_a_token_is_copied_and_the_theme_changes_in_place(visit: Visitor) -> None:
    visit.sign_up()
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.page
    visit.open("/settings/tokens")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.fill("[name=name]", "laptop")
    page.check("[value=write]")
    page.click("main form:has([name=life]) button")
    page.locator("main .alert .copy").first.click()
    expect(page.locator("#announcer")).to_have_text("Copied.")
    secret = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"grove_\S{30,}", secret)
    page.locator("main .alert .copy").nth(1).click()
    commands = page.evaluate("navigator.clipboard.readText()")
    assert commands == f"export HF_ENDPOINT={visit.hub}\nhf auth login --token {secret}"
    assert not visit.axe()

    # The switch must not reload the page: what is shown once would be gone.
    with page.expect_response("**/preferences"):
        page.click("button[value=dark]")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("main .alert")).to_contain_text(secret)
    visit.open("/settings/profile")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_everything_works_without_scripts(chromium: Browser, live_hub: Instance) -> None:
    live_hub.manage("create_user", "scriptless", "--email", "scriptless@example.org", "--password", PASSWORD)
    context = chromium.new_context(java_script_enabled=False, base_url=live_hub.url)
    page = context.new_page()
    page.goto("/login?next=/settings/profile")
    page.fill("[name=login]", "scriptless")
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.fill("[name=display_name]", "林雨辰")
    page.click("main form button[type=submit]")
    expect(page.get_by_role("status").first).to_contain_text("saved")
    page.click("button[value=zh-hans]")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.click("button[value=dark]")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("header details:has(.avatar) summary").click()
    page.click("header form[action='/logout'] button")
    expect(page.locator("header a[href^='/login']").first).to_be_attached()
    context.close()
