"""Every call of the protocol, by everybody: what each may do, and what the refused are told."""

from dataclasses import dataclass
from typing import Any

import pytest

from .conftest import Hub, put

# Who may read and who may change a private repository of the organization, that olga made.
READERS = ["rita", "cora", "walter-reads", "olga-reads"]
WRITERS = ["walter", "olga"]
NDJSON = '{"key":"header","value":{"summary":"x"}}\n{"key":"file","value":{"path":"a.txt","content":"YQ=="}}\n'


@dataclass(frozen=True)
class Call:
    method: str
    target: str
    send: Any = None

    def by(self, hub: Hub, repo: str, who: str = "") -> tuple[int, str]:
        answer = hub.call(self.method, self.target.replace("{repo}", repo), by=who, send=self.send)
        return answer.status, answer.code


READS = [
    Call("GET", "/api/models/{repo}"),
    Call("GET", "/api/models/{repo}/revision/main"),
    Call("GET", "/api/models/{repo}/tree/main"),
    Call("POST", "/api/models/{repo}/paths-info/main", "paths=config.json"),
    Call("GET", "/api/models/{repo}/refs"),
    Call("GET", "/api/models/{repo}/commits/main"),
    Call("GET", "/api/models/{repo}/auth-check"),
    Call("GET", "/api/models/{repo}/xet-read-token/main"),
    Call("GET", "/{repo}/resolve/main/config.json"),
    Call("HEAD", "/{repo}/resolve/main/config.json"),
    Call("POST", "/{repo}.git/info/lfs/objects/batch", {"operation": "download", "objects": []}),
]
WRITES = [
    Call("POST", "/api/models/{repo}/preupload/main", {"files": []}),
    Call("POST", "/api/models/{repo}/commit/main", NDJSON),
    Call("GET", "/api/models/{repo}/xet-write-token/main"),
    Call("GET", "/api/models/{repo}/auth-check/write"),
    Call(
        "POST",
        "/{repo}.git/info/lfs/objects/batch",
        {"operation": "upload", "objects": [], "ref": {"name": "refs/heads/main"}},
    ),
]
# Calls that change what others of this module need: only their refusals are tested with the shared repository.
ADMINISTERS = [
    Call("PUT", "/api/models/{repo}/settings", {"visibility": "private"}),
]
REFUSED_ONLY = [
    Call("POST", "/api/models/{repo}/branch/new", {}),
    Call("DELETE", "/api/models/{repo}/branch/new"),
    Call("POST", "/api/models/{repo}/tag/main", {"tag": "v1"}),
    Call("DELETE", "/api/models/{repo}/tag/v1"),
]


def _id(call: Call) -> str:
    return f"{call.method} {call.target}"


@pytest.fixture(scope="module")
def private_repo(hub: Hub) -> str:
    repo = hub.new_repo(by="olga", organization="guild", private=True)
    assert hub.commit(repo, put("config.json", "{}")).status == 200
    return repo


@pytest.fixture(scope="module")
def public_repo(hub: Hub) -> str:
    repo = hub.new_repo(by="olga", organization="guild")
    assert hub.commit(repo, put("config.json", "{}")).status == 200
    return repo


@pytest.mark.parametrize("call", [*READS, *WRITES, *ADMINISTERS, *REFUSED_ONLY], ids=_id)
def test_private_repository_looks_absent(hub: Hub, private_repo: str, call: Call) -> None:
    assert call.by(hub, private_repo) == (401, "RepoNotFound")
    assert call.by(hub, private_repo, "sven") == (404, "RepoNotFound")
    assert call.by(hub, "guild/absent", "sven") == (404, "RepoNotFound")


@pytest.mark.parametrize("call", READS, ids=_id)
def test_members_read(hub: Hub, private_repo: str, public_repo: str, call: Call) -> None:
    for who in READERS + WRITERS:
        assert call.by(hub, private_repo, who)[0] == 200, who
    for who in ["", "sven", "sven-reads"]:
        assert call.by(hub, public_repo, who)[0] == 200, who


@pytest.mark.parametrize("call", WRITES, ids=_id)
def test_writers_write(hub: Hub, private_repo: str, call: Call) -> None:
    for who in WRITERS:
        assert call.by(hub, private_repo, who)[0] == 200, who


