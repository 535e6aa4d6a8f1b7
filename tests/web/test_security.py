"""The second factor and the browsers that are logged in, as somebody with a browser meets them."""

import re
import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from hub.accounts import sessions
from hub.accounts.models import BrowserSession, Right, Role, User
from hub.accounts.oauth.claims import claims_of
from hub.accounts.permissions import role_in
from hub.core.models import AuditEvent
from hub.repos.models import Visibility
from tests.factories import PASSWORD, make_organization, make_repo, make_token, make_user
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db


def code_of(secret: str, ahead: int = 0) -> str:
    """The code that an app would show, so many steps from now."""
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + ahead))


def confirm(browser: Client) -> None:
    browser.post("/account/reauthenticate", {"password": PASSWORD})


def set_up(browser: Client) -> tuple[str, list[str]]:
    """Set the second factor up as people do; returns the secret and the recovery codes."""
    confirm(browser)
    page = browser.get("/settings/security/app").content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    secret = browser.session["mfa.totp.secret"]
    assert secret in page
    answer = browser.post("/settings/security/app", {"code": code_of(secret)})
    assert answer.headers["Location"] == "/settings/security/codes"
    codes = re.findall(
        r"\b\d{8}\b",
        browser.get(answer.headers["Location"]).content.decode().partition("<pre")[2].partition("</pre>")[0],
    )
    return secret, codes


def log_in(member: User) -> tuple[Client, str]:
    client = Client()
    answer = client.post("/login", {"login": member.username, "password": PASSWORD})
    return client, answer.headers["Location"]


def test_setting_it_up_asks_for_the_password_first(browser: Client, member: User) -> None:
    assert browser.get("/settings/security/app").headers["Location"].startswith("/account/reauthenticate")
    secret, codes = set_up(browser)
    member.refresh_from_db()
    assert member.second_factor
    assert len(set(codes)) == 10
    again = browser.get("/settings/security/codes").content.decode()
    assert not any(code in again for code in codes)
    assert AuditEvent.objects.filter(verb="second-factor.add", actor=member).exists()
    assert secret not in browser.get("/settings/security").content.decode()


def test_logging_in_takes_a_code_once(browser: Client, member: User, mailoutbox: list) -> None:
    secret, codes = set_up(browser)
    client, then = log_in(member)
    assert then == "/login/code"
    assert client.get("/settings/profile").headers["Location"].startswith("/login")
    assert "is not right" in client.post("/login/code", {"code": "000000"}).content.decode()
    code = code_of(secret, 1)
    assert client.post("/login/code", {"code": code}).headers["Location"] == "/"
    assert client.get("/settings/profile").status_code == 200
    other, _then = log_in(member)
    assert other.post("/login/code", {"code": code}).status_code == 200
    assert not mailoutbox
    assert other.post("/login/code", {"code": codes[0]}).headers["Location"] == "/"
    assert "recovery codes was used" in mailoutbox[0].body
    third, _then = log_in(member)
    assert third.get("/login").headers["Location"] == "/login/code"
    assert third.post("/logout", {"next": "/login"}).headers["Location"] == "/login"
    assert third.get("/login").status_code == 200
    third, _then = log_in(member)
    assert third.post("/login/code", {"code": codes[0]}).status_code == 200


def test_guessing_codes_is_stopped(browser: Client, member: User, mailoutbox: list) -> None:
    secret, _codes = set_up(browser)
    client, _then = log_in(member)
    pages = [client.post("/login/code", {"code": f"{number:06}"}) for number in range(12)]
    assert "Too many" in pages[-1].content.decode() or pages[-1].status_code == 429
    assert client.post("/login/code", {"code": code_of(secret, 1)}).status_code != 302
    assert [mail.subject for mail in mailoutbox] == ["Somebody knows your password, but not your codes"]


def test_a_lost_key_is_told_of_and_left_behind(browser: Client, member: User, settings: object) -> None:
    secret, codes = set_up(browser)
    client, _then = log_in(member)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key"
    assert client.post("/login/code", {"code": code_of(secret, 1)}).headers["Location"] == "/"
    settings.SECRET_KEY_FALLBACKS = []
    client, _then = log_in(member)
    for code in (code_of(secret, 1), codes[0]):
        refused = client.post("/login/code", {"code": code})
        assert refused.status_code == 409 and "Ask its operator" in refused.content.decode()
    inside = browser_of(member)
    confirm(inside)
    assert "10 codes" in inside.get("/settings/security/codes/new").content.decode()
    assert inside.post("/settings/security/codes/new").headers["Location"] == "/settings/security/codes"
    assert re.search(r"\b\d{8}\b", inside.get("/settings/security/codes").content.decode())


def test_sessions_that_are_over_go(browser: Client, member: User) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    other = browser_of(member)
    assert sessions.prune() == 1
    assert (
        other.get("/settings/security").status_code == 200 and BrowserSession.objects.filter(user=member).count() == 1
    )


