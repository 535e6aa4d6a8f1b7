"""`/api/v1/{kind}/{repo}/files`, and repositories made and found through our own API."""

import io
from typing import Any

import pytest
from django.test import Client, override_settings

from hub.catalog.indexing import index_repository
from hub.repos.git.files import resolve_revision
from hub.repos.models import Gate, Repository
from hub.repos.services import create_branch
from tests.api.v1.conftest import Answer, Call, next_of
from tests.factories import make_organization, make_repo, make_token, make_user
from tests.web.repos import owner

pytestmark = pytest.mark.django_db


def put(target: str, content: bytes, by: Any = None, scope: str = "write", **headers: str) -> Answer:
    """PUT bytes as a file's content."""
    path, _mark, query = target.partition("?")
    if by is not None:
        headers["Authorization"] = f"Bearer {make_token(by, scope)}"
    response = Client().generic(
        "PUT",
        "/",
        content,
        content_type="application/octet-stream",
        headers=headers,
        PATH_INFO=f"/api/v1{path}",
        RAW_URI=f"/api/v1{target}",
        QUERY_STRING=query,
        **{"wsgi.input": io.BytesIO(content)},
    )
    return Answer(response.status_code, dict(response.headers), response.json())


def test_the_life_of_a_model_by_hand(call: Call) -> None:
    ada = make_user()
    made = call("POST", "/models", {"name": "tiny"}, by=ada)
    assert (made.status, made.json["id"]) == (201, f"{ada.username}/tiny")
    base = f"/models/{ada.username}/tiny/files/main"
    small = put(f"{base}/docs/README.md?message=Say+what+it+is", b"# Tiny\n", ada)
    assert (small.status, small.json["file"]["path"], small.json["file"]["sha256"]) == (200, "docs/README.md", None)
    large = put(f"{base}/model.safetensors", b"\0" * 100, ada)
    assert large.json["file"]["size"] == 100
    assert len(large.json["file"]["sha256"]) == 64
    repo = Repository.objects.get(name="tiny")
    assert resolve_revision(repo, small.json["commit"]).title == "Say what it is"
    assert resolve_revision(repo, "main").title == "Upload model.safetensors"
    again = put(f"{base}/model.safetensors", b"\0" * 100, ada)
    assert again.json["commit"] == large.json["commit"]
    assert call("GET", f"{base}/docs/README.md").json == small.json["file"]
    gone = call("DELETE", f"{base}/docs/README.md", by=ada)
    assert (gone.status, gone.json["file"]) == (200, None)
    assert call("GET", f"{base}/docs/README.md").code == "EntryNotFound"
    assert call("POST", f"/models/{ada.username}/tiny/releases", {"tag": "v1"}, by=ada).status == 201


def test_folders_page_by_page(call: Call) -> None:
    repo, ada = make_repo(), make_user()
    ada = owner(repo)
    base = f"/models/{repo.full_name}/files/main"
    for name in ("a/1", "a/2", "b", "c"):
        assert put(f"{base}/{name}", b"x", ada).status == 200
    top = call("GET", base).json
    assert [(each["path"], each["type"]) for each in top["items"]] == [
        ("a", "folder"), (".gitattributes", "file"), ("b", "file"), ("c", "file"),
    ]  # fmt: skip
    assert [each["path"] for each in call("GET", f"{base}?folder=a").json["items"]] == ["a/1", "a/2"]
    first = call("GET", f"{base}?recursive=true&limit=3")
    assert (first.json["count"], len(first.json["items"])) == (6, 3)
    # What is committed meanwhile does not change the pages of the commit that was asked for.
    put(f"{base}/0", b"x", ada)
    second = call("GET", next_of(first))
    assert second.json["commit"] == first.json["commit"]
    assert sorted(each["path"] for each in first.json["items"] + second.json["items"]) == [
        ".gitattributes", "a", "a/1", "a/2", "b", "c",
    ]  # fmt: skip
    assert call("GET", f"{base}?cursor=x").field == "cursor"
    assert call("GET", f"{base}?folder=nothing").code == "EntryNotFound"


def test_what_is_refused() -> None:
    repo = make_repo()
    ada, base = owner(repo), f"/models/{repo.full_name}/files/main"
    head = resolve_revision(repo, "main").oid
    for target, content, who, scope, expected in [
        (f"{base}/x", b"x", None, "write", (401, "SignInNeeded")),
        (f"{base}/x", b"x", make_user(), "write", (403, "NotWritable")),
        (f"{base}/x", b"x", ada, "read", (403, "ReadOnlyToken")),
        (f"{base}/.git/config", b"x", ada, "write", (400, "PathInvalid")),
        (f"{base}/../x", b"x", ada, "write", (400, "PathInvalid")),
        (f"{base}/x?parent={'0' * 40}", b"x", ada, "write", (412, "StaleParent")),
        (f"{base}/x?parent=main", b"x", ada, "write", (400, "Invalid")),
        (f"{base}/x?colour=red", b"x", ada, "write", (400, "Invalid")),
        (f"/models/{repo.full_name}/files/dev/x", b"x", ada, "write", (404, "RevisionNotFound")),
        (f"/models/{repo.full_name}/files/{head}/x", b"x", ada, "write", (404, "RevisionNotFound")),
        ("/models/nobody/nothing/files/main/x", b"x", ada, "write", (404, "RepoNotFound")),
    ]:
        answer = put(target, content, who, scope)
        assert (answer.status, answer.code) == expected, (target, answer.json)
    packed = put(f"{base}/x", b"x", ada, **{"Content-Encoding": "gzip"})
    assert (packed.status, packed.field) == (400, "Content-Encoding")
    with override_settings(MAX_LFS_FILE=10):
        assert put(f"{base}/x", b"x" * 11, ada).status == 413
    assert resolve_revision(repo, "main").oid == head


