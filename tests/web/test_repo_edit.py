"""Writing in the browser: edit, start, move and delete text files; nobody's words are lost."""

from typing import Any

import pytest
from django.test import Client

from hub.repos.git.files import find_file, read_file, resolve_revision
from hub.repos.models import GitPath, Repository
from tests.factories import make_repo
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, owner, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo(db: None) -> Repository:
    made = make_repo()
    commit_files(made, {"a.txt": "one\ntwo\n", "b.txt": "b\n"})
    return made


def head(repo: Repository) -> str:
    return resolve_revision(repo, "main").oid


def content(repo: Repository, path: str) -> str:
    return read_file(repo, find_file(repo, resolve_revision(repo, "main"), path)).decode()


def send(repo: Repository, page: str, **fields: str) -> Any:
    given = {"path": "a.txt", "text": "", "title": "", "description": "", "parent": head(repo), **fields}
    return browser_of(owner(repo)).post(f"{repo.get_absolute_url()}/{page}", given)


def test_an_edit_is_a_commit(repo: Repository) -> None:
    done = send(repo, "edit/main/a.txt", text="one\r\nthree\r\n")
    assert (done.status_code, done.headers["Location"]) == (302, f"{repo.get_absolute_url()}/blob/main/a.txt")
    assert content(repo, "a.txt") == "one\nthree\n"
    commit = resolve_revision(repo, "main")
    assert (commit.title, commit.author) == ("Edit a.txt", owner(repo))


def test_line_ends_stay_as_they_were(repo: Repository) -> None:
    commit_files(repo, {"dos.txt": "a\r\nb\r\n"})
    send(repo, "edit/main/dos.txt", path="dos.txt", text="a\r\nc\r\n")
    assert content(repo, "dos.txt") == "a\r\nc\r\n"


def test_a_text_that_begins_with_a_line_break_keeps_it(repo: Repository) -> None:
    commit_files(repo, {"gap.txt": "\n\nlate\n"})
    page = text_of(browser_of(owner(repo)), f"{repo.get_absolute_url()}/edit/main/gap.txt")
    # Browsers drop the first line break of a text area.
    assert ">\n\n\nlate\n</textarea>" in page


def test_somebody_elses_change_to_the_same_file_is_kept(repo: Repository) -> None:
    seen = head(repo)
    commit_files(repo, {"a.txt": "theirs\n"})
    refused = send(repo, "edit/main/a.txt", text="mine\n", parent=seen)
    page = refused.content.decode()
    assert refused.status_code == 412
    assert "Somebody has changed this file" in page
    assert "mine" in page
    assert f'value="{head(repo)}"' in page
    assert content(repo, "a.txt") == "theirs\n"


def test_a_change_to_another_file_is_no_conflict(repo: Repository) -> None:
    seen = head(repo)
    commit_files(repo, {"b.txt": "theirs\n"})
    assert send(repo, "edit/main/a.txt", text="mine\n", parent=seen).status_code == 302
    assert (content(repo, "a.txt"), content(repo, "b.txt")) == ("mine\n", "theirs\n")


def test_a_new_path_moves_the_file(repo: Repository) -> None:
    assert send(repo, "edit/main/a.txt", path="docs/a.txt", text="moved\n").status_code == 302
    assert set(GitPath.objects.filter(repository=repo).values_list("path", flat=True)) >= {"docs/a.txt", "b.txt"}
    assert not GitPath.objects.filter(repository=repo, path="a.txt").exists()
    taken = send(repo, "edit/main/docs/a.txt", path="b.txt", text="x")
    assert taken.status_code == 409
    assert "already" in taken.content.decode()


def test_a_new_file(repo: Repository) -> None:
    assert send(repo, "new/main", path="README.md", text="# Hi\n").headers["Location"] == repo.get_absolute_url()
    assert send(repo, "new/main", path="a.txt", text="again").status_code == 409
    refused = send(repo, "new/main", path="a/../b", text="kept text")
    assert refused.status_code == 400
    assert "kept text" in refused.content.decode()
    suggested = text_of(browser_of(owner(repo)), f"{repo.get_absolute_url()}/new/main/docs?name=README.md")
    assert 'value="docs/README.md"' in suggested


def test_a_preview_writes_nothing(repo: Repository) -> None:
    before = head(repo)
    whole = send(repo, "edit/main/a.txt", text="---\nlicense: mit\n---\n# Title *x*\n", preview="1")
    assert "<em>x</em>" in whole.content.decode()
    assert "Title *x*" in whole.content.decode()
    assert head(repo) == before


def test_a_preview_of_the_card_tells_what_is_wrong_with_its_metadata(repo: Repository) -> None:
    send(repo, "new/main", path="README.md", text="# Title", title="Add a card")
    broken = send(repo, "edit/main/README.md", path="README.md", text="---\nlicense: [mit\n---\n# Title\n", preview="1")
    assert "metadata cannot be used" in broken.content.decode()
    good = send(repo, "edit/main/README.md", path="README.md", text="---\nlicense: mit\n---\n# Title\n", preview="1")
    assert "metadata cannot be used" not in good.content.decode()


def test_deleting_a_file_asks_first(repo: Repository) -> None:
    browser, address = browser_of(owner(repo)), f"{repo.get_absolute_url()}/delete/main/a.txt"
    assert "Delete a.txt?" in text_of(browser, address)
    assert browser.post(address, {"title": "", "description": ""}).status_code == 302
    assert not GitPath.objects.filter(repository=repo, path="a.txt").exists()
    assert browser.get(address).status_code == 404


@pytest.mark.parametrize("name", ["w.safetensors", "noise.dat", "latin.txt"])
def test_what_is_no_text_is_not_edited(repo: Repository, name: str) -> None:
    commit_files(repo, {name: b"\x00\xff\xe9" * 10})
    assert browser_of(owner(repo)).get(f"{repo.get_absolute_url()}/edit/main/{name}").status_code == 404


def test_who_is_not_signed_in_writes_nothing(repo: Repository, client: Client) -> None:
    for page in ("edit/main/a.txt", "new/main", "delete/main/a.txt", "upload/main", "settings"):
        assert client.get(f"{repo.get_absolute_url()}/{page}").headers["Location"].startswith("/login"), page
    read = text_of(client, f"{repo.get_absolute_url()}/blob/main/a.txt")
    assert "/edit/" not in read
    assert "/delete/" not in read
