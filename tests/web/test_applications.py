"""Settings of applications, and the picture of an account. Nobody reaches another's."""

import re

import pytest
from django.test import Client

from hub.accounts import applications, sign_in
from hub.accounts.models import Application, User
from hub.accounts.services import user_of_token
from tests.factories import make_user
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db

URI = "https://space.example.org/callback"
FORM = {"name": "Space", "redirect_uris": URI, "rights": ["profile", "email"], "confidential": "yes"}


def registered(owner: User) -> Application:
    made = applications.register_application(
        owner=owner, name="Space", homepage="", redirect_uris=[URI], rights=["read-repos"], confidential=True
    )
    return made[0]


def test_an_application_is_registered_and_its_secret_shown_once(browser: Client, member: User) -> None:
    response = browser.post("/settings/applications", FORM)
    made = Application.objects.get()
    client_id, secret = re.findall(r'code-1"><pre><code>([\w-]+)</code>', response.content.decode())[:2]
    assert made.client_id == client_id and made.owner == member and made.rights == ["openid", "profile", "email"]
    assert "no-store" in response.headers["Cache-Control"] and secret not in str(vars(made))
    later = browser.get("/settings/applications").content.decode()
    assert client_id in later and secret not in later
    browser.post("/settings/applications", FORM | {"name": "Page", "confidential": "no"})
    assert not Application.objects.get(name="Page").confidential


@pytest.mark.parametrize(
    "change", [{"name": " "}, {"redirect_uris": "javascript:alert(1)"}, {"rights": ["openid2"]}, {"confidential": "x"}]
)
def test_one_that_cannot_be_registered(browser: Client, change: dict[str, object]) -> None:
    assert browser.post("/settings/applications", FORM | change).status_code == 200
    assert not Application.objects.exists()


def test_it_is_changed_renewed_and_removed_by_its_owner_alone(browser: Client, member: User) -> None:
    made = registered(member)
    page = f"/settings/applications/{made.client_id}"
    eve = browser_of(make_user())
    assert eve.get(page).status_code == eve.post(f"{page}/secret").status_code == 404
    assert eve.post(f"{page}/delete").status_code == eve.post(page, FORM).status_code == 404
    assert URI in browser.get(page).content.decode()
    assert browser.post(page, FORM | {"redirect_uris": f"{URI}\n{URI}2\n"}).status_code == 302
    made.refresh_from_db()
    assert made.redirect_uris == [URI, URI + "2"]
    before = made.secret_digest
    assert browser.post(f"{page}/secret").status_code == 200
    made.refresh_from_db()
    assert made.secret_digest != before
    browser.post(f"{page}/delete")
    assert not Application.objects.exists()


def test_what_was_let_in_is_listed_and_shut_out(browser: Client, member: User) -> None:
    made = registered(make_user())
    applications.give_consent(user=member, application=made, rights=["openid", "read-repos"])
    opened = sign_in.open_sign_in(user=member, application=made, rights=["read-repos"], agent="", address="192.0.2.1")
    issued = sign_in.Issued(sign_in.new_access_secret(), "", 60)
    sign_in.issue_tokens(sign_in=opened, rights=["read-repos"], issued=issued)
    assert "know who you are" in browser.get("/settings/applications").content.decode()
    tokens = browser.get("/settings/tokens").content.decode()
    assert "192.0.2.1" in tokens and issued.access[-4:] not in tokens
    browser.post(f"/settings/applications/{made.pk}/withdraw")
    assert user_of_token(issued.access) is None and not member.consents.exists()


def test_a_tool_is_signed_out(browser: Client, member: User) -> None:
    opened = sign_in.open_sign_in(
        user=member, application=registered(make_user()), rights=["write-repos"], agent="", address=""
    )
    issued = sign_in.Issued(sign_in.new_access_secret(), "", 60)
    sign_in.issue_tokens(sign_in=opened, rights=["write-repos"], issued=issued)
    browser_of(make_user()).post(f"/settings/sign-ins/{opened.pk}/end")
    assert user_of_token(issued.access) == member
    browser.post(f"/settings/sign-ins/{opened.pk}/end")
    assert user_of_token(issued.access) is None


def test_strangers_log_in_first() -> None:
    for path in ("/device", "/settings/applications", "/settings/applications/x"):
        assert Client().get(path).headers["Location"].startswith("/login?next=")


def test_a_wrong_code_says_so_on_the_page(browser: Client) -> None:
    for method in (browser.get, browser.post):
        refused = method("/device", {"code": "BBBB-BBBB"})
        assert refused.status_code == 404 and "No tool waits under this code" in refused.content.decode()
    assert browser.post("/device", {"code": ""}).status_code == 200


def test_an_account_has_a_picture(client: Client) -> None:
    user = make_user("mira-okafor")
    response = client.get("/avatars/mira-okafor.svg")
    assert response.headers["Content-Type"] == "image/svg+xml" and b">MO<" in response.content
    user.display_name = "<script>"
    user.save()
    assert b"<script>" not in client.get("/avatars/mira-okafor.svg").content
    assert client.get("/avatars/nobody.svg").status_code == 404
