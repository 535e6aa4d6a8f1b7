"""`/api/v1/organizations`: members, invitations, requests to join."""

from typing import Any

import pytest

from hub.accounts.models import MemberInvitation, Organization, Role, User
from hub.accounts.organizations import remove_member, set_requirements
from tests.api.v1.conftest import Call, next_of
from tests.factories import make_organization, make_user

pytestmark = pytest.mark.django_db
BASE = "/organizations/crew"


@pytest.fixture
def admin() -> User:
    return make_user()


@pytest.fixture
def crew(admin: User) -> Organization:
    return make_organization(admin, "crew")


def roles(call: Call) -> dict[str, str]:
    return {each["user"]: each["role"] for each in call("GET", f"{BASE}/members").json["items"]}


def test_invited_by_name(call: Call, crew: Organization, admin: User) -> None:
    ada, eve = make_user(), make_user()
    made = call("POST", f"{BASE}/invitations", {"who": f"@{ada.username}", "role": "write"}, by=admin)
    assert made.status == 201
    told = {name: made.json[name] for name in ("organization", "user", "email", "role", "invited_by")}
    assert told == {
        "organization": "crew",
        "user": ada.username,
        "email": "",
        "role": "write",
        "invited_by": admin.username,
    }
    assert call("GET", f"{BASE}/invitations", by=admin).json["items"] == [made.json]
    again = call("POST", f"{BASE}/invitations", {"who": ada.username, "role": "read"}, by=admin)
    assert (again.status, again.field) == (409, "who")
    assert call("POST", f"{BASE}/invitations", {"who": "nobody", "role": "read"}, by=admin).status == 404
    assert call("POST", f"{BASE}/invitations", {"who": eve.username, "role": "king"}, by=admin).field == "role"
    # It is theirs to answer, and nobody else's to see.
    assert call("GET", "/invitations", by=ada).json["items"] == [made.json]
    assert call("GET", "/invitations", by=eve).json["count"] == 0 and call("GET", "/invitations").status == 401
    assert call("PUT", f"{BASE}/invitation", by=eve).code == "LinkExpired"
    assert call("PUT", f"{BASE}/invitation", by=ada).json == {
        "user": ada.username,
        "display_name": ada.shown_name,
        "role": "write",
    }
    assert roles(call) == {admin.username: "admin", ada.username: "write"}
    assert call("DELETE", f"{BASE}/invitation", by=ada).status == 404
    # Declined, withdrawn, sent again.
    call("POST", f"{BASE}/invitations", {"who": eve.username, "role": "read"}, by=admin)
    assert call("DELETE", f"{BASE}/invitation", by=eve).status == 204 and not MemberInvitation.objects.exists()
    one = call("POST", f"{BASE}/invitations", {"who": eve.username, "role": "read"}, by=admin).json
    assert call("POST", f"{BASE}/invitations/{one['id']}", by=admin).status == 204
    for _again in range(2):
        assert call("DELETE", f"{BASE}/invitations/{one['id']}", by=admin).status == 204
    assert call("POST", f"{BASE}/invitations/{one['id']}", by=admin).code == "LinkExpired"
    assert call("PUT", f"{BASE}/invitation", by=eve).status == 404


def test_invited_by_mail(
    call: Call, crew: Organization, admin: User, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    ada = make_user()
    told = []
    for who in (ada.email, "Nobody@example.org"):
        made = call("POST", f"{BASE}/invitations", {"who": who, "role": "read"}, by=admin)
        assert made.status == 201
        told.append({**made.json, "email": ""} | dict.fromkeys(("id", "created_at", "expires_at")))
        assert made.json["email"] == who.lower()
    # Who has an account is not told by the difference.
    assert told[0] == told[1] and told[0]["user"] is None
    assert call("GET", "/invitations", by=ada).json["count"] == 0


def test_an_invitation_counts_while_its_sender_administers(call: Call, crew: Organization, admin: User) -> None:
    second, ada = make_user(), make_user()
    crew.memberships.create(user=second, role=Role.ADMIN)
    call("POST", f"{BASE}/invitations", {"who": ada.username, "role": "admin"}, by=second)
    remove_member(organization=crew, actor=admin, user=second)
    assert call("GET", "/invitations", by=ada).json["count"] == 0
    assert call("PUT", f"{BASE}/invitation", by=ada).code == "LinkExpired"
    listed = call("GET", f"{BASE}/invitations", by=admin).json["items"]
    assert call("POST", f"{BASE}/invitations/{listed[0]['id']}", by=admin).status == 204
    assert call("PUT", f"{BASE}/invitation", by=ada).status == 200


def test_asking_to_be_let_in(call: Call, crew: Organization, admin: User) -> None:
    ada, eve = make_user(), make_user()
    made = call("POST", f"{BASE}/join-requests", {"text": "I test."}, by=ada)
    assert (made.status, made.json["user"], made.json["text"]) == (201, ada.username, "I test.")
    assert call("POST", f"{BASE}/join-requests", {}, by=ada).status == 409
    assert call("GET", f"{BASE}/join-requests", by=ada).status == 403
    assert call("GET", f"{BASE}/join-requests", by=admin).json["items"] == [made.json]
    for _again in range(2):
        assert call("DELETE", f"{BASE}/join-requests", by=ada).status == 204
    one = f"{BASE}/join-requests/{ada.username}"
    assert call("PUT", one, {"role": "read"}, by=admin).status == 404
    call("POST", f"{BASE}/join-requests", {}, by=ada)
    assert call("PUT", one, {"role": "read"}, by=ada).status == 403
    assert call("PUT", one, {"role": "contributor"}, by=admin).json["role"] == "contributor"
    call("POST", f"{BASE}/join-requests", {}, by=eve)
    assert call("DELETE", f"{BASE}/join-requests/{eve.username}", by=admin).status == 204
    assert roles(call) == {admin.username: "admin", ada.username: "contributor"}
    set_requirements(organization=crew, actor=admin, requires_mfa=False, takes_requests=False)
    assert call("POST", f"{BASE}/join-requests", {}, by=eve).status == 409


def test_members_come_and_go(call: Call, crew: Organization, admin: User) -> None:
    people = [make_user() for _each in range(3)]
    for each in people:
        crew.memberships.create(user=each, role=Role.READ)
    page = call("GET", f"{BASE}/members?limit=3")
    assert page.json["count"] == 4
    assert [each["user"] for each in call("GET", next_of(page)).json["items"]] == [people[2].username]
    one = f"{BASE}/members/{people[0].username}"
    assert call("PATCH", one, {"role": "write"}, by=people[1]).code == "NotYours"
    assert call("PATCH", one, {"role": "write"}, by=admin).json["role"] == "write"
    assert call("PATCH", f"{BASE}/members/nobody", {"role": "write"}, by=admin).status == 404
    last = f"{BASE}/members/{admin.username}"
    assert call("PATCH", last, {"role": "read"}, by=admin).code == "LastAdmin"
    assert call("DELETE", last, by=admin).code == "LastAdmin"
    assert call("DELETE", one, by=people[1]).code == "NotYours"
    assert call("DELETE", one, by=admin).status == 204
    # Everybody may leave.
    assert call("DELETE", f"{BASE}/members/{people[1].username}", by=people[1]).status == 204
    assert roles(call) == {admin.username: "admin", people[2].username: "read"}
    assert call("GET", "/organizations/nobody/members").code == "AccountNotFound"
    assert call("GET", f"/organizations/{admin.username}/members").code == "AccountNotFound"