@pytest.mark.parametrize("call", [*WRITES, *ADMINISTERS, *REFUSED_ONLY], ids=_id)
def test_readers_do_not_write(hub: Hub, private_repo: str, public_repo: str, call: Call) -> None:
    for repo in (private_repo, public_repo):
        assert call.by(hub, repo, "rita") == (403, "NotWritable")
        assert call.by(hub, repo, "cora") == (403, "NotWritable")
        assert call.by(hub, repo, "olga-reads") == (403, "ReadOnlyToken")
    assert call.by(hub, public_repo, "sven") == (403, "NotWritable")
    assert call.by(hub, public_repo) == (401, "SignInNeeded")


def test_only_administrators_hide(hub: Hub, private_repo: str) -> None:
    (call,) = ADMINISTERS
    assert call.by(hub, private_repo, "walter") == (403, "NotWritable")
    assert call.by(hub, private_repo, "olga")[0] == 200


def test_only_administrators_delete_and_move(hub: Hub) -> None:
    repo = hub.new_repo(organization="guild")
    body = {"name": repo.split("/")[1], "organization": "guild", "type": "model"}
    moved = {"fromRepo": repo, "toRepo": f"{repo}-new", "type": "model"}
    for who, status in [("sven", 403), ("rita", 403), ("walter", 403), ("olga-reads", 403), ("", 401)]:
        assert hub.call("DELETE", "/api/repos/delete", by=who, send=body).status == status, who
        assert hub.call("POST", "/api/repos/move", by=who, send=moved).status == status, who
    assert hub.call("POST", "/api/repos/move", by="olga", send=moved).status == 200
    gone = {**body, "name": moved["toRepo"].split("/")[1]}
    assert hub.call("DELETE", "/api/repos/delete", by="olga", send=gone).status == 200
    assert hub.call("GET", f"/api/models/{repo}", by="olga").code == "RepoNotFound"


def test_nobody_creates_in_others_names(hub: Hub) -> None:
    def create(who: str, organization: str | None) -> int:
        body = {"name": f"by-{who or 'nobody'}-{organization}", "organization": organization}
        return hub.call("POST", "/api/repos/create", by=who, send=body).status

    assert [create(who, "guild") for who in ["olga", "walter", "cora"]] == [200, 200, 200]
    assert [create(who, "guild") for who in ["rita", "sven", "olga-reads"]] == [403, 403, 403]
    assert [create("sven", "olga"), create("sven-reads", None), create("", None)] == [403, 403, 401]


def test_nobody_moves_into_others_names(hub: Hub) -> None:
    repo = hub.new_repo(by="sven")
    moved = {"fromRepo": repo, "toRepo": "olga/stolen", "type": "model"}
    assert hub.call("POST", "/api/repos/move", by="sven", send=moved).status == 403


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer ", "Basic nonsense", "Digest x", "Basic OmhpCg=="])
def test_bad_token(hub: Hub, public_repo: str, header: str) -> None:
    for target in ["/api/whoami-v2", f"/api/models/{public_repo}", f"/{public_repo}/resolve/main/config.json"]:
        answer = hub.call("GET", target, headers={"Authorization": header})
        assert answer.status == 401
        assert answer.headers["x-error-message"] == "Invalid credentials in Authorization header"


def test_whoami_tells_the_token(hub: Hub) -> None:
    told = hub.call("GET", "/api/whoami-v2", by="walter-reads").json
    assert (told["name"], told["type"]) == ("walter", "user")
    assert [(org["name"], org["fullname"], org["roleInOrg"]) for org in told["orgs"]] == [
        ("guild", "The Guild", "write")
    ]
    assert (told["auth"]["accessToken"]["displayName"], told["auth"]["accessToken"]["role"]) == ("readers", "read")
    assert hub.call("GET", "/api/whoami-v2").status == 401


def test_profiles(hub: Hub) -> None:
    assert hub.call("GET", "/api/users/walter/overview").json["user"] == "walter"
    guild = hub.call("GET", "/api/organizations/guild/overview").json
    assert (guild["name"], guild["fullname"], guild["numUsers"]) == ("guild", "The Guild", 4)
    members = hub.call("GET", "/api/organizations/guild/members").json
    assert {member["user"] for member in members} == {"olga", "walter", "rita", "cora"}
    assert hub.call("GET", "/api/users/guild/overview").status == 404
    assert hub.call("GET", "/api/organizations/walter/overview").status == 404
