"""Passkeys: adding, logging in by one alone and beside the password, and what of them opens nothing."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from hub.accounts import passkeys
from hub.accounts.models import User
from hub.core.models import AuditEvent
from tests.factories import PASSWORD, make_user
from tests.web.soft_key import SoftKey, question_in
from tests.web.test_security import code_of, confirm

pytestmark = pytest.mark.django_db
NEW = "/settings/security/passkeys/new"
HERE = {"SERVER_NAME": "localhost"}
SCRIPT = {"Accept": "application/json"}


@pytest.fixture
def here(member: User) -> Client:
    """A browser in which `member` is logged in, and has just proven it, at an address that passkeys work at."""
    client = Client(**HERE)
    client.force_login(member)
    confirm(client)
    return client


def add(client: Client, key: SoftKey, name: str = "") -> int:
    answer = key.create(question_in(client.get(NEW).content))
    return client.post(NEW, {"name": name, "credential": json.dumps(answer)}).status_code


def log_in(key: SoftKey, next_page: str = "", **told: object) -> tuple[Client, str]:
    """Log in by the key alone; returns the browser, and where it is sent."""
    client = Client(**HERE)
    asked = client.get("/login/passkey", headers=SCRIPT).json()["request_options"]["publicKey"]
    assert asked["userVerification"] == "required" and not asked.get("allowCredentials")
    answer = json.dumps(key.get(asked, **told))
    sent = client.post("/login/passkey", {"credential": answer, "next": next_page, "remember": "on"})
    return client, sent.headers["Location"]


def second_step(member: User) -> Client:
    client = Client(**HERE)
    assert client.post("/login", {"login": member.username, "password": PASSWORD}).headers["Location"] == "/login/code"
    return client


def test_adding_renaming_and_removing(here: Client, member: User) -> None:
    key = SoftKey()
    assert add(here, key, "Blue key") == 302
    member.refresh_from_db()
    assert member.second_factor
    page = here.get("/settings/security").content.decode()
    assert "Blue key" in page and "10 codes are left" in page
    kept = Authenticator.objects.get(user=member, type="webauthn")
    assert "Packed" not in json.dumps(kept.data) and AuditEvent.objects.filter(verb="second-factor.add").exists()
    stranger = Client(**HERE)
    stranger.force_login(make_user())
    confirm(stranger)
    for act in ("rename", "remove"):
        address = f"/settings/security/passkeys/{kept.pk}/{act}"
        assert stranger.post(address, {"name": "Mine"}).status_code == 404
    here.post(f"/settings/security/passkeys/{kept.pk}/rename", {"name": "Green key"})
    kept.refresh_from_db()
    assert kept.wrap().name == "Green key"
    page = here.get(f"/settings/security/passkeys/{kept.pk}/remove").content.decode()
    assert "your only second factor" in page
    here.post(f"/settings/security/passkeys/{kept.pk}/remove")
    member.refresh_from_db()
    assert not member.second_factor and not Authenticator.objects.filter(user=member).exists()
    assert log_in(key)[1] == "/login"


def test_logging_in_by_it_alone(here: Client, member: User) -> None:
    key = SoftKey()
    add(here, key)
    client, then = log_in(key, "/settings/tokens")
    assert then == "/settings/tokens" and client.get("/settings/profile").status_code == 200
    assert not client.session.get_expire_at_browser_close()
    assert log_in(key, "https://evil.example/")[1] == "/"
    User.objects.filter(pk=member.pk).update(is_active=False)
    client, then = log_in(key)
    assert then == "/account/inactive" and client.get("/settings/profile").status_code == 302


def test_it_is_the_second_factor_beside_a_password(here: Client, member: User) -> None:
    touched = SoftKey(verifies=False)
    add(here, touched)
    client = second_step(member)
    asked = question_in(client.get("/login/code").content)
    assert [each["id"] for each in asked["allowCredentials"]]
    sent = client.post("/login/code", {"credential": json.dumps(touched.get(asked))})
    assert sent.headers["Location"] == "/" and client.get("/settings/profile").status_code == 200
    # A touch alone tells nothing of who it was: neither logs it in, nor lets it change what opens the account.
    assert log_in(touched)[1] == "/login"
    address = "/account/reauthenticate/passkey"
    asked = question_in(client.get(address).content)
    assert asked["userVerification"] == "required"
    page = client.post(address, {"credential": json.dumps(touched.get(asked))})
    assert page.status_code == 200 and "was not accepted" in page.content.decode()
    assert client.get(NEW).status_code == 302


def test_a_question_of_the_second_step_answers_no_other(here: Client, member: User) -> None:
    """With a password of their own, somebody who found a key would else be asked for no more than a touch of it."""
    found = SoftKey(verifies=False)
    add(here, found)
    finder = make_user()
    browser = Client(**HERE)
    browser.force_login(finder)
    confirm(browser)
    add(browser, SoftKey())
    client = second_step(finder)
    asked = question_in(client.get("/login/code").content)
    session = client.session
    del session["account_login"]  # as time does: the log-in of the finder is over, not what was asked
    session.save()
    assert client.post("/login/passkey", {"credential": json.dumps(found.get(asked))}).headers["Location"] == "/login"
    client = second_step(finder)
    asked = question_in(client.get("/login/code").content)
    page = client.post("/login/code", {"credential": json.dumps(found.get(asked))})
    assert page.status_code == 200 and "was not accepted" in page.content.decode()


def test_what_was_made_elsewhere_opens_nothing(here: Client, member: User, settings: object) -> None:
    key = SoftKey()
    assert add(here, SoftKey(origin="http://localhost:81")) == 200
    assert add(here, SoftKey(origin="https://sub.localhost")) == 200
    assert add(here, key) == 302
    assert log_in(key, origin="http://evil.localhost")[1] == "/login"
    assert log_in(key, crossOrigin=True)[1] == "/login"
    key.rp_id = "evil.example"
    assert log_in(key)[1] == "/login"
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "hub.localhost"]
    assert "Made for another address" in browser_at("hub.localhost", member).get("/settings/security").content.decode()


def test_each_question_is_answered_once(here: Client, member: User) -> None:
    key = SoftKey()
    add(here, key)
    client = Client(**HERE)
    asked = client.get("/login/passkey", headers=SCRIPT).json()["request_options"]["publicKey"]
    answer = {"credential": json.dumps(key.get(asked))}
    assert client.post("/login/passkey", answer).headers["Location"] == "/"
    client.post("/logout")
    assert client.post("/login/passkey", answer).headers["Location"] == "/login"
    other = Client(**HERE)
    other.get("/login/passkey", headers=SCRIPT)
    assert other.post("/login/passkey", answer).headers["Location"] == "/login"
    assert Client(**HERE).post("/login/passkey", answer).headers["Location"] == "/login"


def test_a_copy_is_noticed_by_its_counter(here: Client, member: User) -> None:
    key = SoftKey(counter=7)
    add(here, key)
    assert log_in(key)[1] == "/"
    key.counter = 7
    assert log_in(key)[1] == "/login"
    assert AuditEvent.objects.filter(verb="second-factor.copied", actor=member).exists()
    key.counter = 20
    assert log_in(key)[1] == "/"


def test_nobody_gets_in_by_the_name_of_another(here: Client, member: User) -> None:
    key, victim = SoftKey(), make_user()
    add(here, key)
    key.owner = "1z"
    assert log_in(key)[1] == "/login"
    key.owner = passkeys.websafe_encode(f"{victim.pk}".encode())
    assert log_in(key)[1] == "/login"


@pytest.mark.parametrize(
    "answer",
    [
        "", "null", "7", "[]", "{}", "[" * 9000, '{"id": 1}', '{"rawId": "AA", "response": {}}', "x" * 20_000,
        '{"rawId":"AA","response":{"clientDataJSON":"e30","attestationObject":"oA","authenticatorData":"","signature":""}}',
        '{"rawId":"é","response":{"clientDataJSON":"W10","attestationObject":"gICA","userHandle":"AA"}}',
        '{"rawId":"AA","response":{"clientDataJSON":"bnVsbA","attestationObject":"' + "gYGB" * 2000 + '"}}',
    ],
)  # fmt: skip
def test_nonsense_is_refused(here: Client, member: User, answer: str) -> None:
    question_in(here.get(NEW).content)
    assert here.post(NEW, {"credential": answer}).status_code == 200
    client = Client(**HERE)
    client.get("/login/passkey", headers=SCRIPT)
    assert client.post("/login/passkey", {"credential": answer}).headers["Location"] == "/login"
    assert not Authenticator.objects.filter(user=member).exists()


def test_what_is_sent_beside_a_new_one_is_not_kept(here: Client, member: User) -> None:
    key = SoftKey()
    answer = key.create(question_in(here.get(NEW).content))
    answer["clientExtensionResults"] = {"credProps": {"rk": "\0"}, "more": ["\ud800"]}
    assert here.post(NEW, {"credential": json.dumps(answer), "name": " " * 3}).status_code == 302
    kept = Authenticator.objects.get(user=member, type="webauthn")
    assert kept.data["name"] == "Passkey 1" and kept.data["credential"]["clientExtensionResults"] == {}
    again = key.create(question_in(here.get(NEW).content))
    assert "has this passkey already" in here.post(NEW, {"credential": json.dumps(again)}).content.decode()


def test_an_account_has_so_many(here: Client, member: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "MAX_PASSKEYS", 1)
    assert add(here, SoftKey()) == 302
    assert add(here, SoftKey()) == 200
    assert Authenticator.objects.filter(user=member, type="webauthn").count() == 1


def test_one_of_two_factors_may_go(here: Client, member: User) -> None:
    add(here, SoftKey())
    here.get("/settings/security/app")
    secret = here.session["mfa.totp.secret"]
    assert here.post("/settings/security/app", {"code": code_of(secret)}).headers["Location"] == "/settings/security"
    assert "Your passkeys and your recovery codes stay" in here.get("/settings/security/app/remove").content.decode()
    here.post("/settings/security/app/remove")
    member.refresh_from_db()
    assert member.second_factor and Authenticator.objects.filter(user=member, type="recovery_codes").exists()


def test_a_provider_that_lets_people_in_alone_is_not_gone_around(here: Client, member: User, settings: object) -> None:
    key = SoftKey()
    add(here, key)
    settings.OIDC_ISSUER, settings.OIDC_NAME, settings.OIDC_ONLY = "https://id.example", "Mother", True
    client, then = log_in(key)
    assert then == "/login" and client.get("/settings/profile").status_code == 302
    User.objects.filter(pk=member.pk).update(is_staff=True)
    assert log_in(key)[1] == "/"


def test_where_browsers_take_none_the_page_says_so(browser: Client, member: User) -> None:
    confirm(browser)
    page = browser.get(NEW).content.decode()
    assert "data-passkey" not in page and "by a name and https" in page
    assert "data-passkey" not in Client().get("/login").content.decode()
    assert 'data-passkey="get"' in Client(**HERE).get("/login").content.decode()


@pytest.mark.parametrize(
    ("base", "works"),
    [
        ("https://hub.example", True),
        ("https://hub.example:8443", True),
        ("http://localhost:8000", True),
        ("http://hub.localhost", True),
        ("http://hub.example", False),
        ("http://127.0.0.1:8000", False),
        ("https://192.0.2.7", False),
        ("https://[2001:db8::1]", False),
        ("https://localhost.example", True),
    ],
)
def test_where_they_work(base: str, works: bool) -> None:
    assert passkeys.work_at(base) is works


def test_behind_a_proxy_they_are_for_the_public_address(member: User, settings: object) -> None:
    settings.PUBLIC_URL = "https://hub.example:443"
    client = browser_at("localhost", member)
    asked = question_in(client.get(NEW).content)
    assert asked["rp"]["id"] == "hub.example"
    key = SoftKey(origin="https://hub.example")
    assert client.post(NEW, {"credential": json.dumps(key.create(asked))}).status_code == 302
    assert log_in(key)[1] == "/"
    key.origin = "http://localhost"
    assert log_in(key)[1] == "/login"


def browser_at(host: str, member: User) -> Client:
    client = Client(SERVER_NAME=host)
    client.force_login(member)
    confirm(client)
    return client
