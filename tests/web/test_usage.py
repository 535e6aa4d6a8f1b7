"""The page of what somebody keeps: whose it is to see, what it tells, and an administrator's quota."""

import pytest
from django.test import Client
from pytest_django import Settings

from hub.repos.storage.accounting import count
from tests.factories import make_organization, make_repo, make_token, make_user
from tests.repos.storage.content import noise, put
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_it_tells_what_is_kept_of_how_much(settings: Settings, language: str) -> None:
    settings.QUOTA_USER = 100_000
    ada = make_user("ada")
    repo = make_repo(ada, name="weights")
    put(repo, "model.bin", noise(1, 50_000))
    count(repo)
    browser = browser_of(ada)
    page = browser.get("/settings/usage/ada", headers={"Accept-Language": language}).content.decode()
    assert "ada/weights" in page
    assert "model.bin" in page
    assert "/ada/weights/settings/large-files" in page
    assert '<progress class="meter" max="1000" value="5' in page
    assert "set_quota" not in page
    assert "/settings/usage/ada" in browser.get("/ada/weights/settings").content.decode()


def test_others_see_nothing_of_it(client: Client) -> None:
    ada, eve = make_user("ada"), make_user("eve")
    organization = make_organization(ada, name="lab", read=make_user("bob"))
    assert browser_of(eve).get("/settings/usage/ada").status_code == 403
    assert browser_of(eve).get("/settings/usage/lab").status_code == 403
    assert browser_of(eve).get("/settings/usage/nobody-here").status_code == 404
    assert client.get("/settings/usage/ada").status_code == 302
    assert browser_of(make_user(admin=True)).get("/settings/usage/lab").status_code == 200
    for member in organization.memberships.all():
        assert browser_of(member.user).get("/settings/usage/lab").status_code == 200


def test_administrators_set_a_quota() -> None:
    ada, admin = make_user("ada"), make_user(admin=True)
    browser = browser_of(admin)
    assert browser_of(ada).post("/settings/usage/ada/quota", {"size": "5"}).status_code == 403
    for said, quota in (("1.5", 1_500_000_000), ("0", 0), ("much", 0), ("-1", 0), ("", None)):
        assert browser.post("/settings/usage/ada/quota", {"size": said}, follow=True).status_code == 200
        ada.namespace.refresh_from_db()
        assert ada.namespace.storage_quota == quota
    # What is set is what is shown.
    browser.post("/settings/usage/ada/quota", {"size": "2.5"})
    assert "of 2.5\u00a0GB are used" in browser.get("/settings/usage/ada").content.decode()


def test_tools_ask_for_it_as_well(client: Client) -> None:
    ada = make_user("ada")
    token = make_token(ada, "read")
    repo = make_repo(ada)
    put(repo, "model.bin", noise(1, 50_000))
    headers = {"Authorization": f"Bearer {token}"}
    told = client.get("/api/v1/usage/ada", headers=headers).json()
    assert (told["quota"], told["large_files"], told["pending"]) == (None, 50_000, 0)
    assert client.get("/api/v1/usage/ada").status_code == 401
    assert client.get(f"/api/v1/usage/{make_user().username}", headers=headers).status_code == 403