def test_removing_it_takes_all_with_it(browser: Client, member: User) -> None:
    set_up(browser)
    assert browser.post("/settings/security/app/remove").headers["Location"] == "/settings/security"
    member.refresh_from_db()
    assert not member.second_factor
    assert not Authenticator.objects.filter(user=member).exists()
    assert log_in(member)[1] == "/"


def test_an_organization_may_ask_for_it(member: User, browser: Client) -> None:
    weak, owner = make_user(), make_user()
    crew = make_organization(owner, "crew", admin=weak, write=member)
    repo = make_repo(owner, organization=crew, name="hidden-weights", visibility=Visibility.PRIVATE)
    page = (
        browser_of(owner)
        .post("/organizations/crew/settings", {"about": "members", "requires_mfa": "on"})
        .content.decode()
    )
    assert "Set one up for yourself first" in page
    User.objects.filter(pk=owner.pk).update(second_factor=True)
    owner.refresh_from_db()
    assert (
        browser_of(owner).post("/organizations/crew/settings", {"about": "members", "requires_mfa": "on"}).status_code
        == 302
    )
    assert role_in(weak, crew) is None
    assert claims_of(weak, [Right.PROFILE], "http://testserver")["orgs"] == []
    token = {"headers": {"Authorization": f"Bearer {make_token(weak)}"}}
    for address in ("/api/models/crew/hidden-weights", "/crew/hidden-weights.git/info/refs?service=git-upload-pack"):
        assert Client().get(address, **token).status_code in (401, 404), address
    assert browser_of(weak).get("/crew/hidden-weights").status_code == 404
    assert browser_of(weak).get("/organizations/crew/members").status_code == 403
    for page in ("/crew", "/"):
        assert "/settings/security" in browser_of(weak).get(page).content.decode(), page
    assert "crew asks for it" in browser_of(weak).get("/settings/security").content.decode()
    assert "No second factor" in browser_of(owner).get("/organizations/crew/members").content.decode()
    set_up(browser)
    member.refresh_from_db()
    assert role_in(member, crew) == Role.WRITE
    assert browser.get(f"/crew/{repo.name}").status_code == 200


def test_browsers_are_listed_and_logged_out(member: User) -> None:
    agents = {
        "Firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Chrome": "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    }
    clients = {}
    for name, agent in agents.items():
        clients[name] = Client(headers={"user-agent": agent}, REMOTE_ADDR="192.0.2.77")
        clients[name].post("/login", {"login": member.username, "password": PASSWORD})
    page = clients["Firefox"].get("/settings/security").content.decode()
    assert "Firefox · Linux" in page and "Chrome · Windows" in page
    assert "192.0.2.0/24" in page and "192.0.2.77" not in page
    other = BrowserSession.objects.get(agent=agents["Chrome"])
    browser_of(make_user()).post(f"/settings/sessions/{other.pk}/end")
    assert clients["Chrome"].get("/settings/profile").status_code == 200
    clients["Firefox"].post(f"/settings/sessions/{other.pk}/end")
    assert clients["Chrome"].get("/settings/profile").status_code == 302
    browser_of(member)
    clients["Firefox"].post("/settings/sessions/end-others")
    assert BrowserSession.objects.filter(user=member).count() == 1
    assert clients["Firefox"].get("/settings/security").status_code == 200


def test_where_password_links_go_is_decided_by_whoever_knows_the_password(browser: Client, member: User) -> None:
    """Else a stranger at the keyboard has one sent to themselves."""
    new = {"email": "elsewhere@example.org", "action_add": ""}
    asked = browser.post("/settings/account", new)
    assert asked.headers["Location"].startswith("/account/reauthenticate")
    assert not member.emailaddress_set.filter(email=new["email"]).exists()
    browser.post(asked.headers["Location"], {"password": PASSWORD, "next": "/settings/account"})
    assert member.emailaddress_set.filter(email=new["email"]).exists()
    assert AuditEvent.objects.filter(verb="email.add", actor=member).exists()


@pytest.mark.parametrize(
    "address",
    ["/settings/security/app", "/settings/security/passkeys/new", "/settings/password/set", "/settings/data/delete"],
)
def test_who_has_no_password_here_has_just_logged_in(browser: Client, member: User, address: str) -> None:
    """By the provider: else a stranger at the keyboard gives themselves a way in that stays."""
    member.set_unusable_password()
    member.save()
    browser = browser_of(member)
    refused = browser.get(address)
    assert refused.status_code == 403 and "Log out and in again" in refused.content.decode()
    for minutes, status in ((6, 403), (4, 200)):
        session = browser.session
        session["account_authentication_methods"] = [{"method": "socialaccount", "at": time.time() - minutes * 60}]
        session["account_authentication_methods_user"] = str(member.pk)
        session.save()
        assert browser.get(address).status_code == status


def test_a_new_password_logs_the_others_out(browser: Client, member: User) -> None:
    other = browser_of(member)
    browser.post("/settings/password", {"oldpassword": PASSWORD, "password1": "another long password"})
    assert other.get("/settings/profile").status_code == 302
    assert browser.get("/settings/security").status_code == 200
    assert BrowserSession.objects.filter(user=member).count() == 1
