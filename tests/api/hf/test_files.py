"""Downloads: headers that clients keep, ranges, conditions, and that a stranger's file is never run."""

import hashlib
from http.client import IncompleteRead

import pytest

from .conftest import Hub, put
from .test_commit import upload_lfs

TEXT = b"0123456789" * 10
WEIGHTS = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def repo(hub: Hub) -> str:
    repo = hub.new_repo()
    sha256 = upload_lfs(hub, repo, WEIGHTS)
    large = {"key": "lfsFile", "value": {"path": "w.bin", "algo": "sha256", "oid": sha256, "size": len(WEIGHTS)}}
    assert hub.commit(repo, large, put("a.txt", TEXT), put("empty.txt", b""), put("d/中.txt", "x")).status == 200
    return repo


@pytest.fixture(scope="module")
def commit(hub: Hub, repo: str) -> str:
    return str(hub.call("GET", f"/api/models/{repo}").json["sha"])


@pytest.mark.parametrize("revision", ["main", "refs%2Fheads%2Fmain", "commit"])
def test_headers(hub: Hub, repo: str, commit: str, revision: str) -> None:
    revision = commit if revision == "commit" else revision
    sizes = {"a.txt": len(TEXT), "w.bin": len(WEIGHTS), "empty.txt": 0}
    names = {
        "a.txt": hashlib.sha1(b"blob 100\0" + TEXT).hexdigest(),  # noqa: S324 - git's own name
        "w.bin": hashlib.sha256(WEIGHTS).hexdigest(),
    }
    for path, size in sizes.items():
        head = hub.call("HEAD", f"/{repo}/resolve/{revision}/{path}")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["x-repo-commit"] == commit
        assert head.headers["content-length"] == str(size)
        if path in names:
            assert head.headers["etag"] == f'"{names[path]}"'
    assert head.headers["accept-ranges"] == "bytes"
    linked = hub.call("HEAD", f"/{repo}/resolve/{revision}/w.bin").headers
    assert (linked["x-linked-etag"], linked["x-linked-size"]) == (f'"{names["w.bin"]}"', str(len(WEIGHTS)))


@pytest.mark.parametrize("path", ["a.txt", "w.bin"])
def test_ranges(hub: Hub, repo: str, path: str) -> None:
    whole = TEXT if path == "a.txt" else WEIGHTS
    size = len(whole)

    def ask(wanted: str, **headers: str) -> tuple[int, str, bytes]:
        answer = hub.call("GET", f"/{repo}/resolve/main/{path}", headers={"Range": wanted, **headers})
        assert answer.status == 416 or answer.headers["content-length"] == str(len(answer.body))
        return answer.status, answer.headers.get("content-range", ""), answer.body

    assert ask("bytes=5-9") == (206, f"bytes 5-9/{size}", whole[5:10])
    assert ask("bytes=90-") == (206, f"bytes 90-{size - 1}/{size}", whole[90:])
    assert ask("bytes=-7") == (206, f"bytes {size - 7}-{size - 1}/{size}", whole[-7:])
    assert ask(f"bytes=8-{size * 100}") == (206, f"bytes 8-{size - 1}/{size}", whole[8:])
    assert ask(f"bytes={size}-")[:2] == (416, f"bytes */{size}")
    assert ask("bytes=-0")[0] == 416
    for odd in ["bytes=9-5", "bytes=a-b", "bytes=1-2,4-5", "lines=1-2", "bytes=" + "9" * 50 + "-"]:
        assert ask(odd) == (200, "", whole), odd
    etag = hub.call("HEAD", f"/{repo}/resolve/main/{path}").headers["etag"]
    assert ask("bytes=5-9", **{"If-Range": etag})[0] == 206
    assert ask("bytes=5-9", **{"If-Range": '"other"'})[0] == 200


def test_empty_file_has_no_bad_range(hub: Hub, repo: str) -> None:
    answer = hub.call("GET", f"/{repo}/resolve/main/empty.txt", headers={"Range": "bytes=0-100"})
    assert (answer.status, answer.body) == (200, b"")


def test_known_content_is_not_sent_again(hub: Hub, repo: str) -> None:
    etag = hub.call("HEAD", f"/{repo}/resolve/main/w.bin").headers["etag"]
    answer = hub.call("GET", f"/{repo}/resolve/main/w.bin", headers={"If-None-Match": f'"x", W/{etag}'})
    assert (answer.status, answer.body) == (304, b"")


def test_what_is_not_there(hub: Hub, repo: str, commit: str) -> None:
    missing = hub.call("HEAD", f"/{repo}/resolve/main/no.txt")
    assert (missing.status, missing.code, missing.headers["x-repo-commit"]) == (404, "EntryNotFound", commit)
    assert hub.call("GET", f"/{repo}/resolve/main/d").code == "EntryNotFound"
    assert hub.call("GET", f"/{repo}/resolve/main/a.txt/b").code == "EntryNotFound"
    assert hub.call("GET", f"/{repo}/resolve/nope/a.txt").code == "RevisionNotFound"
    assert hub.call("GET", "/olga/nope/resolve/main/a.txt", by="olga").code == "RepoNotFound"
    short = hub.call("GET", "/gpt2/resolve/main/config.json", by="olga")
    assert (short.status, short.code) == (404, "RepoNotFound")


