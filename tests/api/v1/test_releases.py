"""`/api/v1/{kind}s/{repo}/releases`."""

import pytest

from hub.repos.git.files import resolve_revision
from hub.repos.models import Release
from hub.repos.releases import create_release, create_tag
from hub.repos.services import move_repo
from tests.api.v1.conftest import Call, next_of
from tests.factories import make_organization, make_repo, make_user
from tests.web.repos import owner

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_the_life_of_a_release(call: Call, kind: str) -> None:
    repo = make_repo(kind=kind)
    base, ada = f"/{kind}s/{repo.full_name}/releases", owner(repo)
    made = call("POST", base, {"tag": "v1/rc", "title": "First", "notes": "  *Runs.*\n"}, by=ada)
    assert made.status == 201
    head = resolve_revision(repo, "main").oid
    told = made.json
    assert (told.pop("created_at")[-1], told) == (
        "Z",
        {
            "tag": "v1/rc",
            "number": 1,
            "commit": head,
            "title": "First",
            "notes": "  *Runs.*",
            "author": ada.username,
            "edited_at": None,
        },
    )
    one = f"{base}/v1%2Frc"
    assert call("GET", one).json["commit"] == head
    changed = call("PATCH", one, {"notes": "Runs well."}, by=ada)
    assert (changed.status, changed.json["title"], changed.json["notes"]) == (200, "First", "Runs well.")
    assert changed.json["edited_at"]
    assert call("DELETE", one, by=ada).status == 204
    assert (call("GET", one).status, call("GET", one).code) == (404, "ReleaseNotFound")
    assert resolve_revision(repo, "v1/rc").oid == head


def test_pages(call: Call) -> None:
    repo = make_repo()
    for n in range(1, 6):
        create_release(repo=repo, actor=owner(repo), tag=f"v{n}")
    base = f"/models/{repo.full_name}/releases"
    first = call("GET", f"{base}?limit=2")
    assert ([r["tag"] for r in first.json["items"]], first.json["count"]) == (["v5", "v4"], 5)
    # What comes meanwhile moves nothing.
    create_release(repo=repo, actor=owner(repo), tag="v6")
    second = call("GET", next_of(first))
    assert [r["tag"] for r in second.json["items"]] == ["v3", "v2"]
    last = call("GET", next_of(second))
    assert ([r["tag"] for r in last.json["items"]], "Link" in last.headers) == (["v1"], False)
    for query, field in [("page=2", "page"), ("limit=101", "limit"), ("sort=new", "sort"), ("cursor=WzFd8", "cursor")]:
        refused = call("GET", f"{base}?{query}")
        assert (refused.status, refused.field) == (400, field)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "tag"),
        ({"tag": ""}, 400, "tag"),
        ({"tag": "a..b"}, 400, "tag"),
        ({"tag": "v1", "title": "x" * 201}, 400, "title"),
        ({"tag": "v1", "notes": "x" * 50_001}, 400, "notes"),
        ({"tag": "v1", "notes": 1.5, "name": "v1"}, 400, "name"),
        ({"tag": "v1", "notes": ["a"]}, 400, "notes"),
        ({"tag": "v1", "revision": "nowhere"}, 404, "revision"),
        ({"tag": "there"}, 409, "tag"),
        ({"tag": "bare", "revision": "side"}, 404, "revision"),
        (b"[]", 400, ""),
        (b"{", 400, ""),
    ],
)
def test_what_is_refused(call: Call, body: object, status: int, field: str) -> None:
    repo = make_repo()
    create_tag(repo=repo, actor=owner(repo), name="bare")
    create_release(repo=repo, actor=owner(repo), tag="there")
    refused = call("POST", f"/models/{repo.full_name}/releases", body, by=owner(repo))
    assert (refused.status, refused.field) == (status, field)
    assert set(refused.json) <= {"error", "field"}
    assert Release.objects.count() == 1


def test_a_change_of_nothing_is_refused(call: Call) -> None:
    repo = make_repo()
    create_release(repo=repo, actor=owner(repo), tag="v1")
    for body, field in [({}, ""), ({"tag": "v2"}, "tag"), ({"title": None}, "title")]:
        refused = call("PATCH", f"/models/{repo.full_name}/releases/v1", body, by=owner(repo))
        assert (refused.status, refused.field) == (400, field)


def test_who_may(call: Call) -> None:
    boss = make_user()
    team = make_organization(boss, read=(reader := make_user()), write=(writer := make_user()))
    stranger = make_user()
    for visibility in ("public", "private"):
        repo = make_repo(boss, organization=team, visibility=visibility)
        create_release(repo=repo, actor=boss, tag="v1")
        base = f"/models/{repo.full_name}/releases"
        private = visibility == "private"
        for target in (base, f"{base}/v1"):
            assert call("GET", target).status == (401 if private else 200)
            assert call("GET", target, by=stranger).status == (404 if private else 200)
            assert call("GET", target, by=reader, scope="read").status == 200
        for method, target, body in [
            ("POST", base, {"tag": "v2"}),
            ("PATCH", f"{base}/v1", {"title": "x"}),
            ("DELETE", f"{base}/v1", None),
        ]:
            assert call(method, target, body).status == 401
            assert call(method, target, body, by=stranger).code == ("RepoNotFound" if private else "NotWritable")
            assert call(method, target, body, by=reader).code == "NotWritable"
            assert call(method, target, body, by=writer, scope="read").code == "ReadOnlyToken"
            assert call(method, target, body, by=writer).status < 300


def test_addresses(call: Call) -> None:
    repo = make_repo(name="before")
    base = f"/models/{repo.full_name}/releases"
    assert call("PUT", base).status == 405
    assert call("GET", "/models/nobody/nothing/releases").code == "RepoNotFound"
    assert call("GET", "/nothing").status == 404
    assert call("GET", f"/datasets/{repo.full_name}/releases").code == "RepoNotFound"
    move_repo(repo=repo, actor=owner(repo), namespace=repo.namespace, name="after")
    moved = call("GET", f"{base}?limit=2")
    assert (moved.status, moved.headers["Location"]) == (307, f"/api/v1/models/{repo.full_name}/releases?limit=2")
