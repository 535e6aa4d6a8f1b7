"""Short names, names in other letters, spaces and kernels, copies, and what downloads owe to odd names and wrong guesses."""

import hashlib
import struct

import pytest

from .conftest import Hub, put
from .test_commit import upload_lfs

WEIGHTS = bytes(range(256)) * 64


@pytest.fixture(scope="module")
def gpt(hub: Hub) -> str:
    """A model with the short name oldgpt."""
    repo = hub.new_repo()
    sha256 = upload_lfs(hub, repo, WEIGHTS)
    large = {"key": "lfsFile", "value": {"path": "w.bin", "algo": "sha256", "oid": sha256, "size": len(WEIGHTS)}}
    assert hub.commit(repo, large, put("config.json", "{}"), put("README.md", "# It")).status == 200
    assert hub.instance.manage("short_name", "oldgpt", repo) == f"oldgpt leads to {repo}."
    return repo


def test_calls_by_a_short_name_go_on_to_the_full_one(hub: Hub, gpt: str) -> None:
    sha = hub.call("GET", f"/api/models/{gpt}").json["sha"]
    for method, asked, target in [
        ("GET", "/api/models/oldgpt", f"/api/models/{gpt}"),
        ("GET", "/api/models/OLDGPT?expand=sha&expand=tags", f"/api/models/{gpt}?expand=sha&expand=tags"),
        ("GET", "/api/models/oldgpt/revision/refs%2Fheads%2Fmain", f"/api/models/{gpt}/revision/refs%2Fheads%2Fmain"),
        ("GET", "/api/models/oldgpt/refs", f"/api/models/{gpt}/refs"),
        (
            "GET",
            "/api/models/oldgpt/tree/main/a%2Fb?recursive=true",
            f"/api/models/{gpt}/tree/main/a%2Fb?recursive=true",
        ),
        ("POST", "/api/models/oldgpt/commit/main", f"/api/models/{gpt}/commit/main"),
        ("PUT", "/api/models/oldgpt/settings", f"/api/models/{gpt}/settings"),
        ("HEAD", f"/oldgpt/resolve/{sha}/config.json", f"/{gpt}/resolve/{sha}/config.json"),
        ("GET", "/oldgpt/resolve/refs%2Fheads%2Fmain/a/b.txt?x=1", f"/{gpt}/resolve/refs%2Fheads%2Fmain/a/b.txt?x=1"),
        ("GET", "/oldgpt/info/refs?service=git-upload-pack", f"/{gpt}/info/refs?service=git-upload-pack"),
        ("GET", "/oldgpt.git/info/refs?service=git-upload-pack", f"/{gpt}.git/info/refs?service=git-upload-pack"),
        ("POST", "/oldgpt.git/git-upload-pack", f"/{gpt}.git/git-upload-pack"),
        ("POST", "/oldgpt.git/info/lfs/objects/batch", f"/{gpt}.git/info/lfs/objects/batch"),
        ("GET", "/oldgpt", f"/{gpt}"),
        ("GET", "/oldgpt/tree/main", f"/{gpt}/tree/main"),
        ("GET", "/oldgpt/discussions?p=/a/b", f"/{gpt}/discussions?p=/a/b"),
    ]:
        answer = hub.call(method, asked, by="olga", send=b"" if method in ("POST", "PUT") else None)
        assert (answer.status, answer.headers.get("location")) == (307, target), asked


def test_no_short_name_no_answer(hub: Hub, gpt: str) -> None:
    for target in ("/api/models/nogpt", "/api/datasets/oldgpt", "/nogpt/resolve/main/x", "/api/models/nogpt/tree/main"):
        assert (hub.call("GET", target).status, hub.call("GET", target).code) == (401, "RepoNotFound"), target
        assert hub.call("GET", target, by="sven").status == 404, target
    assert hub.call("GET", "/nogpt.git/info/refs").headers["www-authenticate"].startswith("Basic")
    hidden = hub.new_repo(private=True)
    hub.instance.manage("short_name", "hidden-one", hidden)
    assert hub.call("GET", "/api/models/hidden-one", by="sven").code == "RepoNotFound"
    assert hub.call("GET", "/hidden-one/resolve/main/x").status == 401
    assert hub.call("GET", "/api/models/hidden-one", by="olga").status == 307
    assert "hidden-one leads nowhere" in hub.instance.manage("short_name", "hidden-one", hidden, "--take")
    assert hub.call("GET", "/api/models/hidden-one", by="olga").status == 404


def test_names_in_other_letters_redirect(hub: Hub, gpt: str) -> None:
    loud = gpt.upper()
    for method, asked, target in [
        ("GET", f"/api/models/{loud}?full=1", f"/api/models/{gpt}?full=1"),
        ("HEAD", f"/{loud}/resolve/main/config.json", f"/{gpt}/resolve/main/config.json"),
        ("POST", f"/{loud}.git/info/lfs/objects/batch", f"/{gpt}.git/info/lfs/objects/batch"),
        ("GET", f"/{loud}", f"/{gpt}"),
    ]:
        sent = {"operation": "download", "objects": []} if method == "POST" else None
        answer = hub.call(method, asked, by="olga", send=sent)
        assert (answer.status, answer.headers.get("location")) == (307, target), asked


