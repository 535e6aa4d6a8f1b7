"""The page of large files: what is listed, and that only a complete answer deletes."""

import pytest
from django.test import Client

from hub.accounts.models import User
from hub.repos.git.commits import Delete
from hub.repos.models import RepoBlob, Repository
from tests.factories import make_organization, make_repo, make_user
from tests.repos.filling import commit, held
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, get, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo(member: User) -> Repository:
    made = make_repo(member)
    commit_files(made, {"small.bin": b"few bytes", "folder/<b>large.bin": b"many more bytes" * 1000})
    commit(made, Delete("small.bin"))
    return made


def address(repo: Repository, *rest: str) -> str:
    return "/".join([f"/{repo.full_name}/settings/large-files", *rest])


def choose(browser: Client, repo: Repository, **answers: str) -> tuple[int, str]:
    """Send the form for all large files; return status and page."""
    names = list(RepoBlob.objects.filter(repository=repo).values_list("blob_id", flat=True))
    response = browser.post(address(repo, "delete"), {"sha": names, **answers}, follow=True)
    return response.status_code, response.content.decode()


def test_the_largest_comes_first_with_a_place_where_it_is(browser: Client, repo: Repository) -> None:
    page = text_of(browser, address(repo))
    assert page.index("folder/&lt;b&gt;large.bin") < page.index("small.bin")
    assert "2 files with 15" in page
    assert f"/{repo.full_name}/blob/main/folder/%3Cb%3Elarge.bin" in page
    assert "settings/large-files" in text_of(browser, f"/{repo.full_name}/settings")


def test_nothing_goes_before_the_answer_is_complete(browser: Client, repo: Repository) -> None:
    before = held(repo)
    status, page = choose(browser, repo)
    assert status == 200 and "Delete 2 large files" in page and "small.bin" in page
    for answers in ({"history": "keep", "confirm": "something"}, {"history": "burn", "confirm": repo.full_name}):
        status, page = choose(browser, repo, **answers)
        assert status == 400 and "Delete 2 large files" in page
    assert held(repo) == before
    assert "Choose the files" in browser.post(address(repo, "delete"), {}, follow=True).content.decode()
    assert "Choose the files" in browser.post(address(repo, "delete"), {"sha": "x"}, follow=True).content.decode()


@pytest.mark.parametrize(("history", "listed"), [("keep", True), ("rewrite", False)])
def test_both_ways_to_delete(browser: Client, repo: Repository, history: str, listed: bool) -> None:
    status, page = choose(browser, repo, history=history, confirm=repo.full_name)
    assert status == 200 and "2 large files are deleted." in page
    assert "keeps nothing outside git" in page
    assert held(repo) == set()
    assert ("large.bin" in text_of(browser, f"/{repo.full_name}/tree/main/folder")) if listed else True
    assert get(browser, f"/{repo.full_name}/tree/main/folder").status_code == (200 if listed else 404)


def test_it_is_for_administrators(repo: Repository, member: User) -> None:
    writer = make_user()
    organization = make_organization(member, write=writer)
    theirs = make_repo(member, organization=organization)
    for client, status in ((browser_of(writer), 403), (browser_of(make_user()), 403), (Client(), 302)):
        assert get(client, address(theirs)).status_code == status
        assert client.post(address(theirs, "delete"), {"sha": "x"}).status_code in (status, 403)
