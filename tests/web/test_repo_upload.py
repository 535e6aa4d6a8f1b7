"""Uploading through the browser's two steps, and through the form without scripts."""

import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hub.core.blobs import lfs_key, store
from hub.repos.git.files import find_file, read_file, resolve_revision
from hub.repos.models import Gate, GitCommit, Repository
from hub.repos.releases import create_tag
from tests.factories import make_repo, make_user
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo(db: None) -> Repository:
    return make_repo()


def send(browser: Client, repo: Repository, path: str, content: bytes, branch: str = "main") -> Any:
    return browser.put(
        f"{repo.get_absolute_url()}/upload/{branch}/{path}", content, content_type="application/octet-stream"
    )


def commit(browser: Client, repo: Repository, **files: str) -> Any:
    wanted = {"title": "", "description": "", "files": [{"path": p, "receipt": r} for p, r in files.items()]}
    return browser.post(f"{repo.get_absolute_url()}/upload/main", json.dumps(wanted), content_type="application/json")


def stored(repo: Repository, path: str) -> tuple[str | None, bytes]:
    """(sha256 of large content, what git itself holds) of a file of main."""
    file = find_file(repo, resolve_revision(repo, "main"), path)
    return file.sha256, read_file(repo, file)


def test_a_small_and_a_large_file_in_one_commit(repo: Repository) -> None:
    browser = browser_of(owner(repo))
    small = send(browser, repo, "notes.txt", b"notes\n").json()["receipt"]
    large = send(browser, repo, "w.safetensors", b"\x01" * 5000).json()["receipt"]
    before = GitCommit.objects.filter(store=repo.store_id).count()
    answer = commit(browser, repo, **{"a/notes.txt": small, "w.safetensors": large})
    assert (answer.status_code, answer.json()) == (201, {"address": f"{repo.get_absolute_url()}/tree/main"})
    assert GitCommit.objects.filter(store=repo.store_id).count() == before + 1
    assert stored(repo, "a/notes.txt") == (None, b"notes\n")
    sha256, pointer = stored(repo, "w.safetensors")
    assert sha256 is not None
    assert pointer.startswith(b"version https://git-lfs")
    assert store().stat(lfs_key(sha256)).size == 5000


def test_size_alone_makes_a_file_large(repo: Repository, settings: Any) -> None:
    settings.MAX_REGULAR_FILE = 1000
    browser = browser_of(owner(repo))
    receipts = {
        name: send(browser, repo, name, b"x" * size).json()["receipt"] for name, size in (("a", 1000), ("b", 1001))
    }
    commit(browser, repo, **receipts)
    assert stored(repo, "a")[0] is None
    assert stored(repo, "b")[0] is not None


def test_the_repositorys_own_attributes_decide(repo: Repository) -> None:
    commit_files(repo, {".gitattributes": "*.special filter=lfs diff=lfs merge=lfs -text\n"})
    browser = browser_of(owner(repo))
    commit(
        browser, repo, **{n: send(browser, repo, n, b"abc").json()["receipt"] for n in ("x.special", "x.safetensors")}
    )
    assert stored(repo, "x.special")[0] is not None
    assert stored(repo, "x.safetensors")[0] is None


def test_an_empty_file(repo: Repository) -> None:
    browser = browser_of(owner(repo))
    assert commit(browser, repo, **{"e.bin": send(browser, repo, "e.bin", b"").json()["receipt"]}).status_code == 201
    assert stored(repo, "e.bin") == (None, b"")


def test_a_receipt_is_good_for_its_owner_and_repository_only(repo: Repository) -> None:
    maker = owner(repo)
    receipt = send(browser_of(maker), repo, "secret.txt", b"secret").json()["receipt"]
    stranger = make_user()
    theirs = make_repo(stranger)
    for refused in (
        commit(browser_of(stranger), theirs, **{"x": receipt}),
        commit(browser_of(maker), make_repo(maker), **{"x": receipt}),
        commit(browser_of(maker), repo, **{"x": receipt[:-1] + "x"}),
        commit(browser_of(maker), repo, **{"x": ""}),
    ):
        assert refused.status_code == 400
        assert "Send the file again" in refused.json()["error"]


def test_a_refused_commit_keeps_what_was_sent(repo: Repository) -> None:
    browser = browser_of(owner(repo))
    receipt = send(browser, repo, "a.txt", b"a").json()["receipt"]
    refused = commit(browser, repo, **{"../a.txt": receipt})
    assert refused.status_code == 400
    assert "cannot be a file" in refused.json()["error"]
    assert commit(browser, repo, **{"a.txt": receipt}).status_code == 201


def test_who_may_not_upload_is_told_in_json(client: Client, repo: Repository) -> None:
    gated = make_repo()
    Repository.objects.filter(pk=gated.pk).update(gate=Gate.MANUAL)
    for visitor, where, status in ((client, repo, 401), (browser_of(make_user()), gated, 403)):
        for answer in (send(visitor, where, "a.txt", b"a"), commit(visitor, where, **{"a": "b"})):
            assert answer.status_code == status
            assert answer.json()["error"]
    private = make_repo(visibility="private")
    assert send(browser_of(make_user()), private, "a.txt", b"a").status_code == 404


def test_other_sites_cannot_upload(repo: Repository) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner(repo))
    assert send(browser, repo, "a.txt", b"a").status_code == 403
    assert commit(browser, repo, **{"a.txt": "x"}).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "{",
        '{"title": "", "description": "", "files": []}',
        '{"files": [{}]}',
        "[" * 100_000,
        '{"title": 1, "description": "", "files": [{"path": "a", "receipt": "b"}]}',
        '{"title": "\\u0000", "description": "", "files": [{"path": "a", "receipt": "b"}]}',
    ],
)
def test_a_list_that_is_none(repo: Repository, body: str) -> None:
    answer = browser_of(owner(repo)).post(
        f"{repo.get_absolute_url()}/upload/main", body, content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_only_branches_take_files(repo: Repository) -> None:
    create_tag(repo=repo, actor=owner(repo), name="v1")
    browser = browser_of(owner(repo))
    assert send(browser, repo, "a.txt", b"a", branch="v1").status_code == 400
    assert send(browser, repo, "a.txt", b"a", branch="nowhere").status_code == 404
    assert browser.get(f"{repo.get_absolute_url()}/upload/v1").status_code == 400


def test_an_upload_that_ends_early_stores_nothing(repo: Repository) -> None:
    browser = browser_of(owner(repo))
    for name in ("a.txt", "a.bin"):
        answer = browser.put(
            f"{repo.get_absolute_url()}/upload/main/{name}",
            b"",
            content_type="application/octet-stream",
            CONTENT_LENGTH="10",
            **{"wsgi.input": io.BytesIO(b"abc")},
        )
        assert answer.status_code == 400
        assert "again" in answer.json()["error"]


def test_the_form_without_scripts(repo: Repository) -> None:
    browser = browser_of(owner(repo))
    address = f"{repo.get_absolute_url()}/upload/main"
    file = SimpleUploadedFile("说明 a.txt", "你好".encode())
    done = browser.post(address, {"file": file, "folder": "docs/", "title": "By form", "description": ""})
    assert (done.status_code, done.headers["Location"]) == (302, f"{repo.get_absolute_url()}/tree/main/docs")
    assert stored(repo, "docs/说明 a.txt") == (None, "你好".encode())
    refused = browser.post(address, {"file": SimpleUploadedFile("a.txt", b"a"), "folder": "../up"})
    assert refused.status_code == 400
    assert "cannot be a file" in refused.content.decode()