def test_messages_survive_headers(hub: Hub, repo: str) -> None:
    answer = hub.call("GET", f"/{repo}/resolve/main/%E4%B8%AD%E6%96%87")
    assert "中文" in answer.json["error"]
    assert answer.headers["x-error-message"].encode("latin-1").decode() == answer.json["error"]


def test_files_run_nowhere(hub: Hub, repo: str) -> None:
    hostile = {
        "page.html": "text/plain; charset=utf-8",
        "page.xhtml": "text/plain; charset=utf-8",
        "script.js": "text/plain; charset=utf-8",
        "style.css": "text/plain; charset=utf-8",
        "drawing.svg": "image/svg+xml",
        "paper.pdf": "application/octet-stream",
        "photo.png": "image/png",
        "unknown.xyz": "application/octet-stream",
    }
    assert hub.commit(repo, *[put(f"web/{name}", "<script>alert(1)</script>") for name in hostile]).status == 200
    for name, content_type in hostile.items():
        headers = hub.call("GET", f"/{repo}/resolve/main/web/{name}").headers
        assert headers["content-type"] == content_type, name
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]
        shown = content_type.startswith("text/plain") or name == "photo.png"
        assert headers["content-disposition"].startswith("inline" if shown else "attachment"), name
    forced = hub.call("GET", f"/{repo}/resolve/main/web/photo.png?download=true")
    assert forced.headers["content-disposition"].startswith("attachment")


def test_names_cannot_break_headers(hub: Hub, repo: str) -> None:
    name = 'a"; filename=evil.exe; x="é中'
    assert hub.commit(repo, put(name, "x")).status == 200
    answer = hub.call("GET", f"/{repo}/resolve/main/a%22%3B%20filename%3Devil.exe%3B%20x%3D%22%C3%A9%E4%B8%AD")
    assert answer.body == b"x"
    assert "filename*=" in answer.headers["content-disposition"]
    assert "evil.exe;" not in answer.headers["content-disposition"]


def test_datasets_have_their_prefix(hub: Hub) -> None:
    data = hub.new_repo(kind="dataset")
    assert hub.commit(data, put("d.csv", "a,b\n1,2\n"), kind="dataset").status == 200
    assert hub.call("GET", f"/datasets/{data}/resolve/main/d.csv").body == b"a,b\n1,2\n"
    assert hub.call("GET", f"/{data}/resolve/main/d.csv", by="olga").code == "RepoNotFound"


def test_listings(hub: Hub, repo: str, commit: str) -> None:
    def paths(target: str) -> list[str]:
        answer = hub.call("GET", f"/api/models/{repo}/tree/{target}")
        assert answer.status == 200, answer
        return [entry["path"] for entry in answer.json]

    assert paths(f"{commit}") == ["d", ".gitattributes", "a.txt", "empty.txt", "w.bin"]
    assert paths(f"{commit}/d") == ["d/中.txt"]
    assert paths(f"{commit}?recursive=true") == ["d", ".gitattributes", "a.txt", "d/中.txt", "empty.txt", "w.bin"]
    assert hub.call("GET", f"/api/models/{repo}/tree/main/none").code == "EntryNotFound"
    assert hub.call("GET", f"/api/models/{repo}/tree/main/a.txt").code == "EntryNotFound"
    info = hub.call(
        "POST", f"/api/models/{repo}/paths-info/main", send="paths=w.bin&paths=d&paths=none&expand=true"
    ).json
    assert [(entry["type"], entry["path"]) for entry in info] == [("file", "w.bin"), ("directory", "d")]
    assert info[0]["lfs"] == {"oid": hashlib.sha256(WEIGHTS).hexdigest(), "size": len(WEIGHTS), "pointerSize": 132}


def test_pages_of_a_listing(hub: Hub) -> None:
    repo = hub.new_repo()
    names = [f"f{number:02}" for number in range(20)]
    assert hub.commit(repo, *[put(name, name) for name in names]).status == 200
    target, seen = f"/api/models/{repo}/tree/refs%2Fheads%2Fmain?recursive=true&limit=8", []
    while target:
        answer = hub.call("GET", target)
        seen += [entry["path"] for entry in answer.json]
        if not (link := answer.headers.get("link", "")):
            break
        assert link.startswith(f"<{hub.url}/api/")
        assert link.endswith('>; rel="next"')
        target = link[1:].partition(">")[0].removeprefix(hub.url)
        # A change between two pages must not shift the rest.
        hub.commit(repo, put("a-first-one", str(len(seen))))
    assert seen == [".gitattributes", *names]


