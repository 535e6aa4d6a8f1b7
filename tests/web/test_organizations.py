"""Organizations on the site: making, running, leaving, and who may do what."""

import pytest
from django.test import Client

from hub.accounts.models import Organization, Role, User
from hub.repos.models import Visibility
from tests.factories import make_organization, make_repo, make_user
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db

# Every address that changes something, and what it is sent.
WRITES = [
    ("settings", {"display_name": "Changed", "bio": "", "website": ""}),
    ("delete", {"confirm": "crew"}),
    ("settings", {"about": "members", "requires_mfa": "on"}),
    ("members", {"who": "newcomer", "role": "admin"}),
    ("invitations/1/resend", {}),
    ("invitations/1/withdraw", {}),
    ("requests/newcomer", {"decision": "accept", "role": "admin"}),
    ("members/mate/role", {"role": "admin"}),
    ("members/mate/remove", {}),
]


@pytest.fixture
def crew(member: User) -> Organization:
    make_user("newcomer")
    return make_organization(
        member, "crew", read=make_user("reader"), contributor=make_user("mate"), write=make_user("writer")
    )


def state(organization: Organization) -> tuple[object, ...]:
    organization.refresh_from_db()
    return (
        organization.display_name,
        organization.requires_mfa,
        organization.invitations.count(),
        *organization.memberships.order_by("user_id").values_list("user__username", "role"),
    )


def test_making_one(browser: Client, member: User) -> None:
    response = browser.post("/organizations/new", {"name": "northfold", "display_name": "北褶", "bio": ""})
    assert response.headers["Location"] == "/organizations/northfold/members"
    organization = Organization.objects.get()
    assert organization.memberships.get().role == Role.ADMIN
    page = browser.get("/northfold").content.decode()
    assert "北褶" in page
    assert "/organizations/northfold/settings" in page
    for name, complaint in ((member.username.upper(), "is taken"), ("datasets", "is reserved")):
        assert complaint in browser.post("/organizations/new", {"name": name}).content.decode()


@pytest.mark.parametrize("who", ["reader", "writer", "newcomer", None])
@pytest.mark.parametrize(("address", "data"), WRITES)
def test_only_administrators_change_anything(crew: Organization, who: str | None, address: str, data: dict) -> None:
    before = state(crew)
    client = browser_of(User.objects.get(username=who)) if who else Client()
    response = client.post(f"/organizations/crew/{address}", data)
    assert response.status_code == (403 if who else 302)
    assert who or response.headers["Location"].startswith("/login")
    assert state(crew) == before


def test_running_one(browser: Client, crew: Organization) -> None:
    assert browser.get("/organizations/crew/members").status_code == 200
    browser.post("/organizations/crew/members", {"who": "NEWCOMER", "role": "contributor"})
    newcomer = browser_of(User.objects.get(username="newcomer"))
    assert not crew.memberships.filter(user__username="newcomer").exists()
    assert "invites you to join" in newcomer.get("/crew").content.decode()
    newcomer.post("/organizations/crew/answer", {"answer": "accept"})
    assert crew.memberships.get(user__username="newcomer").role == Role.CONTRIBUTOR
    for data, complaint in (
        ({"who": "newcomer", "role": "read"}, "is a member already"),
        ({"who": "nobody-here", "role": "read"}, "There is no user"),
        ({"who": "a@b", "role": "read"}, "neither a user name nor an e-mail address"),
        ({"who": "newcomer", "role": "king"}, "king"),
    ):
        assert complaint in browser.post("/organizations/crew/members", data).content.decode()
    found = browser.get("/organizations/crew/members?search=NEWC").content.decode()
    assert "newcomer" in found and 'href="/writer"' not in found
    browser.post("/organizations/crew/members/newcomer/role", {"role": "admin"})
    assert crew.memberships.get(user__username="newcomer").role == Role.ADMIN
    browser.post("/organizations/crew/members/newcomer/remove")
    assert not crew.memberships.filter(user__username="newcomer").exists()
    browser.post("/organizations/crew/settings", {"display_name": "The crew", "bio": "", "website": ""})
    crew.refresh_from_db()
    assert crew.display_name == "The crew"


def test_the_last_administrator_stays(browser: Client, member: User, crew: Organization) -> None:
    for address, data in ((f"{member.username}/role", {"role": "read"}), (f"{member.username}/remove", {})):
        response = browser.post(f"/organizations/crew/members/{address}", data, follow=True)
        assert "needs an administrator" in response.content.decode()
    assert crew.memberships.get(user=member).role == Role.ADMIN


def test_everybody_may_leave(crew: Organization) -> None:
    reader = browser_of(User.objects.get(username="reader"))
    assert "/organizations/crew/members/reader/remove" in reader.get("/crew").content.decode()
    assert reader.post("/organizations/crew/members/reader/remove").headers["Location"] == "/"
    assert not crew.memberships.filter(user__username="reader").exists()


def test_deleting_one_needs_its_name_and_that_it_owns_nothing(
    browser: Client, member: User, crew: Organization
) -> None:
    repo = make_repo(member, organization=crew, name="weights")
    browser.post("/organizations/crew/delete", {"confirm": "screw"})
    answer = browser.post("/organizations/crew/delete", {"confirm": "crew"}, follow=True)
    assert "still owns repositories" in answer.content.decode()
    repo.delete()
    browser.post("/organizations/crew/delete", {"confirm": "crew"})
    assert not Organization.objects.exists()
    assert browser.get("/crew").status_code == 404


def test_private_repositories_show_to_members_only(member: User, crew: Organization) -> None:
    make_repo(member, organization=crew, name="hidden-weights", visibility=Visibility.PRIVATE)
    for who, sees in ((None, False), ("newcomer", False), ("reader", True)):
        client = browser_of(User.objects.get(username=who)) if who else Client()
        assert ("hidden-weights" in client.get("/crew").content.decode()) is sees, who


def test_names_that_nobody_has(browser: Client, member: User) -> None:
    for address in ("/nobody-here", "/organizations/nobody-here/members", f"/organizations/{member.username}/settings"):
        assert browser.get(address).status_code == 404, address
