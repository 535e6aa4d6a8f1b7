"""Coming back: log-in, log-out, a forgotten password, and where one lands afterwards."""

import re

import pytest
from django.test import Client

from hub.accounts.models import User
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("form_of", [lambda u: u.username, lambda u: u.username.upper(), lambda u: u.email.title()])
def test_log_in_by_name_or_address(client: Client, member: User, form_of: object) -> None:
    response = client.post("/login", {"login": form_of(member), "password": PASSWORD})
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert client.post("/logout").headers["Location"] == "/"
    assert client.get("/settings/profile").headers["Location"] == "/login?next=/settings/profile"


def test_a_wrong_password_and_a_wrong_name_get_the_same_answer(client: Client, member: User) -> None:
    answers = []
    for name in (member.username, "nobody-here"):
        page = client.post("/login", {"login": name, "password": "not the password"}).content.decode()
        answers.append(re.search(r'role="alert">.*?</div>', page, re.DOTALL)[0])
    assert answers[0] == answers[1]


def test_too_many_tries_are_stopped(client: Client, member: User) -> None:
    pages = [client.post("/login", {"login": member.username, "password": f"wrong {n}"}) for n in range(12)]
    assert pages[-1].status_code == 429 or "Too many" in pages[-1].content.decode()
    assert client.post("/login", {"login": member.username, "password": PASSWORD}).status_code != 302


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/settings/tokens", "/settings/tokens"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_log_in_leads_back_only_into_this_hub(client: Client, member: User, wanted: str, reached: str) -> None:
    response = client.post("/login", {"login": member.username, "password": PASSWORD, "next": wanted})
    assert response.headers["Location"] == reached


def test_a_forgotten_password(client: Client, member: User, mailoutbox: list) -> None:
    assert client.post("/password/reset", {"email": member.email}).headers["Location"] == "/password/reset/sent"
    assert mailoutbox[0].to == [member.email]
    link = re.search(r"http://testserver(/password/reset/\S+)", mailoutbox[0].body)
    assert link
    chosen = client.get(link[1], follow=True)
    assert "Choose a new password" in chosen.content.decode()
    done = client.post(chosen.request["PATH_INFO"], {"password1": "another long password"})
    assert done.headers["Location"] == "/password/reset/done"
    assert client.get("/password/reset/done").status_code == 200
    assert Client().post("/login", {"login": member.username, "password": "another long password"}).status_code == 302
    assert "no longer works" in Client().get(link[1], follow=True).content.decode()


def test_a_reset_for_an_unknown_address_tells_the_visitor_nothing(client: Client, mailoutbox: list) -> None:
    response = client.post("/password/reset", {"email": "stranger@example.org"})
    assert response.headers["Location"] == "/password/reset/sent"
    assert "no account here has that address" in mailoutbox[0].body


def test_changing_the_password_asks_for_the_present_one(browser: Client, member: User) -> None:
    change = {"oldpassword": "wrong", "password1": "another long password"}
    assert browser.post("/settings/password", change).status_code == 200
    changed = browser.post("/settings/password", {**change, "oldpassword": PASSWORD})
    assert changed.headers["Location"] == "/settings/account"
    assert browser.get("/settings/account").status_code == 200
    member.refresh_from_db()
    assert member.check_password("another long password")