def test_last_commits_are_told_at_any_revision(hub: Hub) -> None:
    repo = hub.new_repo()
    commits = [hub.commit(repo, put(path, "1"), summary=path).json["commitOid"] for path in ["d/a", "d/b", "c"]]
    hub.commit(repo, put("d/a", "2"), summary="later")
    for revision, changed in [(commits[2], "d/b"), ("main", "later")]:
        entries = hub.call("GET", f"/api/models/{repo}/tree/{revision}?recursive=true&expand=true").json
        titles = {entry["path"]: entry["lastCommit"]["title"] for entry in entries}
        same = {".gitattributes": "Start the repository", "c": "c", "d/b": "d/b"}
        assert titles == same | {"d": changed, "d/a": "later" if revision == "main" else "d/a"}
        told = hub.call("POST", f"/api/models/{repo}/paths-info/{revision}", send="paths=d&paths=c&expand=true").json
        assert [entry["lastCommit"]["title"] for entry in told] == [changed, "c"]


def test_commits_are_listed_newest_first(hub: Hub) -> None:
    repo = hub.new_repo()
    for number in range(4):
        hub.commit(repo, put("a", str(number)), summary=f"Change {number}", description="Why.")
    first = hub.call("GET", f"/api/models/{repo}/commits/main?limit=3&expand[]=formatted")
    assert [commit["title"] for commit in first.json] == ["Change 3", "Change 2", "Change 1"]
    assert first.json[0]["authors"] == [{"user": "olga"}]
    assert first.json[0]["date"].endswith("Z")
    second = hub.call("GET", first.headers["link"][1:].partition(">")[0].removeprefix(hub.url))
    assert [commit["title"] for commit in second.json] == ["Change 0", "Start the repository"]
    assert "link" not in second.headers


def test_refs(hub: Hub) -> None:
    repo = hub.new_repo()
    api = f"/api/models/{repo}"
    assert hub.call("POST", f"{api}/branch/dev%2Fx", by="olga", send={}).status == 200
    assert hub.call("POST", f"{api}/branch/dev%2Fx", by="olga", send={}).status == 409
    assert hub.call("POST", f"{api}/branch/bad..name", by="olga", send={}).status == 400
    assert hub.call("POST", f"{api}/branch/x", by="olga", send={"startingPoint": "nope"}).code == "RevisionNotFound"
    assert hub.call("POST", f"{api}/tag/main", by="olga", send={"tag": "v1.0", "message": "First"}).status == 200
    assert hub.call("POST", f"{api}/tag/main", by="olga", send={"tag": "v1.0"}).status == 409
    refs = hub.call("GET", f"{api}/refs?include_prs=1").json
    assert [ref["name"] for ref in refs["branches"]] == ["dev/x", "main"]
    assert [(ref["name"], ref["ref"]) for ref in refs["tags"]] == [("v1.0", "refs/tags/v1.0")]
    assert refs["pullRequests"] == refs["converts"] == []
    assert hub.call("GET", f"{api}/revision/v1.0").status == 200
    assert hub.call("DELETE", f"{api}/tag/v1.0", by="olga").status == 200
    assert hub.call("DELETE", f"{api}/branch/dev%2Fx", by="olga").status == 200
    assert hub.call("DELETE", f"{api}/branch/main", by="olga").status == 403
    assert hub.call("GET", f"{api}/revision/v1.0").code == "RevisionNotFound"


@pytest.mark.parametrize(("at", "first"), [(10, True), (2 * 1024**2 + 7, False)])
def test_a_changed_byte_is_an_error_and_never_content(hub: Hub, at: int, first: bool) -> None:
    repo = hub.new_repo()
    content = bytes([at % 251]) + b"weights of a model" * 200_000
    sha256 = upload_lfs(hub, repo, content)
    large = {"key": "lfsFile", "value": {"path": "w.bin", "algo": "sha256", "oid": sha256, "size": len(content)}}
    assert hub.commit(repo, large).status == 200
    stored = hub.instance.data / "blobs" / "lfs" / sha256[:2] / sha256[2:4] / sha256
    with stored.open("r+b") as handle:
        handle.seek(at)
        handle.write(b"\xff")
    target = f"/{repo}/resolve/main/w.bin"
    if first:
        answer = hub.call("GET", target)
        assert (answer.status, answer.code) == (500, "XetContentDamaged")
        assert "damaged" in answer.json["error"]
    else:
        # The connection ends before all has come, and all that has come is right.
        with pytest.raises(IncompleteRead) as broken:
            hub.call("GET", target)
        assert broken.value.partial == content[: 2 * 1024**2]
    # What is sound of it, and the facts, are given.
    assert hub.call("GET", target, headers={"Range": "bytes=1048576-1048585"}).body == content[1048576:1048586]
    assert hub.call("HEAD", target).status == 200
    assert f"lfs/{sha256[:2]}/{sha256[2:4]}/{sha256} is damaged" in hub.instance.said()
    # Whoever has the file sends it again, and is not told that it is there.
    assert upload_lfs(hub, repo, content) == sha256
    assert hub.call("GET", target).body == content
