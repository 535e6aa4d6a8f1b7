"""Preupload and commit: what is taken, what is refused, and that nothing is lost between two writers."""

import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .conftest import Answer, Hub, put

MEGABYTE = 1024 * 1024


def content(hub: Hub, repo: str, path: str, revision: str = "main") -> bytes:
    answer = hub.call("GET", f"/{repo}/resolve/{revision}/{path}", by="olga")
    assert answer.status == 200, answer
    return answer.body


def listing(hub: Hub, repo: str, revision: str = "main") -> dict[str, dict[str, Any]]:
    answer = hub.call("GET", f"/api/models/{repo}/tree/{revision}?recursive=true&expand=true", by="olga")
    assert answer.status == 200, answer
    return {entry["path"]: entry for entry in answer.json if entry["type"] == "file"}


def preupload(hub: Hub, repo: str, *files: dict[str, Any], revision: str = "main", **more: Any) -> Answer:
    return hub.call("POST", f"/api/models/{repo}/preupload/{revision}", by="olga", send={"files": list(files), **more})


def test_commit_answers_with_its_address(hub: Hub) -> None:
    repo = hub.new_repo()
    made = hub.commit(repo, put("数据/名 字.txt", "你好"), put("empty", b"")).json
    assert made["commitUrl"] == f"{hub.url}/{repo}/commit/{made['commitOid']}"
    entry = listing(hub, repo)["数据/名 字.txt"]
    assert entry["oid"] == hashlib.sha1(b"blob 6\0" + "你好".encode()).hexdigest()  # noqa: S324 - git's own name
    assert entry["lastCommit"]["id"] == made["commitOid"]
    assert content(hub, repo, "%E6%95%B0%E6%8D%AE/%E5%90%8D%20%E5%AD%97.txt") == "你好".encode()
    assert content(hub, repo, "empty") == b""


def test_same_content_again_makes_no_commit(hub: Hub) -> None:
    repo = hub.new_repo()
    first = hub.commit(repo, put("a", "1")).json["commitOid"]
    assert hub.commit(repo, put("a", "1")).json["commitOid"] == first
    assert len(hub.call("GET", f"/api/models/{repo}/commits/main").json) == 2


def test_order_of_operations_matters(hub: Hub) -> None:
    repo = hub.new_repo()
    hub.commit(repo, put("d/a", "1"), put("d/b", "2"))
    folder = {"key": "deletedFolder", "value": {"path": "d"}}
    assert hub.commit(repo, folder, put("d/b", "3")).status == 200
    assert set(listing(hub, repo)) == {".gitattributes", "d/b"}
    assert hub.commit(repo, {"key": "deletedFile", "value": {"path": "d/b"}}).status == 200
    assert set(listing(hub, repo)) == {".gitattributes"}


def test_missing_file_cannot_be_deleted(hub: Hub) -> None:
    answer = hub.commit(hub.new_repo(), {"key": "deletedFile", "value": {"path": "nothing"}})
    assert (answer.status, answer.code) == (404, "EntryNotFound")


def test_stale_parent(hub: Hub) -> None:
    repo = hub.new_repo()
    first = hub.commit(repo, put("a", "1")).json["commitOid"]
    second = hub.commit(repo, put("a", "2"), parentCommit=first)
    assert second.status == 200
    assert hub.commit(repo, put("a", "3"), parentCommit=first).status == 412
    assert content(hub, repo, "a") == b"2"