def test_spaces_and_kernels_are_stored_and_not_run(hub: Hub) -> None:
    asked = {"name": "chat", "type": "space", "sdk": "gradio", "hardware": "t4-medium", "secrets": [{"key": "A"}]}
    made = hub.call("POST", "/api/repos/create", by="olga", send=asked)
    assert (made.status, made.json["url"]) == (200, f"{hub.url}/spaces/olga/chat")
    assert made.headers["x-hf-warning"].endswith("it ignored hardware, secrets.")
    assert b"sdk: gradio" in hub.call("GET", "/spaces/olga/chat/resolve/main/README.md").body
    assert hub.call("GET", "/api/spaces/olga/chat").json["id"] == "olga/chat"
    assert hub.call("GET", "/api/spaces/olga/chat/runtime").json["stage"] == "STOPPED"
    assert hub.call("GET", "/api/spaces/olga/none/runtime").code == "RepoNotFound"
    assert hub.call("GET", "/api/spaces/templates").json == {"templates": []}
    assert hub.commit("olga/chat", put("app.py", "x"), kind="space").status == 200
    kernel = hub.new_repo(kind="kernel")
    assert hub.commit(kernel, put("build.toml", "x"), kind="kernel").status == 200
    assert hub.call("GET", f"/kernels/{kernel}/resolve/main/build.toml").body == b"x"
    assert hub.call("GET", f"/api/kernels/{kernel}").json["id"] == kernel
    for wrong in ({"sdk": "cobol"}, {"visibility": "protected"}, {"type": "bucket"}):
        refused = hub.call("POST", "/api/repos/create", by="olga", send={"name": "x", "type": "space", **wrong})
        assert (refused.status, refused.json["field"]) == (400, next(iter(wrong)))


def test_copies(hub: Hub, gpt: str) -> None:
    made = hub.call("POST", f"/api/models/{gpt}/duplicate", by="walter", send={"repository": "walter/mine"})
    assert (made.status, made.json["url"]) == (200, f"{hub.url}/walter/mine")
    assert made.json["filesCopyPending"] is False
    assert hub.call("GET", "/walter/mine/resolve/main/w.bin").body == WEIGHTS
    assert hub.call("GET", "/api/models/walter/mine").json["cardData"]["duplicated_from"] == gpt
    again = hub.call("POST", f"/api/models/{gpt}/duplicate", by="walter", send={"repository": "walter/MINE"})
    assert (again.status, again.json["url"]) == (409, f"{hub.url}/walter/mine")
    older = hub.call("POST", "/api/models/oldgpt/duplicate", by="walter", send={"repository": "x", "private": True})
    assert older.status == 307
    older = hub.call("POST", older.headers["location"], by="walter", send={"repository": "x", "private": True})
    assert (older.json["name"], older.json["private"]) == ("walter/x", True)
    for by, sent, status in [
        ("walter", {"repository": "sven/x"}, 403),
        ("walter-reads", {"repository": "walter/y"}, 403),
        ("", {"repository": "walter/y"}, 401),
        ("walter", {"repository": "walter/a b"}, 400),
        ("walter", {"repository": "walter/y", "visibility": "protected"}, 400),
    ]:
        assert hub.call("POST", f"/api/models/{gpt}/duplicate", by=by, send=sent).status == status, sent
    private = hub.new_repo(private=True)
    refused = hub.call("POST", f"/api/models/{private}/duplicate", by="sven", send={"repository": "sven/x"})
    assert refused.code == "RepoNotFound"


def test_absent_files_are_remembered_where_they_stay_absent(hub: Hub, gpt: str) -> None:
    sha = hub.call("GET", f"/api/models/{gpt}").json["sha"]
    for revision, kept in [(sha, "private, max-age=3600"), ("main", "private, no-cache")]:
        absent = hub.call("HEAD", f"/{gpt}/resolve/{revision}/tokenizer.json").headers
        assert (absent["x-error-code"], absent["x-repo-commit"]) == ("EntryNotFound", sha)
        assert absent["cache-control"] == kept


def test_a_head_tells_of_the_whole_file(hub: Hub, gpt: str) -> None:
    for path, size in [("w.bin", len(WEIGHTS)), ("config.json", 2)]:
        head = hub.call("HEAD", f"/{gpt}/resolve/main/{path}", headers={"Range": "bytes=1-1"})
        assert (head.status, head.headers["content-length"]) == (200, str(size))
        assert "content-encoding" not in head.headers


def test_headers_of_small_safetensors_files(hub: Hub, gpt: str) -> None:
    """Clients ask for 100 kB first, whatever the file's size, and then for the rest of the header."""
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    tensors = struct.pack("<Q", len(header)) + header + b"\0\0\0\0"
    sha256 = upload_lfs(hub, gpt, tensors)
    assert sha256 == hashlib.sha256(tensors).hexdigest()
    large = {
        "key": "lfsFile",
        "value": {"path": "m.safetensors", "algo": "sha256", "oid": sha256, "size": len(tensors)},
    }
    assert hub.commit(gpt, large).status == 200
    first = hub.call("GET", f"/{gpt}/resolve/main/m.safetensors", headers={"Range": "bytes=0-100000"})
    assert (first.status, first.body) == (206 if first.headers.get("content-range") else 200, tensors)
    rest = hub.call("GET", f"/{gpt}/resolve/main/m.safetensors", headers={"Range": f"bytes=8-{7 + len(header)}"})
    assert (rest.status, rest.body) == (206, header)


@pytest.mark.parametrize("name", ["ann\u202egpj.exe", "a\u200bb.txt", "x" * 250, "'q\" ;=.txt", "\u2066a\u2069.txt"])
def test_names_of_saved_files_hide_nothing(hub: Hub, gpt: str, name: str) -> None:
    from urllib.parse import quote, unquote

    assert hub.commit(gpt, put(name, name)).status == 200
    answer = hub.call("GET", f"/{gpt}/resolve/main/{quote(name)}?download=true")
    said = answer.headers["content-disposition"]
    assert answer.body.decode() == name
    assert said.startswith("attachment; filename")
    assert not {*unquote(said)} & {"\u202e", "\u200b", "\u2066", "\u2069", "\n", "\r"}
