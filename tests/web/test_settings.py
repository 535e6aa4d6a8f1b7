"""A person's own settings: profile, tokens, invitations. Nobody reaches another's."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from hub.accounts.models import AccessToken, OneTimeLink, User
from hub.accounts.services import create_token, user_of_token
from hub.accounts.sessions import FRESH_SECONDS, LOGGED_IN
from tests.factories import PASSWORD, make_user
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db


def test_profile(browser: Client, member: User) -> None:
    data = {"display_name": "林雨辰", "bio": "树", "website": "example.org", "language": "zh-hans"}
    response = browser.post("/settings/profile", data)
    assert response.cookies["django_language"].value == "zh-hans"
    member.refresh_from_db()
    assert (member.display_name, member.bio, member.website) == ("林雨辰", "树", "https://example.org")
    assert "林雨辰" in browser.get(f"/{member.username}").content.decode()


def test_a_website_that_is_a_script_is_refused(browser: Client, member: User) -> None:
    data = {"website": "javascript:alert(1)", "language": "en"}
    assert browser.post("/settings/profile", data).status_code == 200
    member.refresh_from_db()
    assert member.website == ""


def test_a_token_is_shown_once_and_works(browser: Client, member: User) -> None:
    response = browser.post("/settings/tokens", {"name": "laptop", "scope": "write", "life": "30"})
    page = response.content.decode()
    secret = re.search(r"hf auth login --token (grove_\S+?)<", page)[1]
    assert "HF_ENDPOINT=http://testserver" in page
    assert "no-store" in response.headers["Cache-Control"]
    found = user_of_token(secret)
    assert found == member
    assert found.acting_token.may_write
    assert timedelta(days=29) < found.acting_token.expires_at - timezone.now() <= timedelta(days=30)
    later = browser.get("/settings/tokens").content.decode()
    assert secret not in later
    assert secret[-4:] in later


@pytest.mark.parametrize("address", ["/settings/tokens", "/device", "/oauth/authorize"])
def test_what_outlives_a_log_in_needs_a_fresh_one_or_a_proof(browser: Client, member: User, address: str) -> None:
    session = browser.session
    session[LOGGED_IN] -= FRESH_SECONDS
    session.save()
    assert browser.get("/settings/tokens").status_code == 200
    asked = browser.post(address, {"name": "laptop", "scope": "write", "life": "30"})
    assert asked.headers["Location"].startswith("/account/reauthenticate")
    assert not AccessToken.objects.exists()
    if address == "/settings/tokens":
        made = browser.post(asked.headers["Location"], {"password": "not the password"})
        assert not AccessToken.objects.exists()
        # What was sent before is done then.
        made = browser.post(asked.headers["Location"], {"password": PASSWORD})
        assert "hf auth login --token grove_" in made.content.decode()
        assert AccessToken.objects.get().name == "laptop"


@pytest.mark.parametrize(
    "data",
    [{"name": " ", "scope": "read"}, {"name": "x", "scope": "root"}, {"name": "x", "scope": "read", "life": "7"}],
)
def test_a_token_that_cannot_be_made(browser: Client, data: dict[str, str]) -> None:
    assert browser.post("/settings/tokens", {"life": "30", **data}).status_code == 200
    assert not AccessToken.objects.exists()


def test_a_token_without_expiry(browser: Client) -> None:
    browser.post("/settings/tokens", {"name": "server", "scope": "read", "life": "0"})
    assert AccessToken.objects.get().expires_at is None


def test_revoking_a_token(browser: Client, member: User) -> None:
    token, secret = create_token(user=member, name="old laptop", scope="read")
    other = browser_of(make_user())
    other.post(f"/settings/tokens/{token.pk}/revoke")
    assert user_of_token(secret) == member
    assert browser.get(f"/settings/tokens/{token.pk}/revoke").status_code == 405
    browser.post(f"/settings/tokens/{token.pk}/revoke")
    assert user_of_token(secret) is None
    assert "old laptop" not in browser.get("/settings/tokens").content.decode()


def test_only_staff_invites(browser: Client) -> None:
    for response in (browser.get("/settings/invitations"), browser.post("/settings/invitations", {"note": "Bob"})):
        assert response.status_code == 403
    assert not OneTimeLink.objects.exists()

    staff = browser_of(make_user(admin=True))
    page = staff.post("/settings/invitations", {"note": "Bob"}).content.decode()
    link = OneTimeLink.objects.get()
    assert re.search(r"http://testserver/signup\?invitation=\S+", page)
    assert browser.post(f"/settings/invitations/{link.pk}/revoke").status_code == 403
    staff.post(f"/settings/invitations/{link.pk}/revoke")
    link.refresh_from_db()
    assert not link.open


def test_settings_are_behind_the_log_in(client: Client) -> None:
    assert client.get("/settings").headers["Location"] == "/settings/profile"
    for page in ("profile", "account", "tokens", "invitations", "password"):
        for response in (client.get(f"/settings/{page}"), client.post(f"/settings/{page}")):
            assert response.status_code == 302, page
            assert response.headers["Location"].startswith("/login?next="), page
    for address in ("/settings/tokens/1/revoke", "/settings/invitations/1/revoke"):
        assert client.post(address).headers["Location"].startswith("/login")