def test_two_writers_lose_nothing(hub: Hub) -> None:
    repo = hub.new_repo()
    answers: list[int] = []

    def write(who: int) -> None:
        for number in range(8):
            answers.append(hub.commit(repo, put(f"{who}/{number}", f"{who} {number}")).status)

    writers = [threading.Thread(target=write, args=[who]) for who in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert answers == [200] * 32
    assert len(listing(hub, repo)) == 33
    assert len(hub.call("GET", f"/api/models/{repo}/commits/main").json) == 33


def test_branches_are_committed_to(hub: Hub) -> None:
    repo = hub.new_repo()
    assert hub.call("POST", f"/api/models/{repo}/branch/feature%2Fone", by="olga", send={}).status == 200
    assert hub.commit(repo, put("a", "branch"), revision="feature%2Fone").status == 200
    assert content(hub, repo, "a", "feature%2Fone") == b"branch"
    assert hub.call("HEAD", f"/{repo}/resolve/main/a").code == "EntryNotFound"
    assert hub.commit(repo, put("a", "x"), revision="absent").code == "RevisionNotFound"


def test_commits_go_to_branches_alone(hub: Hub) -> None:
    repo = hub.new_repo()
    head = hub.commit(repo, put("a", "1")).json["commitOid"]
    assert hub.call("POST", f"/api/models/{repo}/tag/main", by="olga", send={"tag": "v1"}).status == 200
    for revision, words in (
        ("v1", "is a tag"),
        ("refs%2Ftags%2Fv1", "is a tag"),
        (head, "is a commit"),
        ("refs%2Fpr%2F1", "no pull request"),
        ("refs%2Fpr%2F01", "no branch"),
        ("refs%2Fother", "no branch"),
    ):
        answers = [
            hub.commit(repo, put("a", "2"), revision=revision),
            hub.call("POST", f"/api/models/{repo}/preupload/{revision}", by="olga", send={"files": []}),
            hub.call("GET", f"/api/models/{repo}/xet-write-token/{revision}", by="olga"),
        ]
        for answer in answers:
            assert answer.status == 404, (revision, answer)
            assert words in answer.json["error"]
    assert hub.call("GET", f"/api/models/{repo}/revision/v1").json["sha"] == head


def test_chunked_and_gzip_bodies(hub: Hub) -> None:
    repo = hub.new_repo()
    big = b"x" * (3 * MEGABYTE)

    def lines() -> Iterator[bytes]:
        yield json.dumps({"key": "header", "value": {"summary": "Chunked"}}).encode() + b"\n"
        sent = json.dumps(put("big.txt", big)).encode()
        for start in range(0, len(sent), 100_000):
            yield sent[start : start + 100_000]

    target = f"/api/models/{repo}/commit/main"
    assert hub.call("POST", target, by="olga", send=lines()).status == 200
    assert content(hub, repo, "big.txt") == big
    packed = gzip.compress(b"".join(lines()).replace(b"big.txt", b"two.txt"))
    assert hub.call("POST", target, by="olga", send=packed, headers={"Content-Encoding": "gzip"}).status == 200
    assert content(hub, repo, "two.txt") == big


def test_half_a_body_is_no_commit(hub: Hub) -> None:
    repo = hub.new_repo()
    line = b'{"key":"header","value":{"summary":"x"}}\n' + json.dumps(put("a", "1")).encode() + b"\n"
    target = f"/api/models/{repo}/commit/main"
    broken = gzip.compress(line * 3)[:-10]
    assert hub.call("POST", target, by="olga", send=broken, headers={"Content-Encoding": "gzip"}).status == 400
    assert set(listing(hub, repo)) == {".gitattributes"}


def test_large_content_must_have_been_sent(hub: Hub) -> None:
    repo = hub.new_repo()
    large = {"key": "lfsFile", "value": {"path": "w.bin", "algo": "sha256", "oid": "ab" * 32, "size": 5}}
    answer = hub.commit(repo, large)
    assert (answer.status, answer.code) == (400, "BlobMissing")
    assert "w.bin" in answer.json["error"]


def test_pointer_text_gives_no_access(hub: Hub) -> None:
    """Whoever knows the sha256 of somebody's private weights cannot read them by committing a pointer to them."""
    private = hub.new_repo(private=True)
    secret = b"secret weights"
    sha256 = upload_lfs(hub, private, secret)
    large = {"key": "lfsFile", "value": {"path": "w.bin", "algo": "sha256", "oid": sha256, "size": len(secret)}}
    assert hub.commit(private, large).status == 200
    assert content(hub, private, "w.bin") == secret
    thief = hub.new_repo(by="sven")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(secret)}\n"
    assert hub.commit(thief, large, by="sven").code == "BlobMissing"
    assert hub.commit(thief, put("w.bin", pointer), by="sven").code == "BlobMissing"
    assert hub.commit(thief, put("w.txt", pointer.rstrip()), by="sven").code == "BlobMissing"


