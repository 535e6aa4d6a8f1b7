"""A passkey in a real browser, whose authenticator is Chromium's own virtual one."""

from playwright.sync_api import expect

from tests.e2e.conftest import PASSWORD, Visitor

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
ANSWER = "form[data-passkey] button"


def test_a_passkey_is_added_and_opens_the_account(visit: Visitor) -> None:
    page = visit.page
    visit.open("/login")
    expect(page.locator("form[data-passkey]")).to_have_count(0)  # by an address of numbers, browsers take none
    visit.hub = visit.hub.replace("127.0.0.1", "localhost")
    devices = visit.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    visit.sign_up()
    visit.open("/settings/security/passkeys/new")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.fill("[name=name]", "Laptop")
    page.click(ANSWER)
    page.wait_for_url(visit.hub + "/settings/security/codes")
    visit.open("/settings/security")
    expect(page.get_by_role("row", name="Laptop")).to_contain_text("never")
    assert not visit.axe()

    visit.context.clear_cookies()
    visit.open("/login?next=/settings/security")
    page.click(ANSWER)
    expect(page.get_by_role("row", name="Laptop")).not_to_contain_text("never")

    visit.context.clear_cookies()
    visit.open("/login")
    page.fill("[name=login]", visit.name)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(visit.hub + "/login/code")
    assert not visit.axe()
    page.click(ANSWER)
    page.wait_for_url(visit.hub + "/")
