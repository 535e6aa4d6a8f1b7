"""The calls of buckets, byte by byte on a live hub: what tools read, what is refused and how, pages, ranges, large batches."""

import gzip
import json
from itertools import count
from typing import Any

import pytest

from tests.api.hf.conftest import Answer, Hub
from tests.api.xet import client as xet

_numbers = count(1)
CONTENTS = {"one.bin": b"one" * 40_000, "two.txt": b"two"}


@pytest.fixture(scope="module")
def hashes(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name of some content -> its Xet hash, for content that the bucket olga/source holds, sent by the real client."""
    folder = tmp_path_factory.mktemp("content")
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    hub.call("POST", "/api/buckets/me/source", by="olga")
    token = hub.call("GET", "/api/buckets/olga/source/xet-write-token", by="olga").json
    files = [str(folder / name) for name in CONTENTS]
    job = {"do": "upload", "cas": token["casUrl"], "token": token["accessToken"], "files": files}
    sent = xet.run(job, folder / "cache")["files"]
    named = {name: file["hash"] for name, file in zip(CONTENTS, sent, strict=True)}
    lines = [add(name, named[name]) for name in CONTENTS]
    assert batch(hub, "olga/source", *lines).json["succeeded"] == 2
    return named


def add(path: str, xet_hash: str, **more: Any) -> dict[str, Any]:
    return {"type": "addFile", "path": path, "xetHash": xet_hash, "mtime": 1_700_000_000_123, **more}


def batch(hub: Hub, bucket: str, *lines: dict[str, Any], by: str = "olga") -> Answer:
    body = "\n".join(json.dumps(line) for line in lines)
    return hub.call(
        "POST", f"/api/buckets/{bucket}/batch", by=by, send=body, headers={"Content-Type": "application/x-ndjson"}
    )


def make(hub: Hub, by: str = "olga", **how: Any) -> str:
    name = f"bucket{next(_numbers)}"
    made = hub.call("POST", f"/api/buckets/me/{name}", by=by, send=how)
    assert made.status == 200, made.body
    return f"{by}/{name}"


def test_making_and_telling_of_one(hub: Hub) -> None:
    bucket = make(hub, private=True, region="eu")
    told = hub.call("GET", f"/api/buckets/{bucket}", by="olga").json
    assert {key: told[key] for key in ("id", "private", "size", "totalFiles")} == {
        "id": bucket, "private": True, "size": 0, "totalFiles": 0,
    }  # fmt: skip
    assert told["createdAt"].endswith("Z") and told["updatedAt"].endswith("Z")
    again = hub.call("POST", f"/api/buckets/{bucket}", by="olga", send={})
    assert (again.status, again.json["url"]) == (409, f"{hub.url}/buckets/{bucket}")
    assert (
        "region"
        in hub.call("POST", "/api/buckets/me/regional", by="olga", send={"region": "eu"}).headers["x-hf-warning"]
    )
    for by, status in (("sven", 404), ("", 401)):
        hidden = hub.call("GET", f"/api/buckets/{bucket}", by=by)
        assert (hidden.status, hidden.code) == (status, "RepoNotFound")
    assert hub.call("POST", "/api/buckets/guild/theirs", by="sven", send={}).status == 403
    assert hub.call("POST", "/api/buckets/me/x", by="olga-reads", send={}).code == "ReadOnlyToken"
    assert hub.call("POST", "/api/buckets/me/tree", by="olga", send={}).code == "RepoNameInvalid"
    assert hub.call("POST", "/api/buckets/me/x", by="olga", send={"visibility": "protected"}).status == 400
    refused = hub.call("POST", "/api/repos/create", by="olga", send={"type": "bucket", "name": "x"})
    assert refused.status == 400 and "/api/buckets" in refused.json["error"]


def test_lists_and_their_pages(hub: Hub) -> None:
    for number in range(3):
        hub.call("POST", f"/api/buckets/guild/listed-{number}", by="olga", send={"private": number == 0})
    first = hub.call("GET", "/api/buckets/guild?search=LISTED&limit=2", by="olga")
    assert [bucket["id"] for bucket in first.json] == ["guild/listed-0", "guild/listed-1"]
    following = first.headers["link"].partition(">")[0].removeprefix(f"<{hub.url}")
    second = hub.call("GET", following, by="olga")
    assert [bucket["id"] for bucket in second.json] == ["guild/listed-2"] and "link" not in second.headers
    strangers = hub.call("GET", "/api/buckets/guild?search=listed")
    assert [bucket["id"] for bucket in strangers.json] == ["guild/listed-1", "guild/listed-2"]
    assert hub.call("GET", "/api/buckets/me").status == 401
    assert hub.call("GET", "/api/buckets/nobody-here", by="olga").status == 404
    assert hub.call("GET", "/api/buckets/guild?limit=many", by="olga").status == 400


def test_a_batch_tells_what_failed(hub: Hub, hashes: dict[str, str]) -> None:
    bucket = make(hub)
    copy = {
        **add("c", hashes["two.txt"]),
        "type": "copyFile",
        "sourceRepoType": "bucket",
        "sourceRepoId": "olga/source",
    }
    done = batch(
        hub,
        bucket,
        add("a/b.bin", hashes["one.bin"], contentType="text/x-odd"),
        copy,
        {"type": "deleteFile", "path": "c"},
    )
    assert (done.status, done.json) == (200, {"success": True, "processed": 3, "succeeded": 3, "failed": []})
    half = batch(hub, bucket, add("../x", hashes["one.bin"]), add("ok", hashes["two.txt"]), add("n", "f" * 64))
    assert half.status == 200 and [f["path"] for f in half.json["failed"]] == ["../x", "n"]
    assert all(f["error"] for f in half.json["failed"])
    none = batch(hub, bucket, {"type": "deleteFile", "path": "gone"})
    assert none.status == 422 and none.json["failed"][0]["path"] == "gone"
    (file,) = hub.call(
        "POST", f"/api/buckets/{bucket}/paths-info", by="olga", send={"paths": ["a/b.bin", "a", "x"]}
    ).json
    assert file["mtime"] == "2023-11-14T22:13:20.123Z" and file["uploadedAt"].endswith("Z")
    assert (file["size"], file["xetHash"], file["contentType"]) == (120_000, hashes["one.bin"], "text/x-odd")
    packed = gzip.compress(json.dumps(add("z", hashes["two.txt"])).encode())
    headers = {"Content-Encoding": "gzip"}
    assert hub.call("POST", f"/api/buckets/{bucket}/batch", by="olga", send=packed, headers=headers).status == 200
    assert hub.call("POST", f"/api/buckets/{bucket}/batch", by="olga", send=iter([b"", b"\n"])).status == 200


def test_what_is_no_batch_is_refused(hub: Hub, hashes: dict[str, str]) -> None:
    bucket, sound = make(hub), add("a", hashes["two.txt"])
    for line in (
        {"type": "renameFile", "path": "a"},
        {**sound, "mtime": -1},
        {**sound, "mtime": 10**30},
        {**sound, "mtime": True},
        {**sound, "path": 5},
        {**sound, "contentType": "x" * 300},
        {**sound, "contentType": "a\r\nb: c"},
        {**sound, "path": "a\0b"},
    ):
        refused = batch(hub, bucket, sound, line)
        assert refused.status == 400, line
    assert batch(hub, bucket, *[{"type": "deleteFile", "path": str(n)} for n in range(1001)]).status == 413
    assert batch(hub, bucket, {"type": "deleteFile", "path": "x" * 20_000}).status == 413
    blank = gzip.compress(b"\n" * 5_000_000)
    headers = {"Content-Encoding": "gzip"}
    assert hub.call("POST", f"/api/buckets/{bucket}/batch", by="olga", send=blank, headers=headers).status == 413
    assert hub.call("GET", f"/api/buckets/{bucket}/tree", by="olga").json == [], "Not one line of them was done."


def test_who_may_change_and_who_may_see(hub: Hub, hashes: dict[str, str]) -> None:
    bucket = make(hub, private=True)
    line = add("a", hashes["two.txt"])
    assert batch(hub, bucket, line, by="sven").code == "RepoNotFound"
    assert hub.call("PUT", f"/api/buckets/{bucket}/settings", by="olga", send={"private": False}).status == 200
    assert batch(hub, bucket, line, by="sven").code == "NotWritable"
    assert batch(hub, bucket, line, by="olga-reads").code == "ReadOnlyToken"
    assert batch(hub, bucket, line, by="").status == 401
    assert hub.call("GET", f"/api/buckets/{bucket}/xet-write-token", by="sven").status == 403
    token = hub.call("GET", f"/api/buckets/{bucket}/xet-read-token")
    assert token.json["casUrl"] == f"{hub.url}/xet" and token.headers["x-xet-access-token"] == token.json["accessToken"]
    assert hub.call("DELETE", f"/api/buckets/{bucket}", by="sven").status == 403
    assert hub.call("DELETE", f"/api/buckets/{bucket}", by="olga").status == 200
    assert hub.call("DELETE", f"/api/buckets/{bucket}", by="olga").status == 404
    # Nothing of a bucket is reached as if it were another kind of repository, and it has no events to follow.
    for path in (
        "models/olga/source",
        "datasets/olga/source",
        "buckets/olga/source/refs",
        "buckets/olga/source/events",
    ):
        assert hub.call("GET", f"/api/{path}", by="olga").status == 404, path
    assert hub.call("GET", "/buckets/olga/source.git/info/refs?service=git-upload-pack", by="olga").status == 404


def test_trees(hub: Hub, hashes: dict[str, str]) -> None:
    bucket = make(hub)
    paths = ["a b/ü.txt", "a b/c/d", "a b.txt", "z"]
    batch(hub, bucket, *[add(path, hashes["two.txt"]) for path in paths])

    def tree(below: str) -> list[tuple[str, str]]:
        return [
            (entry["type"][:1], entry["path"]) for entry in hub.call("GET", f"/api/buckets/{bucket}/tree{below}").json
        ]

    assert tree("") == [("d", "a b"), ("f", "a b.txt"), ("f", "z")] or tree("") == [
        ("f", "a b.txt"),
        ("d", "a b"),
        ("f", "z"),
    ]
    assert tree("/a%20b") == tree("/a%20b%2F") == [("d", "a b/c"), ("f", "a b/ü.txt")]
    assert tree("/a%20b%2Fc") == tree("/a%20b/c") == [("f", "a b/c/d")]
    assert tree("/a%20b%2F%C3%BC.txt") == [("f", "a b/ü.txt")]
    assert tree("/nothing") == [] and tree("/%2E%2E") == []
    assert [path for _kind, path in tree("?recursive=true")] == ["a b.txt", "a b/c/d", "a b/ü.txt", "z"]
    assert [path for _kind, path in tree("/a%20b?recursive=true")] == ["a b.txt", "a b/c/d", "a b/ü.txt"]
    for query in ("?limit=1", "?recursive=true&limit=1", "?limit=2"):
        address, seen = f"/api/buckets/{bucket}/tree{query}", []
        while address:
            page = hub.call("GET", address)
            seen += [entry["path"] for entry in page.json]
            address = page.headers.get("link", "").partition(">")[0].removeprefix(f"<{hub.url}")
        assert seen == [path for _kind, path in tree("?recursive=true" if "recursive" in query else "")], query
    assert hub.call("GET", f"/api/buckets/{bucket}/tree?recursive=perhaps").status == 400


def test_files_are_sent(hub: Hub, hashes: dict[str, str]) -> None:
    bucket = make(hub, private=True)
    batch(hub, bucket, add("f/one two.bin", hashes["one.bin"]), add("page.html", hashes["two.txt"]))
    address = f"/buckets/{bucket}/resolve/f%2Fone%20two.bin"
    head = hub.call("HEAD", address, by="olga")
    assert (head.status, head.headers["x-linked-size"], head.headers["x-xet-hash"]) == (
        200,
        "120000",
        hashes["one.bin"],
    )
    assert head.headers["link"] == f'<{hub.url}/api/buckets/{bucket}/xet-read-token>; rel="xet-auth"'
    assert hub.call("GET", address, by="olga").body == CONTENTS["one.bin"]
    part = hub.call("GET", f"/buckets/{bucket}/resolve/f/one%20two.bin", by="olga", headers={"Range": "bytes=1-5"})
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"neone", "bytes 1-5/120000")
    assert hub.call("GET", address, by="olga", headers={"Range": "bytes=120000-"}).status == 416
    assert hub.call("GET", address, by="olga", headers={"If-None-Match": head.headers["etag"]}).status == 304
    page = hub.call("GET", f"/buckets/{bucket}/resolve/page.html", by="olga")
    assert (
        page.headers["content-type"].startswith("text/plain") and "sandbox" in page.headers["content-security-policy"]
    )
    missing = hub.call("GET", f"/buckets/{bucket}/resolve/f", by="olga")
    assert (missing.status, missing.code) == (404, "EntryNotFound")
    assert hub.call("HEAD", address).code == hub.call("HEAD", address, by="sven").code == "RepoNotFound"


def test_paths_info_has_limits(hub: Hub) -> None:
    bucket = make(hub)
    for paths in (["x"] * 1001, "x", [1], None):
        assert hub.call("POST", f"/api/buckets/{bucket}/paths-info", by="olga", send={"paths": paths}).status == 400
    odd = ["", "/", "x" * 5000, "\ud83d\ude00"]
    assert hub.call("POST", f"/api/buckets/{bucket}/paths-info", by="olga", send={"paths": odd}).json == []


def test_a_moved_bucket_is_found_by_its_old_name(hub: Hub, hashes: dict[str, str]) -> None:
    bucket = make(hub)
    moved = hub.call(
        "POST", "/api/repos/move", by="olga", send={"type": "bucket", "fromRepo": bucket, "toRepo": "guild/moved-here"}
    )
    assert moved.status == 200, moved.body
    led = hub.call("GET", f"/api/buckets/{bucket}/tree?recursive=true", by="olga")
    assert (led.status, led.headers["location"]) == (307, "/api/buckets/guild/moved-here/tree?recursive=true")
    assert (
        hub.call("HEAD", f"/buckets/{bucket}/resolve/a", by="olga").headers["location"]
        == "/buckets/guild/moved-here/resolve/a"
    )
    own = hub.call("GET", "/api/organizations/guild/settings/repositories", by="olga").json
    assert ("bucket", "guild/moved-here") in [(line["type"], line["id"]) for line in own]