def upload_lfs(hub: Hub, repo: str, content: bytes, by: str = "olga") -> str:
    """Send bytes as an LFS client does; return their sha256."""
    sha256 = hashlib.sha256(content).hexdigest()
    asked = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": sha256, "size": len(content)}]}
    (told,) = hub.call("POST", f"/{repo}.git/info/lfs/objects/batch", by=by, send=asked).json["objects"]
    href = told["actions"]["upload"]["href"].removeprefix(hub.url)
    assert hub.call("PUT", href, send=content).status == 200
    return sha256


def test_a_download_address_ends_with_the_right_to_read(hub: Hub) -> None:
    repo = hub.new_repo()
    sha256 = upload_lfs(hub, repo, b"weights")
    hub.commit(repo, {"key": "lfsFile", "value": {"path": "w.bin", "oid": sha256, "size": 7}})
    asked = {"operation": "download", "objects": [{"oid": sha256, "size": 7}]}
    given = {}
    for who in ("", "olga"):
        (told,) = hub.call("POST", f"/{repo}.git/info/lfs/objects/batch", by=who, send=asked).json["objects"]
        given[who] = told["actions"]["download"]["href"].removeprefix(hub.url)
    assert [hub.call("GET", address).body for address in given.values()] == [b"weights"] * 2
    hub.call("PUT", f"/api/models/{repo}/settings", by="olga", send={"private": True})
    assert [hub.call("GET", given[who]).status for who in ("", "olga")] == [403, 200]


def test_preupload_tells_how_to_send(hub: Hub) -> None:
    repo = hub.new_repo()
    hub.commit(repo, put("a.txt", "1"), put(".gitignore", "*.tmp\nlogs/\n"), put("odd.attr", "x"))
    answer = preupload(
        hub,
        repo,
        {"path": "a.txt", "size": 1, "sample": ""},
        {"path": "w.safetensors", "size": 1000, "sample": ""},
        {"path": "big.txt", "size": 11 * MEGABYTE, "sample": ""},
        {"path": "x.tmp", "size": 1, "sample": ""},
        {"path": "logs/run.txt", "size": 1, "sample": ""},
        {"path": "empty.bin", "size": 0, "sample": ""},
    )
    told = {file["path"]: file for file in answer.json["files"]}
    assert {path: file["uploadMode"] for path, file in told.items()} == {
        "a.txt": "regular",
        "w.safetensors": "lfs",
        "big.txt": "lfs",
        "x.tmp": "regular",
        "logs/run.txt": "regular",
        "empty.bin": "regular",
    }
    assert [path for path, file in told.items() if file["shouldIgnore"]] == ["x.tmp", "logs/run.txt"]
    assert told["a.txt"]["oid"] == listing(hub, repo)["a.txt"]["oid"]
    ignored = preupload(hub, repo, {"path": "a.txt", "size": 1}, gitIgnore="a.*").json["files"]
    assert ignored[0]["shouldIgnore"]


def test_preupload_follows_the_attributes_of_the_revision(hub: Hub) -> None:
    repo = hub.new_repo()
    hub.commit(repo, put(".gitattributes", "*.txt filter=lfs diff=lfs\nkeep.txt -filter\n"))
    files = preupload(
        hub, repo, {"path": "a/b.txt", "size": 3}, {"path": "keep.txt", "size": 3}, {"path": "w.bin", "size": 3}
    )
    assert [file["uploadMode"] for file in files.json["files"]] == ["lfs", "regular", "regular"]


