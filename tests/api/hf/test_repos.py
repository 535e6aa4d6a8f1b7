"""The life of a repository: made, renamed, hidden, deleted; and what odd requests are told."""

from typing import Any

import pytest

from tests.waiting import wait_until

from .conftest import Hub, put


def test_create_answers_with_the_address(hub: Hub) -> None:
    made = hub.call("POST", "/api/repos/create", by="olga", send={"name": "first", "organization": None}).json
    assert made["url"] == f"{hub.url}/olga/first"
    data = hub.call("POST", "/api/repos/create", by="olga", send={"name": "olga/first", "type": "dataset"}).json
    assert data["url"] == f"{hub.url}/datasets/olga/first"


def test_existing_repository_is_told_with_its_address(hub: Hub) -> None:
    repo = hub.new_repo()
    name = repo.split("/")[1]
    again = hub.call("POST", "/api/repos/create", by="olga", send={"name": name.upper()})
    assert (again.status, again.json["url"]) == (409, f"{hub.url}/{repo}")


def test_older_private_is_understood(hub: Hub) -> None:
    hub.call("POST", "/api/repos/create", by="olga", send={"name": "hidden", "private": True})
    assert hub.call("GET", "/api/models/olga/hidden").status == 401
    shown = hub.call("PUT", "/api/models/olga/hidden/settings", by="olga", send={"private": False})
    assert (shown.status, hub.call("GET", "/api/models/olga/hidden").status) == (200, 200)
    hub.call("PUT", "/api/models/olga/hidden/settings", by="olga", send={"visibility": "private"})
    assert hub.call("GET", "/api/models/olga/hidden").status == 401


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x" * 97},
        {"name": "tree"},
        {"name": "a..b"},
        {"name": "a--b"},
        {"name": "a.git"},
        {"name": "a b"},
        {"name": "名字"},
        {"name": ""},
        {"name": None},
        {"name": 5},
        {"name": "a\x00b"},
        {"name": "ok", "type": "bucket"},
        {"name": "ok", "visibility": "secret"},
        {"name": "ok", "private": "yes"},
    ],
    ids=str,
)
def test_bad_names_are_refused(hub: Hub, body: dict[str, Any]) -> None:
    answer = hub.call("POST", "/api/repos/create", by="olga", send=body)
    assert answer.status == 400
    assert answer.json["error"]


def test_own_repositories_and_what_they_take(hub: Hub) -> None:
    small, large = hub.new_repo(organization="guild"), hub.new_repo(organization="guild", private=True)
    hub.commit(small, put("a.txt", "x" * 1000))
    hub.commit(large, put("a.txt", "x" * 3000))
    listing = "/api/organizations/guild/settings/repositories"
    told = {line["id"]: line for line in hub.call("GET", listing, by="rita").json}
    assert (told[small]["visibility"], told[large]["visibility"], told[small]["type"]) == ("public", "private", "model")
    own = hub.new_repo(private=True, kind="dataset")
    assert own in {line["id"] for line in hub.call("GET", "/api/settings/repositories", by="olga").json}
    assert own not in {line["id"] for line in hub.call("GET", "/api/settings/repositories", by="rita").json}
    assert (hub.call("GET", listing, by="sven").status, hub.call("GET", listing).status) == (403, 401)
    assert hub.call("GET", "/api/settings/repositories").status == 401
    wait_until(lambda: _stored(hub, listing, large) > 3000 > _stored(hub, listing, small) > 1000)


def _stored(hub: Hub, listing: str, repo: str) -> int:
    lines = hub.call("GET", listing, by="olga").json
    return next(int(line["storage"]) for line in lines if line["id"] == repo)