def test_protected_branches_stay_protected(call: Call) -> None:
    ada, ben = make_user(), make_user()
    repo = make_repo(ada, organization=make_organization(ada, write=ben))
    create_branch(repo=repo, actor=ada, name="stable/1")
    rules = f"/models/{repo.full_name}/branch-rules"
    made = call("POST", rules, {"pattern": "stable/*", "admins_only": True}, by=ada)
    assert (made.status, made.json["pattern"]) == (201, "stable/*")
    assert call("POST", rules, {"pattern": "stable/*"}, by=ada).status == 409
    assert call("POST", rules, {"pattern": "~"}, by=ada).field == "pattern"
    assert call("POST", rules, {"pattern": "x"}, by=ben).status == 403
    assert call("GET", rules, by=ada).json["items"] == [made.json]
    target = f"/models/{repo.full_name}/files/stable%2F1/x"
    assert put(target.replace("%2F", "%2F"), b"x", ben).code == "RefProtected"
    assert call("DELETE", f"{rules}/{made.json['id']}", by=ada).status == 204
    assert put(target, b"x", ben).status == 200


def test_revisions_are_compared(call: Call) -> None:
    repo = make_repo()
    ada, base = owner(repo), f"/models/{repo.full_name}"
    call("POST", f"{base}/releases", {"tag": "v1"}, by=ada)
    put(f"{base}/files/main/README.md", b"---\nlicense: mit\n---\n# Tiny\n", ada)
    told = call("GET", f"{base}/compare?old=v1").json
    assert (told["ahead"], told["behind"], told["counts"]) == (1, 0, {"added": 1, "modified": 0, "deleted": 0})
    assert (told["files"][0]["path"], told["files"][0]["status"], told["files"][0]["added"]) == (
        "README.md",
        "added",
        4,
    )
    assert told["card"] == [{"name": "license", "old": None, "new": "mit"}]
    assert call("GET", f"{base}/compare").field == "old"
    assert call("GET", f"{base}/compare?old=v9").code == "RevisionNotFound"
    Repository.objects.filter(pk=repo.pk).update(gate=Gate.MANUAL)
    assert call("GET", f"{base}/compare?old=v1").status == 401
    assert call("GET", f"{base}/compare?old=v1", by=make_user()).code == "GatedRepo"


def test_repositories_are_found(call: Call) -> None:
    ada = make_user()
    for name, license_id in [("fern", "mit"), ("moss", "mit"), ("reed", "gpl-3.0")]:
        call("POST", "/models", {"name": name}, by=ada)
        put(f"/models/{ada.username}/{name}/files/main/README.md", f"---\nlicense: {license_id}\n---\n".encode(), ada)
    call("POST", "/models", {"name": "secret", "private": True}, by=ada)
    for repo in Repository.objects.all():
        index_repository(repo.pk)
    base = f"/models?author={ada.username}"
    found = call("GET", f"{base}&filter=license:mit&sort=name&facets=true").json
    assert [each["id"].partition("/")[2] for each in found["items"]] == ["fern", "moss"]
    assert (found["count"], found["facets"]["license"]) == (2, [{"value": "mit", "label": "MIT", "count": 2}])
    assert call("GET", base, by=ada).json["count"] == 4
    first = call("GET", f"{base}&limit=2")
    rest = call("GET", next_of(first)).json
    assert (first.json["count"], rest["count"]) == (3, None)
    assert len({each["id"] for each in first.json["items"] + rest["items"]}) == 3
    assert call("GET", f"{base}&search=fern").json["items"][0]["license"] == "mit"
    for query, field in [
        ("sort=beauty", "sort"),
        ("sort=relevance", "sort"),
        ("gated=perhaps", "gated"),
        ("filter=base_model:cousin:a/b", "filter"),
        ("min_parameters=-1", "min_parameters"),
        ("colour=red", "colour"),
        ("cursor=x", "cursor"),
    ]:
        assert (call("GET", f"/models?{query}").field) == field


def test_short_names(call: Call) -> None:
    repo, admin = make_repo(), make_user(admin=True)
    base = f"/models/{repo.full_name}/short-names"
    assert call("POST", base, {"name": "tinylm"}, by=owner(repo)).status == 403
    assert call("POST", base, {"name": "tinylm"}, by=admin).json == {"names": ["tinylm"]}
    assert call("GET", base).json == {"names": ["tinylm"]}
    assert call("DELETE", f"{base}/tinylm", by=admin).status == 204
    assert call("DELETE", f"{base}/tinylm", by=admin).status == 404
