"""Making a repository smaller: super-squash, and the list, deletion and handing over of its large files."""

import hashlib
from typing import Any

import pytest

from .conftest import Answer, Hub, put


def large(hub: Hub, repo: str, path: str, content: bytes, *, by: str = "olga", kind: str = "model") -> str:
    """Upload and commit a large file; return its sha256."""
    oid = hashlib.sha256(content).hexdigest()
    prefix = "" if kind == "model" else f"/{kind}s"
    body = {"operation": "upload", "objects": [{"oid": oid, "size": len(content)}]}
    (answer,) = hub.call("POST", f"{prefix}/{repo}.git/info/lfs/objects/batch", by=by, send=body).json["objects"]
    if "actions" in answer:
        target = answer["actions"]["upload"]["href"].removeprefix(hub.url)
        assert hub.call("PUT", target, send=content).status == 200
    line = {"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": oid, "size": len(content)}}
    assert hub.commit(repo, line, by=by, kind=kind).status == 200
    return oid


def delete(hub: Hub, repo: str, *names: str, rewrite: bool, by: str = "olga") -> Answer:
    body = {"deletions": {"sha": list(names), "rewriteHistory": rewrite}}
    return hub.call("POST", f"/api/models/{repo}/lfs-files/batch", by=by, send=body)


def test_squash_takes_the_history_of_one_branch(hub: Hub) -> None:
    repo = hub.new_repo()
    first = hub.commit(repo, put("a", "1")).json["commitOid"]
    hub.commit(repo, put("a", "2"))
    squashed = hub.call("POST", f"/api/models/{repo}/super-squash/main", by="olga", send={"message": "All of it"})
    assert squashed.status == 200
    (only,) = hub.call("GET", f"/api/models/{repo}/commits/main").json
    assert (only["id"], only["title"]) == (squashed.json["commitId"], "All of it")
    for target in (f"/{repo}/resolve/{first}/a", f"/api/models/{repo}/tree/{first}"):
        answer = hub.call("GET", target)
        assert (answer.status, answer.code) == (404, "RevisionNotFound")
    assert hub.call("GET", f"/{repo}/resolve/main/a").body == b"2"
    (entry,) = hub.call("POST", f"/api/models/{repo}/paths-info/main", send="paths=a&expand=true").json
    assert entry["lastCommit"]["id"] == only["id"]
    missing = hub.call("POST", f"/api/models/{repo}/super-squash/nothing", by="olga", send={})
    assert (missing.status, missing.code) == (404, "RevisionNotFound")


def test_lists_in_pages(hub: Hub) -> None:
    repo = hub.new_repo()
    names = [large(hub, repo, f"file{n}.bin", b"content %d" % n) for n in range(3)]
    hub.commit(repo, {"key": "deletedFile", "value": {"path": "file0.bin"}})
    first = hub.call("GET", f"/api/models/{repo}/lfs-files?limit=2", by="olga")
    assert [(file["fileOid"], file["filename"]) for file in first.json] == [
        (names[0], "file0.bin"),
        (names[1], "file1.bin"),
    ]
    assert set(first.json[1]) == {"fileOid", "oid", "filename", "pushedAt", "size", "ref"}
    assert first.json[1]["pushedAt"].endswith("Z")
    link = first.headers["link"]
    assert link.endswith('>; rel="next"')
    second = hub.call("GET", link[1:].partition(">")[0].removeprefix(hub.url), by="olga")
    assert [file["oid"] for file in second.json] == [names[2]]
    assert "link" not in second.headers


def test_deleting_with_and_without_history(hub: Hub) -> None:
    repo = hub.new_repo()
    one = large(hub, repo, "one.bin", b"number one")
    two = large(hub, repo, "folder/two.bin", b"number two")
    head = hub.call("GET", f"/api/models/{repo}").json["sha"]
    assert hub.call("GET", f"/{repo}/resolve/main/one.bin").body == b"number one"
    assert delete(hub, repo, one, rewrite=False).json == {"success": True, "deleted": 1}
    gone = hub.call("GET", f"/{repo}/resolve/main/one.bin")
    assert (gone.status, gone.code) == (404, "EntryNotFound")
    assert "deleted" in gone.headers["x-error-message"]
    assert hub.call("GET", f"/api/models/{repo}").json["sha"] == head
    assert delete(hub, repo, two, rewrite=True).status == 200
    paths = [entry["path"] for entry in hub.call("GET", f"/api/models/{repo}/tree/main?recursive=true").json]
    assert paths == [".gitattributes", "one.bin"]
    assert hub.call("GET", f"/{repo}/resolve/{head}/folder/two.bin").code == "RevisionNotFound"
    assert hub.call("GET", f"/api/models/{repo}/lfs-files", by="olga").json == []
    # What was deleted comes back by being sent again, at the same place too.
    assert large(hub, repo, "one.bin", b"number one") == one
    assert hub.call("GET", f"/{repo}/resolve/main/one.bin").body == b"number one"