@pytest.mark.parametrize(
    "path",
    ["../up", "/abs", "a//b", ".git/config", "a/.GIT/x", "x\\y", "a/./b", "tab\there", "", "x" * 300, "a/" * 600 + "b"],
)
def test_paths_are_refused_early(hub: Hub, path: str) -> None:
    repo = hub.new_repo()
    assert preupload(hub, repo, {"path": path, "size": 1}).status == 400
    assert hub.commit(repo, put(path, "x")).status == 400


def test_limits_are_said(hub: Hub) -> None:
    repo = hub.new_repo()
    tall = preupload(hub, repo, {"path": "w.bin", "size": 6 * 1024**4})
    assert (tall.status, tall.code) == (413, "TooLarge")
    large = hub.commit(repo, put("large.txt", b"x" * (10 * MEGABYTE + 1)))
    assert (large.status, large.code) == (413, "TooLarge")


def test_a_small_request_does_not_unfold_to_endless_lines(hub: Hub) -> None:
    body = gzip.compress(b"\n" * 2_000_000)
    answer = hub.call(
        "POST", f"/api/models/{hub.new_repo()}/commit/main", by="olga", send=body, headers={"Content-Encoding": "gzip"}
    )
    assert (answer.status, answer.code) == (413, "TooLarge")


BODIES = [
    b"",
    b"\n\n",
    b"null",
    b"[]",
    b"{}",
    b'"text"',
    b"{\xff}",
    b'{"key":1,"value":{}}',
    b'{"key":"header","value":[]}',
    b'{"key":"header","value":{"summary":5}}',
    b'{"key":"header","value":{"summary":"a\\u0000b"}}\n',
    b'{"key":"header","value":{"summary":"\\ud800"}}\n',
    b'{"key":"header","value":{"summary":"x","parentCommit":"zz"}}\n',
    b'{"key":"odd","value":{}}',
    b'{"key":"file","value":{}}',
    b'{"key":"file","value":{"path":"a","content":"%%%","encoding":"base64"}}',
    b'{"key":"file","value":{"path":"a","content":"x","encoding":"rot13"}}',
    b'{"key":"file","value":{"path":"a\\u0000","content":"x"}}',
    b'{"key":"lfsFile","value":{"path":"a","oid":"zz"}}',
    b'{"key":"lfsFile","value":{"path":"a","oid":"' + b"a" * 64 + b'","size":"big"}}',
    b'{"key":"lfsFile","value":{"path":"a","oid":"' + b"a" * 64 + b'","size":' + b"9" * 400 + b"}}",
    b'{"key":"header","value":' + b"[" * 100_000,
    b'{"key":"header","value":{"summary":' + b"9" * 5000 + b"}}",
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:40]))
def test_odd_commits_are_refused(hub: Hub, body: bytes) -> None:
    repo = hub.new_repo()
    answer = hub.call("POST", f"/api/models/{repo}/commit/main", by="olga", send=body)
    assert answer.status == 400, answer
    assert answer.json["error"]


@pytest.mark.parametrize(
    "body",
    [
        *BODIES[3:12],
        b'{"files":5}',
        b'{"files":[5]}',
        b'{"files":[{"path":5}]}',
        b'{"files":[{"path":"a","size":-1}]}',
        b'{"files":[{"path":"a","size":true}]}',
    ],
)
def test_odd_preuploads_are_refused(hub: Hub, body: bytes) -> None:
    repo = hub.new_repo()
    assert hub.call("POST", f"/api/models/{repo}/preupload/main", by="olga", send=body).status == 400


def keyed(hub: Hub, repo: str, key: str, *lines: dict[str, Any], by: str = "olga", revision: str = "main") -> Answer:
    sent = "".join(json.dumps(line) + "\n" for line in [{"key": "header", "value": {"summary": "Once"}}, *lines])
    return hub.call("POST", f"/api/models/{repo}/commit/{revision}", by=by, send=sent, headers={"Idempotency-Key": key})


