"""Making, renaming, hiding and deleting repositories in the browser."""

import pytest
from django.test import Client

from hub.accounts.models import User
from hub.repos.models import Repository
from tests.factories import make_organization, make_repo, make_user
from tests.web.conftest import browser_of
from tests.web.repos import get, owner, text_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("kind", "prefix"), [("model", ""), ("dataset", "/datasets")])
def test_a_new_repository_with_a_licence(browser: Client, member: User, kind: str, prefix: str) -> None:
    made = browser.post(
        f"/new/{kind}", {"owner": member.username, "name": "first", "license": "mit", "visibility": "private"}
    )
    address = f"{prefix}/{member.username}/first"
    assert (made.status_code, made.headers["Location"]) == (302, address)
    assert "MIT" in text_of(browser, address)
    assert Repository.objects.get(name="first").private


@pytest.mark.parametrize(("name", "status"), [("a b", 400), ("tree", 400), ("x" * 97, 200), ("", 200), ("taken", 409)])
def test_names_that_cannot_be_had(browser: Client, member: User, name: str, status: int) -> None:
    make_repo(member, name="taken")
    answer = browser.post("/new/model", {"owner": member.username, "name": name, "visibility": "public"})
    assert answer.status_code == status
    assert 'class="err"' in answer.content.decode()
    checked = browser.get("/new/model/check", {"owner": member.username, "name": name}).json()
    assert not checked["ok"]


def test_a_check_tells_nothing_of_private_names(browser: Client) -> None:
    hidden = make_repo(visibility="private")
    query = {"owner": hidden.namespace.name, "name": hidden.name}
    other = {**query, "name": "free"}
    answers = [browser.get("/new/model/check", each).json() for each in (query, other)]
    assert answers[0] == answers[1]


def test_only_owners_that_one_may_create_under_are_offered(browser: Client, member: User) -> None:
    make_organization(member, "ours")
    make_organization(make_user(), "theirs")
    page = text_of(browser, "/new/model?owner=ours")
    assert '<option value="ours" selected>' in page
    assert "theirs" not in page
    refused = browser.post("/new/model", {"owner": "theirs", "name": "x", "visibility": "public"})
    assert 'class="err"' in refused.content.decode()


def test_renaming_and_moving(browser: Client, member: User) -> None:
    repo = make_repo(member, name="old")
    make_organization(member, "ours")
    done = browser.post(f"/{member.username}/old/settings/move", {"owner": "ours", "name": "fresh"})
    assert done.headers["Location"] == "/ours/fresh/settings"
    assert get(browser, f"/{member.username}/old").headers["Location"] == "/ours/fresh"
    make_repo(member, name="taken")
    refused = browser.post("/ours/fresh/settings/move", {"owner": member.username, "name": "taken"})
    assert refused.status_code == 409
    assert "exists already" in refused.content.decode()
    repo.refresh_from_db()
    assert repo.full_name == "ours/fresh"


def test_visibility(client: Client, browser: Client, member: User) -> None:
    repo = make_repo(member)
    browser.post(f"{repo.get_absolute_url()}/settings/visibility", {"visibility": "private"})
    assert get(client, repo.get_absolute_url()).status_code == 404
    browser.post(f"{repo.get_absolute_url()}/settings/visibility", {"visibility": "public"})
    assert get(client, repo.get_absolute_url()).status_code == 200
    assert browser.post(f"{repo.get_absolute_url()}/settings/visibility", {"visibility": "odd"}).status_code == 400


def test_deleting_takes_the_typed_name(browser: Client, member: User) -> None:
    repo = make_repo(member)
    address = f"{repo.get_absolute_url()}/settings/delete"
    browser.post(address, {"confirm": repo.name})
    assert Repository.objects.filter(pk=repo.pk).exists()
    assert browser.post(address, {"confirm": repo.full_name}).headers["Location"] == f"/{member.username}"
    assert not Repository.objects.filter(pk=repo.pk).exists()
    assert get(browser, repo.get_absolute_url()).status_code == 404


def test_members_who_only_write_have_no_settings(member: User) -> None:
    organization = make_organization(member, write=(writer := make_user()))
    repo = make_repo(member, organization=organization)
    page = text_of(browser_of(writer), repo.get_absolute_url())
    assert "/upload/main" in page
    assert '/settings"' not in page.replace("/settings/", "")
    for below in ("settings/move", "settings/visibility", "settings/delete"):
        assert (
            browser_of(writer).post(f"{repo.get_absolute_url()}/{below}", {"confirm": repo.full_name}).status_code
            == 403
        )
    assert Repository.objects.filter(pk=repo.pk).exists()
    assert owner(repo) == member
