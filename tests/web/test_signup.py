"""Coming in for the first time: the three modes of sign-up, names, the first administrator."""

import re

import pytest
from django.test import Client

from hub.accounts.models import OneTimeLink, User
from hub.accounts.services import create_invitation, issue_setup_link
from tests.factories import PASSWORD, make_organization, make_user

pytestmark = pytest.mark.django_db


def form(**changes: str) -> dict[str, str]:
    return {"username": "ada", "email": "ada@example.org", "password1": PASSWORD, **changes}


def test_open_sign_up_makes_an_account_with_its_namespace_and_logs_in(client: Client) -> None:
    response = client.post("/signup", form(email="Ada@Example.org"))
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    user = User.objects.get(username="ada")
    assert (user.email, user.namespace.name) == ("ada@example.org", "ada")
    assert client.get("/settings/profile").status_code == 200


def test_closed_sign_up_refuses_the_form_and_the_post(client: Client, settings: object) -> None:
    settings.SIGNUP = "closed"
    assert "takes no new members" in client.get("/signup").content.decode()
    client.post("/signup", form())
    assert not User.objects.exists()


def test_an_invitation_lets_one_person_in(client: Client, settings: object) -> None:
    settings.SIGNUP = "invite"
    secret = create_invitation(user=make_user(admin=True))
    assert "by invitation" in client.get("/signup").content.decode()
    client.post("/signup", form())
    assert not User.objects.filter(username="ada").exists()

    assert "Your invitation is good" in client.get(f"/signup?invitation={secret}").content.decode()
    assert client.post("/signup", form()).status_code == 302
    assert OneTimeLink.objects.get().used_by == User.objects.get(username="ada")

    late = Client()
    assert "by invitation" in late.get(f"/signup?invitation={secret}").content.decode()
    late.post(f"/signup?invitation={secret}", form(username="bob", email="bob@example.org"))
    assert not User.objects.filter(username="bob").exists()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("settings", "is reserved"),
        ("Models", "is reserved"),
        ("a", "2 to 42 characters"),
        ("a--b", "single hyphens"),
        ("林雨辰", "letters a to z"),
        ("TAKEN", "is taken"),
        ("crew", "is taken"),
        ("a" * 43, "at most 42"),
    ],
)
def test_names_that_nobody_can_have(client: Client, name: str, complaint: str) -> None:
    make_organization(make_user("taken"), "Crew")
    response = client.post("/signup", form(username=name))
    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert not User.objects.filter(email="ada@example.org").exists()


def test_an_address_is_used_once(client: Client) -> None:
    make_user("bob")
    assert client.post("/signup", form(email="BOB@example.org")).status_code == 200
    assert not User.objects.filter(username="ada").exists()


def test_a_weak_password_is_explained_beside_its_field(client: Client) -> None:
    page = client.post("/signup", form(password1="12345")).content.decode()
    assert re.search(r'id="id_password1_error".*too short', page, re.DOTALL)


def test_confirming_the_address_by_mail(client: Client, settings: object, mailoutbox: list) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    assert client.post("/signup", form()).headers["Location"] == "/email/confirm"
    assert client.get("/settings/profile").status_code == 302
    link = re.search(r"http://testserver(/email/confirm/\S+)", mailoutbox[0].body)
    assert link
    assert "Confirm your e-mail address" in client.get(link[1]).content.decode()
    client.post(link[1])
    assert client.post("/login", {"login": "ada", "password": PASSWORD}).headers["Location"] == "/"


def test_the_first_administrator(client: Client) -> None:
    link = f"/setup/{issue_setup_link()}"
    data = {"name": "root-gardener", "email": "root@example.org", "password": PASSWORD}
    assert "reserved" in client.post(link, {**data, "name": "admin"}).content.decode()
    assert client.post(link, data).headers["Location"] == "/"
    assert User.objects.get(username="root-gardener").is_superuser
    assert client.get("/settings/invitations").status_code == 200
    assert Client().get(link).status_code == 404
    assert Client().get("/setup/never-printed").status_code == 404