def test_who_may(hub: Hub) -> None:
    repo = hub.new_repo(organization="guild")
    oid = large(hub, repo, "weights.bin", b"of the guild")
    for who, status in {"": 401, "sven": 403, "rita": 403, "walter": 403, "olga-reads": 403}.items():
        assert delete(hub, repo, oid, rewrite=True, by=who).status == status, who
    for who, status in {"": 401, "sven": 403, "rita": 403, "walter": 200}.items():
        assert hub.call("GET", f"/api/models/{repo}/lfs-files", by=who).status == status, who
        answer = hub.call("POST", f"/api/models/{repo}/super-squash/main", by=who, send={})
        assert answer.status == status, who
    private = hub.new_repo(private=True)
    for target in (f"{private}/lfs-files/batch", f"{private}/super-squash/main", f"{private}/lfs-files/duplicate"):
        assert hub.call("POST", f"/api/models/{target}", by="sven", send={}).code == "RepoNotFound"


def test_handing_over_to_another_repository(hub: Hub) -> None:
    source = hub.new_repo(by="olga")
    target = hub.new_repo(by="sven", kind="dataset")
    oid = large(hub, source, "weights.bin", b"shared")
    body = {
        "target": {"type": "dataset", "name": target},
        "files": [
            {"xetHash": "00" * 32, "sha256": oid, "filename": "weights.bin"},
            {"xetHash": "00" * 32, "sha256": "ab" * 32, "filename": "other.bin"},
        ],
    }
    answer = hub.call("POST", f"/api/models/{source}/lfs-files/duplicate", by="sven", send=body)
    assert answer.status == 200
    assert [failure["sha256"] for failure in answer.json["failed"]] == ["ab" * 32]
    line = {"key": "lfsFile", "value": {"path": "copy.bin", "algo": "sha256", "oid": oid}}
    assert hub.commit(target, line, by="sven", kind="dataset").status == 200
    assert hub.call("GET", f"/datasets/{target}/resolve/main/copy.bin").body == b"shared"
    # Into a repository that they cannot see, nobody hands anything.
    hidden = hub.new_repo(by="olga", private=True)
    body["target"] = {"type": "model", "name": hidden}
    answer = hub.call("POST", f"/api/models/{source}/lfs-files/duplicate", by="sven", send=body)
    assert (answer.status, answer.code) == (404, "RepoNotFound")


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("lfs-files/batch", {}),
        ("lfs-files/batch", {"deletions": {"sha": []}}),
        ("lfs-files/batch", {"deletions": {"sha": ["AB" * 32]}}),
        ("lfs-files/batch", {"deletions": {"sha": ["ab" * 32], "rewriteHistory": "yes"}}),
        ("lfs-files/batch", {"deletions": {"sha": [f"{n:064x}" for n in range(1001)]}}),
        ("lfs-files/duplicate", {}),
        ("lfs-files/duplicate", {"target": {"name": "x"}, "files": []}),
        ("lfs-files/duplicate", {"target": {"type": "book", "name": "a/b"}, "files": []}),
        ("lfs-files/duplicate", {"target": {"name": "a/b"}, "files": [{"sha256": 1}]}),
        ("super-squash/main", {"message": 7}),
    ],
)
def test_what_cannot_be_read_is_refused(hub: Hub, shared: str, call: str, body: dict[str, Any]) -> None:
    assert hub.call("POST", f"/api/models/{shared}/{call}", by="olga", send=body).status == 400


@pytest.fixture(scope="module")
def shared(hub: Hub) -> str:
    return hub.new_repo()
