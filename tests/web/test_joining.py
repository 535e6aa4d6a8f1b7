"""Coming into an organization: invited by name or by mail, or by asking."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from hub.accounts.joining import MAX_INVITATIONS, invite
from hub.accounts.models import MemberInvitation, Organization, Role, User
from hub.accounts.organizations import MAX_ORGANIZATIONS, set_role
from hub.community.models import Activity, ActivityKind
from hub.core.errors import TooMany
from tests.factories import make_organization, make_user
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db
MEMBERS = "/organizations/crew/members"


@pytest.fixture
def crew(member: User) -> Organization:
    return make_organization(member, "crew")


@pytest.fixture
def mailed(browser: Client, crew: Organization, mailoutbox: list, django_capture_on_commit_callbacks: object) -> str:
    """The path of a link that somebody without an account got."""
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        browser.post(MEMBERS, {"who": "New@Example.org", "role": "write"})
    assert mailoutbox[0].to == ["new@example.org"]
    return re.search(r"http://\S+?(/invitations/\S+)", mailoutbox[0].body)[1]


def test_by_mail_whoever_signs_up_by_the_link_is_in_once_they_say_so(mailed: str, crew: Organization) -> None:
    visitor = Client()
    page = visitor.get(mailed)
    assert page["Referrer-Policy"] == "no-referrer"
    assert f"/signup?next={mailed}" in page.content.decode()
    signed_up = visitor.post(
        "/signup", {"username": "newcomer", "email": "x@example.org", "password1": "a long enough one", "next": mailed}
    )
    assert signed_up.headers["Location"] == mailed
    assert not crew.memberships.filter(user__username="newcomer").exists()
    visitor.post(mailed, {"answer": "accept"})
    assert crew.memberships.get(user__username="newcomer").role == Role.WRITE
    assert Client().get(mailed).status_code == 404
    joined = Activity.objects.get(kind=ActivityKind.JOINED)
    assert (joined.namespace.name, joined.data["member"]) == ("crew", "newcomer")


def test_the_mail_is_in_all_languages_and_holds_no_name_of_an_account(mailed: str, mailoutbox: list) -> None:
    assert "邀请" in mailoutbox[0].subject + mailoutbox[0].body
    assert "invites you" in mailoutbox[0].subject


def test_a_link_lasts_no_longer_than_its_inviter_administers(mailed: str, crew: Organization, member: User) -> None:
    other = make_user()
    crew.memberships.create(user=other, role=Role.ADMIN)
    set_role(organization=crew, actor=other, user=member, role=Role.WRITE)
    assert Client().get(mailed).status_code == 404
    assert browser_of(make_user()).post(mailed, {"answer": "accept"}).status_code == 404


def test_sent_again_the_earlier_link_is_dead(
    mailed: str, browser: Client, mailoutbox: list, django_capture_on_commit_callbacks: object
) -> None:
    one = MemberInvitation.objects.get()
    MemberInvitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(mailed).status_code == 404
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        browser.post(f"/organizations/crew/invitations/{one.pk}/resend")
    newer = re.search(r"http://\S+?(/invitations/\S+)", mailoutbox[1].body)[1]
    assert Client().get(mailed).status_code == 404
    assert Client().get(newer).status_code == 200
    Client().post(newer, {"answer": "decline"})
    assert not MemberInvitation.objects.exists()


def test_an_invitation_by_name_is_for_one_person(browser: Client, crew: Organization) -> None:
    invited, stranger = make_user(), make_user()
    browser.post(MEMBERS, {"who": invited.username, "role": "read"})
    assert "invited already" in browser.post(MEMBERS, {"who": invited.username, "role": "read"}).content.decode()
    activity = Activity.objects.get(kind=ActivityKind.INVITATION)
    assert activity.data["to"] == invited.pk
    assert browser_of(stranger).post("/organizations/crew/answer", {"answer": "accept"}).status_code == 404
    assert "invites you" not in browser_of(stranger).get("/crew").content.decode()
    browser_of(invited).post("/organizations/crew/answer", {"answer": "decline"})
    assert not MemberInvitation.objects.exists()
    assert not crew.memberships.filter(user=invited).exists()
    browser.post(MEMBERS, {"who": invited.username, "role": "read"})
    one = MemberInvitation.objects.get()
    browser_of(stranger).post(f"/organizations/crew/invitations/{one.pk}/withdraw")
    assert MemberInvitation.objects.exists()
    browser.post(f"/organizations/crew/invitations/{one.pk}/withdraw")
    assert browser_of(invited).post("/organizations/crew/answer", {"answer": "accept"}).status_code == 404


def test_who_is_suspended_does_not_join(browser: Client, crew: Organization) -> None:
    invited = make_user()
    browser.post(MEMBERS, {"who": invited.username, "role": "read"})
    User.objects.filter(pk=invited.pk).update(suspended_at=timezone.now())
    browser_of(invited).post("/organizations/crew/answer", {"answer": "accept"})
    browser_of(invited).post("/organizations/crew/join", {"text": "Please."})
    assert not crew.memberships.filter(user=invited).exists()
    assert not crew.join_requests.exists()


def test_asking_to_be_let_in(browser: Client, crew: Organization) -> None:
    asking = make_user()
    theirs = browser_of(asking)
    theirs.post("/organizations/crew/join", {"text": "<b>I know seeds.</b>"})
    assert "You have asked" in theirs.get("/crew").content.decode()
    page = browser.get(MEMBERS).content.decode()
    assert "&lt;b&gt;I know seeds." in page
    assert Activity.objects.get(kind=ActivityKind.JOIN_REQUEST).actor == asking
    theirs.post("/organizations/crew/join", {"withdraw": ""})
    assert not crew.join_requests.exists()
    theirs.post("/organizations/crew/join", {"text": ""})
    browser.post(f"/organizations/crew/requests/{asking.username}", {"decision": "decline"})
    assert not crew.join_requests.exists()
    theirs.post("/organizations/crew/join", {"text": ""})
    browser.post(f"/organizations/crew/requests/{asking.username}", {"decision": "accept", "role": "contributor"})
    assert crew.memberships.get(user=asking).role == Role.CONTRIBUTOR
    browser.post("/organizations/crew/settings", {"about": "members"})
    other = browser_of(make_user())
    assert "Ask to join" not in other.get("/crew").content.decode()
    other.post("/organizations/crew/join", {"text": ""})
    assert not crew.join_requests.exists()


def test_the_page_of_members_asks_no_more_for_many(
    browser: Client, crew: Organization, django_assert_max_num_queries: object
) -> None:
    for number in range(12):
        user = make_user()
        if number % 3:
            crew.memberships.create(user=user, role=Role.READ)
        elif number % 2:
            browser.post(MEMBERS, {"who": user.username, "role": "read"})
        else:
            browser_of(user).post("/organizations/crew/join", {"text": "Hello."})
    with django_assert_max_num_queries(9):  # type: ignore[operator]
        assert browser.get(MEMBERS).status_code == 200


def test_one_person_invites_no_more_by_making_more_organizations(member: User) -> None:
    crews = [make_organization(member) for _number in range(2)]
    for number in range(MAX_INVITATIONS):
        invite(organization=crews[number % 2], actor=member, who=f"someone{number}@example.org", role=Role.READ)
    with pytest.raises(TooMany):
        invite(organization=make_organization(member), actor=member, who="more@example.org", role=Role.READ)


def test_one_person_takes_no_names_without_end(member: User) -> None:
    for _number in range(MAX_ORGANIZATIONS):
        make_organization(member)
    with pytest.raises(TooMany):
        make_organization(member)


def test_a_request_holds_what_the_database_can_keep(crew: Organization) -> None:
    asked = browser_of(make_user()).post("/organizations/crew/join", {"text": "let\0me in"}, follow=True)
    assert asked.status_code == 200 and "NUL" in asked.content.decode()
    assert not crew.join_requests.exists()