def test_a_commit_that_is_sent_again_is_made_once(hub: Hub) -> None:
    repo = hub.new_repo(organization="guild")
    first = keyed(hub, repo, "k1", put("a", "1"))
    hub.commit(repo, put("b", "1"))
    again = keyed(hub, repo, "k1", put("a", "1"))
    assert (again.status, again.json) == (200, first.json)
    other = keyed(hub, repo, "k1", put("a", "2"))
    assert (other.status, other.code, other.json["field"]) == (422, "IdempotencyKeyReused", "Idempotency-Key")
    assert keyed(hub, repo, "k1", put("a", "1"), revision="main?create_pr=1").status == 422
    # Another person's key, and one of another repository, are other keys.
    assert keyed(hub, repo, "k1", put("a", "3"), by="walter").status == 200
    assert keyed(hub, hub.new_repo(), "k1", put("a", "3")).status == 200
    # What failed has left nothing; the key is free.
    assert keyed(hub, repo, "k2", {"key": "deletedFile", "value": {"path": "absent"}}).status == 404
    assert keyed(hub, repo, "k2", put("c", "1")).status == 200
    for odd in ("x" * 201, "k\u00e9y"):
        assert keyed(hub, repo, odd, put("d", "1")).status == 400
    # The same pull request, not one more.
    opened = keyed(hub, repo, "k3", put("e", "1"), by="sven", revision="main?create_pr=1")
    repeated = keyed(hub, repo, "k3", put("e", "1"), by="sven", revision="main?create_pr=1")
    assert repeated.json == opened.json
    assert hub.call("GET", f"/api/models/{repo}/discussions").json["count"] == 1


def test_one_key_sent_many_times_at_once_is_one_commit(hub: Hub) -> None:
    repo = hub.new_repo()
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(keyed, hub, repo, "same", put("a", "1"), revision="main?create_pr=1") for _ in range(6)]
        answers = [each.result() for each in asked]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["pullRequestUrl"] for answer in answers}) == 1
    assert hub.call("GET", f"/api/models/{repo}/discussions").json["count"] == 1


def test_warnings_of_a_commit_are_told_and_do_not_stop_it(hub: Hub) -> None:
    repo = hub.new_repo()
    made = hub.commit(repo, put("README.md", "---\nlicense: nonsense\n---\n"), revision="main?hot_reload=1")
    assert made.status == 200
    topic, _, text = made.headers["x-hf-warning"].partition("; ")
    assert topic == "Commit"
    assert "nonsense" in text and "nothing to reload" in text
    assert "x-hf-warning" not in hub.commit(repo, put("README.md", "---\nlicense: mit\n---\n")).headers
    assert hub.commit(repo, put("a", "1"), revision="main?hot_reload=perhaps").status == 400


def test_order_of_lines_and_folders(hub: Hub) -> None:
    repo = hub.new_repo()
    gone = {"key": "deletedFile", "value": {"path": "a"}}
    folder = {"key": "deletedFolder", "value": {"path": "a/"}}
    assert hub.commit(repo, put("a/b", "1")).status == 200
    refused = hub.commit(repo, gone)
    assert (refused.status, refused.code) == (404, "EntryNotFound")
    assert "A file with this name doesn't exist" in refused.json["error"]
    assert hub.commit(repo, put("a", "1")).status == 400
    assert hub.commit(repo, folder, put("a", "1")).status == 200
    assert hub.commit(repo, folder).code == "EntryNotFound"
    assert hub.commit(repo, gone, put("a/b/c", "1")).status == 200
    assert hub.commit(repo, put("x", "1"), {"key": "deletedFile", "value": {"path": "x"}}, put("x", "2")).status == 200
    assert hub.call("GET", f"/{repo}/resolve/main/x").body == b"2"
    # A copy of large content comes without its size; one that nobody has sent is refused.
    unknown = hub.commit(repo, {"key": "lfsFile", "value": {"path": "w", "algo": "sha256", "oid": "ab" * 32}})
    assert (unknown.status, unknown.code) == (400, "BlobMissing")
