"""git-lfs, and the library without Xet, on a hub whose clients reach its S3 store: content goes around the hub both ways."""

import hashlib
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from tests import live, prepared
from tests.clients.conftest import Client, make_client
from tests.clients.git import Git
from tests.clients.test_lfs import NO_XET
from tests.s3 import S3Server

MB = 1024 * 1024
LFS = "application/vnd.git-lfs+json"


@pytest.fixture(scope="module")
def ada(s3_hub: live.Instance, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return make_client(s3_hub, tmp_path_factory.mktemp("ada"))


@pytest.fixture(scope="module")
def git(ada: Client) -> Git:
    return Git(ada)


@pytest.fixture
def asked(ada: Client) -> Callable[[], str]:
    """Tells the lines of the hub's log since the test began, as one text."""
    before = len(ada.hub.said())
    return lambda: ada.hub.said()[before:]


def make_repo(client: Client, repo: str) -> None:
    headers = {"Authorization": f"Bearer {client.token}"}
    body = {"name": repo.split("/")[1], "type": "model"}
    assert httpx.post(f"{client.hub.url}/api/repos/create", json=body, headers=headers).status_code == 200


def lfs(client: Client, repo: str, call: str, **body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": LFS}
    return httpx.post(f"{client.hub.url}/{repo}.git/info/lfs/objects/{call}", content=json.dumps(body), headers=headers)


def offer(client: Client, repo: str, content: bytes, operation: str = "upload", **more: Any) -> dict[str, Any]:
    """Return what a batch call says of one object."""
    wanted = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}
    (told,) = lfs(client, repo, "batch", operation=operation, objects=[wanted], **more).json()["objects"]
    return dict(told)


def verify(client: Client, repo: str, content: bytes) -> httpx.Response:
    return lfs(client, repo, "verify", oid=hashlib.sha256(content).hexdigest(), size=len(content))


def test_git_lfs_sends_and_fetches_around_the_hub(git: Git, asked: Callable[[], str]) -> None:
    url = git.make_repo("around")
    git("clone", "-q", url, "one")
    content = random.Random(1).randbytes(12 * MB + 7)
    git.commit("one", large__bin=content, small__bin=b"small", empty__bin=b"")
    git("push", "-q", at="one")
    git("clone", "-q", url, "two")
    assert (git.home / "two/large.bin").read_bytes() == content
    assert (git.home / "two/small.bin").read_bytes() == b"small"
    # The same in parts.
    git.client.run("hf", "lfs-enable-largefiles", "two")
    other = random.Random(2).randbytes(11 * MB)
    git.commit("two", large__bin=other)
    git("push", "-q", at="two")
    git("pull", "-q", at="one")
    assert (git.home / "one/large.bin").read_bytes() == other
    sizes = {hashlib.sha256(each).hexdigest() for each in (content, other, b"small")}
    # Calls, and no bytes: neither sent nor fetched.
    assert "/info/lfs/objects/verify" in asked()
    assert not [sha256 for sha256 in sizes if f"PUT /{git.client.name}/around.git/info/lfs/objects/{sha256}" in asked()]
    assert not [sha256 for sha256 in sizes if f"GET /{git.client.name}/around.git/info/lfs/objects/{sha256}" in asked()]


def test_the_library_without_xet(ada: Client, asked: Callable[[], str]) -> None:
    repo = f"{ada.name}/library"
    told = ada.python(
        f"""
        import io, json, os
        from huggingface_hub import HfApi, HfFileSystem, hf_hub_download
        api = HfApi()
        api.create_repo("{repo}")
        content = os.urandom(12 * 1024**2 + 7)
        api.upload_file(path_or_fileobj=content, path_in_repo="large.bin", repo_id="{repo}")
        api.upload_file(path_or_fileobj=io.BytesIO(content[:2000]), path_in_repo="small.bin", repo_id="{repo}")
        same = [open(hf_hub_download("{repo}", name), "rb").read() == whole
                for name, whole in (("large.bin", content), ("small.bin", content[:2000]))]
        with HfFileSystem().open("{repo}/large.bin", "rb", block_size=2**20) as file:
            file.seek(6 * 1024**2 - 5)
            part = file.read(10) == content[6 * 1024**2 - 5:][:10]
        print(json.dumps([same, part]))
        """,
        **NO_XET,
    )
    assert told == [[True, True], True]
    assert "/parts/" not in asked() and f"PUT /{repo}" not in asked()


def test_a_download_is_sent_to_the_store(ada: Client, s3_hub: live.Instance, swift: S3Server) -> None:
    repo = f"{ada.name}/redirected"
    content = random.Random(3).randbytes(2 * MB)
    (ada.home / "weights.bin").write_bytes(content)
    make_repo(ada, repo)
    ada.run("hf", "upload", repo, "weights.bin", "clip.mp4", **NO_XET)
    url = f"{s3_hub.url}/{repo}/resolve/main/clip.mp4"
    told = httpx.get(url)
    sha256 = hashlib.sha256(content).hexdigest()
    assert (told.status_code, told.headers["Cache-Control"]) == (302, "private, no-store")
    assert told.headers["Location"].startswith(swift.endpoint)
    assert (told.headers["X-Linked-Etag"], told.headers["X-Linked-Size"]) == (f'"{sha256}"', str(len(content)))
    assert len(told.headers["X-Repo-Commit"]) == 40
    got = httpx.get(told.headers["Location"])
    assert got.content == content
    # A type that a browser may show as it is, and no other; and what is to be saved, is.
    assert (got.headers["Content-Type"], got.headers["Content-Disposition"]) == (
        "video/mp4",
        'inline; filename="clip.mp4"',
    )
    saved = httpx.get(httpx.get(f"{url}?download=1").headers["Location"])
    assert saved.headers["Content-Disposition"] == 'attachment; filename="clip.mp4"'
    part = httpx.get(url, headers={"Range": "bytes=5-9"}, follow_redirects=True)
    assert (part.status_code, part.content) == (206, content[5:10])
    # Through the hub: HEAD, what cannot be, what is there already, and what a page of the site loads.
    head = httpx.head(url)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(content)))
    assert httpx.get(url, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    assert httpx.get(url, headers={"If-None-Match": f'"{sha256}"'}).status_code == 304
    for headers in ({"Sec-Fetch-Mode": "no-cors"}, {"Range": "bytes=0-9", "If-Range": f'"{sha256}"'}):
        here = httpx.get(url, headers=headers)
        assert (here.status_code, here.content) == ((206, content[:10]) if "Range" in headers else (200, content))
    # Who may not read is sent nowhere, and an address is for its content alone.
    ada.python(f"from huggingface_hub import HfApi; HfApi().update_repo_settings('{repo}', private=True)")
    assert httpx.get(url).status_code == 401
    assert httpx.get(told.headers["Location"].replace(sha256, "0" * 64)).status_code == 403


def test_what_was_sent_is_checked(ada: Client) -> None:
    repo = f"{ada.name}/checked"
    make_repo(ada, repo)
    content = random.Random(4).randbytes(MB)
    action = offer(ada, repo, content)["actions"]["upload"]
    assert urlsplit(action["href"]).netloc != urlsplit(ada.hub.url).netloc
    assert verify(ada, repo, content).status_code == 409
    # Neither more nor fewer bytes than announced, nor others.
    assert httpx.put(action["href"], content=content + b"more").status_code == 403
    assert httpx.put(action["href"], content=b"x" * MB).status_code == 200
    refused = verify(ada, repo, content)
    assert refused.status_code == 400 and "sha256" in refused.json()["message"]
    again = offer(ada, repo, content)["actions"]["upload"]
    assert httpx.put(again["href"], content=content).status_code == 200
    # A batch that is repeated goes on with what has arrived.
    assert offer(ada, repo, content)["actions"]["upload"]["href"].split("?")[0] == again["href"].split("?")[0]
    # Two who ask at once: one has it checked, the other waits and finds it done.
    with ThreadPoolExecutor(2) as both:
        assert [answer.status_code for answer in both.map(lambda _: verify(ada, repo, content), range(2))] == [200, 200]
    assert verify(ada, repo, content).status_code == 200
    assert "actions" not in offer(ada, repo, content)
    # Nobody changes it any more by an address that was made before.
    assert httpx.put(again["href"], content=b"y" * MB).status_code in (403, 404)


def test_parts_go_to_the_store_and_are_checked(ada: Client) -> None:
    repo = f"{ada.name}/parts-checked"
    make_repo(ada, repo)
    content = random.Random(5).randbytes(11 * MB)
    action = offer(ada, repo, content, transfers=["multipart"])["actions"]["upload"]
    size = int(action["header"].pop("chunk_size"))
    assert size == 5 * MB and len(action["header"]) == 3
    tags = []
    for number, address in enumerate(action["header"].values()):
        sent = httpx.put(address, content=content[number * size : (number + 1) * size])
        tags.append({"partNumber": number + 1, "etag": sent.headers["ETag"]})
    body = {"oid": hashlib.sha256(content).hexdigest(), "parts": tags}
    assert httpx.post(action["href"], json=body | {"parts": tags[:2]}).status_code == 400
    swapped = [{"partNumber": 1, "etag": tags[1]["etag"]}, {"partNumber": 2, "etag": tags[0]["etag"]}, tags[2]]
    assert httpx.post(action["href"], json=body | {"parts": swapped}).status_code == 409
    assert [httpx.post(action["href"], json=body, timeout=60).status_code for _ in range(2)] == [200, 200]
    assert verify(ada, repo, content).status_code == 200


def test_what_git_lfs_sent_is_chunks_a_day_later(git: Git, ada: Client) -> None:
    url = git.make_repo("cut")
    git("clone", "-q", url, "cut")
    content = random.Random(7).randbytes(3 * MB)
    git.commit("cut", large__bin=content)
    git("push", "-q", at="cut")
    cut = "from hub.repos.chunking import chunk_pending; chunk_pending(seconds=60)"
    later = (
        "from datetime import timedelta; from django.db.models import F; from hub.repos.models import XetFile; "
        "XetFile.objects.update(created_at=F('created_at') - timedelta(hours=25))"
    )
    ada.hub.manage("shell", "--no-imports", "--command", cut)
    assert httpx.get(f"{url}/resolve/main/large.bin").status_code == 302
    ada.hub.manage("shell", "--no-imports", "--command", f"{later}; {cut}")
    whole = httpx.get(f"{url}/resolve/main/large.bin")
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["X-Xet-Hash"]
    git("clone", "-q", url, "cut-again")
    assert (git.home / "cut-again/large.bin").read_bytes() == content
    ada.run("hf", "download", f"{ada.name}/cut", "large.bin", "--local-dir", "by-chunks")
    assert (ada.home / "by-chunks/large.bin").read_bytes() == content


@pytest.mark.full
def test_a_store_that_clients_do_not_reach(swift: S3Server, tools: Path, tmp_path: Path) -> None:
    """Everything passes through the hub, compared with its sums on its way out."""
    with prepared.hub(tmp_path, **swift.settings(swift.make_bucket(), public=False)) as hub:
        (tmp_path / "ada").mkdir()
        git = Git(make_client(hub, tmp_path / "ada"))
        url = git.make_repo("through")
        git("clone", "-q", url, "one")
        content = random.Random(6).randbytes(12 * MB + 7)
        git.commit("one", large__bin=content, empty__bin=b"")
        git("push", "-q", at="one")
        git("clone", "-q", url, "two")
        assert (git.home / "two/large.bin").read_bytes() == content
        part = httpx.get(f"{url}/resolve/main/large.bin", headers={"Range": "bytes=1048570-1048580"})
        assert (part.status_code, part.content) == (206, content[1048570:1048581])