def test_moved_repository_redirects(hub: Hub) -> None:
    repo = hub.new_repo()
    hub.commit(repo, put("a b.txt", "x"))
    new = f"{repo}-moved"
    moved = hub.call("POST", "/api/repos/move", by="olga", send={"fromRepo": repo, "toRepo": new, "type": "model"})
    assert moved.status == 200
    for method, old, target in [
        ("GET", f"/api/models/{repo}?expand=sha", f"/api/models/{new}?expand=sha"),
        ("GET", f"/api/models/{repo}/tree/refs%2Fheads%2Fmain", f"/api/models/{new}/tree/refs%2Fheads%2Fmain"),
        ("HEAD", f"/{repo}/resolve/main/a%20b.txt", f"/{new}/resolve/main/a%20b.txt"),
        ("POST", f"/api/models/{repo}/commit/main", f"/api/models/{new}/commit/main"),
        ("POST", f"/{repo}.git/info/lfs/objects/batch", f"/{new}.git/info/lfs/objects/batch"),
    ]:
        sent = {"operation": "download", "objects": []} if method == "POST" else None
        answer = hub.call(method, old, by="olga", send=sent)
        assert (answer.status, answer.headers.get("location")) == (307, target)
    again = hub.call("POST", "/api/repos/create", by="olga", send={"name": repo})
    assert (again.status, again.json["url"]) == (409, f"{hub.url}/{new}")
    # Where the body has the name, there is no address to redirect to; nothing is deleted under another name.
    for method, old, sent in [
        ("DELETE", "/api/repos/delete", {"name": repo}),
        ("POST", "/api/repos/move", {"fromRepo": repo, "toRepo": f"{new}-2"}),
    ]:
        refused = hub.call(method, old, by="olga", send=sent)
        assert refused.status == 409
        assert new in refused.json["error"]
    hidden = hub.call("PUT", f"/api/models/{new}/settings", by="olga", send={"visibility": "private"})
    assert hidden.status == 200
    assert hub.call("GET", f"/api/models/{repo}").code == "RepoNotFound"


def test_git_lfs_is_told_how_to_log_in(hub: Hub) -> None:
    repo = hub.new_repo(private=True)
    answer = hub.call("POST", f"/{repo}.git/info/lfs/objects/batch", send={"operation": "download", "objects": []})
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert answer.json["message"]


def test_lfs_verifies_what_arrives(hub: Hub) -> None:
    repo = hub.new_repo()
    oid = "0" * 64
    asked = {"operation": "upload", "objects": [{"oid": oid, "size": 5}]}
    batch = f"/{repo}.git/info/lfs/objects/batch"
    (told,) = hub.call("POST", batch, by="olga", send=asked).json["objects"]
    href = told["actions"]["upload"]["href"].removeprefix(hub.url)
    assert hub.call("PUT", href, send=b"hello").status == 400
    assert hub.call("PUT", href, send=b"hell").status == 400
    assert hub.call("PUT", href.replace(oid, "1" * 64), send=b"hello").status == 403
    assert hub.call("PUT", href[:-3] + "xxx", send=b"hello").status == 403
    verify = {"oid": oid, "size": 5}
    assert hub.call("POST", f"/{repo}.git/info/lfs/objects/verify", by="olga", send=verify).status == 404
    (missing,) = hub.call("POST", batch, send={**asked, "operation": "download"}).json["objects"]
    assert missing["error"]["code"] == 404
    for odd in [
        {},
        {"operation": "x"},
        {"operation": "upload", "objects": [{"oid": "zz", "size": 1}]},
        {**asked, "transfers": ["xet"]},
    ]:
        assert hub.call("POST", batch, by="olga", send=odd).status == 400


def test_card_is_checked(hub: Hub) -> None:
    def check(content: str) -> tuple[int, list[str], list[str]]:
        sent = {"content": content, "repoType": "model"}
        answer = hub.call("POST", "/api/validate-yaml", send=sent, headers={"Accept": "text/plain"})
        told = answer.json
        return answer.status, [e["message"] for e in told["errors"]], [w["message"] for w in told["warnings"]]

    assert check("---\nlicense: mit\n---\n# Fine") == (200, [], [])
    status, errors, _ = check("---\nlicense: mit\ntags: [a\n---\n")
    assert status == 400
    assert "ine " in errors[0]
    status, errors, warnings = check("---\nlicense: nonsense\nlanguage: klingonese\npipeline_tag: thinking\n---\n")
    assert status == 400
    assert any("license" in error and "nonsense" in error for error in errors)
    assert any("language" in error and "klingonese" in error for error in errors)
    assert any("pipeline_tag" in warning and "thinking" in warning for warning in warnings)
    odd = hub.call("POST", "/api/validate-yaml", send={"content": "", "repoType": "planet"})
    assert (odd.status, odd.json["field"]) == (400, "repoType")


def test_start_up_calls(hub: Hub) -> None:
    assert hub.call("GET", "/api/agent-harnesses").json == {"standardEnvVars": [], "harnesses": {}}
    assert hub.call("HEAD", "/api/telemetry/py/hub").status == 204
    assert hub.call("POST", "/api/telemetry/x", send=b"{}").status == 204
    unknown = hub.call("GET", "/api/models/olga/x/no-such-call")
    assert (unknown.status, unknown.headers["content-type"]) == (404, "application/json")


def test_speaks_english_whatever_is_asked(hub: Hub) -> None:
    answer = hub.call("GET", "/api/models/olga/none", headers={"Accept-Language": "zh-CN"})
    assert answer.json["error"].isascii()


# What a client that is broken, or hostile, may send anywhere.
TARGETS = [
    "/api/models/{}%00",
    "/api/models/{}/tree/%FF%FE",
    "/api/models/{}/tree/main/%ED%A0%80",
    "/api/models/{}/tree/main?limit=99999999999999999999",
    "/api/models/{}/tree/main?cursor=-1",
    "/api/models/{}/tree/main?recursive=maybe",
    "/api/models/{}/tree/" + "x" * 3000,
    "/api/models/{}/commits/main?p=99999999999999999999",
    "/api/models/{}/commits/main?limit=%C2%B2",
    "/api/models/{}/revision/%27%22%3B--",
    "/api/models/%2F%2F/%2F",
    "/api/models/{}/revision/..%2F..%2Fetc",
    "/{}/resolve/main/..%2F..%2Fetc%2Fpasswd",
    "/{}/resolve/main/%2e%2e/x",
    "/{}/resolve/%00/x",
    "/{}/resolve/main/" + "a%2F" * 900,
    "/{}/resolve/main/%F0%28%8C%28",
    "/{}.git/info/lfs/objects/zz?grant=zz",
    "/api/users/%00/overview",
    "/api/users/%FF/overview",
    "/api/organizations/" + "y" * 500 + "/overview",
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target[:50])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_odd_addresses_are_answered(hub: Hub, odd_repo: str, method: str, target: str) -> None:
    answer = hub.call(method, target.format(odd_repo), by="olga", send=b"\xff\x00" if method == "POST" else None)
    assert 400 <= answer.status < 500


@pytest.fixture(scope="module")
def odd_repo(hub: Hub) -> str:
    return hub.new_repo()


CALLS = [
    ("POST", "/api/repos/create"),
    ("DELETE", "/api/repos/delete"),
    ("POST", "/api/repos/move"),
    ("POST", "/api/validate-yaml"),
    ("PUT", "/api/models/{}/settings"),
    ("POST", "/api/models/{}/branch/b"),
    ("POST", "/api/models/{}/tag/main"),
    ("POST", "/api/models/{}/preupload/main"),
    ("POST", "/api/models/{}/paths-info/main"),
    ("POST", "/api/models/{}/commit/main"),
    ("POST", "/{}.git/info/lfs/objects/batch"),
    ("POST", "/{}.git/info/lfs/objects/verify"),
]
ODD = [
    b"\xff\xfe",
    b"[" * 50_000,
    b'{"name":"a\\u0000"}',
    b'{"name":"\\ud800"}',
    b"[1]",
    b'{"name":' + b"9" * 10_000 + b"}",
    b'{"name":{"a":1},"files":{"a":1},"objects":{"a":1},"content":[1],"tag":{},"startingPoint":[],"fromRepo":1,"visibility":{}}',
    b"paths=%00&paths=%ff",
    b"a=1&" * 30_000,
    b"x" * 5_000_000,
]


@pytest.mark.parametrize("body", ODD, ids=lambda body: repr(body[:30]))
@pytest.mark.parametrize(("method", "target"), CALLS)
def test_odd_bodies_are_refused(hub: Hub, odd_repo: str, method: str, target: str, body: bytes) -> None:
    answer = hub.call(method, target.format(odd_repo), by="olga", send=body)
    assert answer.status < 500
    assert isinstance(answer.json, dict | list)
