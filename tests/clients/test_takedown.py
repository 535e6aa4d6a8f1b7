"""A repository that is taken down, and somebody who is suspended, as the tools and their tokens of before meet them."""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests import live
from tests.clients.conftest import Client, make_client
from tests.clients.git import Git

REASON = "It steals keys."


def run(client: Client, code: str) -> str:
    setup = (
        "from hub.accounts.models import User; from hub.repos.models import Repository; "
        "from hub.repos.takedowns import take_down_repo, restore_repo; "
        "from hub.accounts.suspensions import suspend_user, lift_suspension; "
        f"me = User.objects.get(username='{client.name}'); repo = Repository.objects.filter(namespace__user=me).first(); "
    )
    return client.hub.manage("shell", "--no-imports", "--command", setup + code)


def test_what_is_taken_down_is_out_of_reach_and_comes_back_whole(
    live_hub: live.Instance, tmp_path: Path, tools: Path, request: pytest.FixtureRequest
) -> None:
    ada = make_client(live_hub, tmp_path)
    name, content = f"{ada.name}/taken", os.urandom(100_000)
    (tmp_path / "large.bin").write_bytes(content)
    file = ada.python(
        f"""
        import json
        from huggingface_hub import HfApi
        api = HfApi()
        api.create_repo("{name}")
        api.upload_file(path_or_fileobj="large.bin", path_in_repo="large.bin", repo_id="{name}")
        (found,) = api.get_paths_info("{name}", "large.bin")
        print(json.dumps([found.lfs.sha256, found.lfs.size, found.xet_hash]))
        """
    )
    sha256, size, xet_hash = file
    git = Git(ada)
    git("clone", f"{ada.hub.url}/{name}", "before")

    http = httpx2.Client(base_url=ada.hub.url, headers={"Authorization": f"Bearer {ada.token}"}, timeout=30)
    anonymous = httpx2.Client(base_url=ada.hub.url, timeout=30)
    for client in (http, anonymous):
        request.addfinalizer(client.close)
    lfs = {"operation": "download", "objects": [{"oid": sha256, "size": size}]}
    batch = http.post(f"/{name}.git/info/lfs/objects/batch", json=lfs).json()
    link = batch["objects"][0]["actions"]["download"]["href"]
    xet = {mode: http.get(f"/api/models/{name}/xet-{mode}-token/main").json() for mode in ("read", "write")}
    cas = urlsplit(xet["read"]["casUrl"]).path
    bearer = {mode: {"Authorization": f"Bearer {told['accessToken']}"} for mode, told in xet.items()}
    plan = http.get(f"{cas}/v1/reconstructions/{xet_hash}", headers=bearer["read"]).json()
    ranges = next(iter(plan["fetch_info"].values()))[0]

    def reached() -> dict[str, int]:
        """Status of each way to the content, with what was handed out before."""
        span = {"Range": f"bytes={ranges['url_range']['start']}-{ranges['url_range']['end']}"}
        answers = {
            "page": anonymous.get(f"/{name}"),
            "file page": anonymous.get(f"/{name}/blob/main/large.bin"),
            "info": http.get(f"/api/models/{name}"),
            "resolve": http.get(f"/{name}/resolve/main/large.bin"),
            "head": http.head(f"/{name}/resolve/main/large.bin"),
            "batch": http.post(f"/{name}.git/info/lfs/objects/batch", json=lfs),
            "link": anonymous.get(link),
            "token": http.get(f"/api/models/{name}/xet-read-token/main"),
            "reconstruction": http.get(f"{cas}/v1/reconstructions/{xet_hash}", headers=bearer["read"]),
            "range": anonymous.get(ranges["url"], headers=span),
            "chunks": http.get(f"{cas}/v1/chunks/default-merkledb/{xet_hash}", headers=bearer["write"]),
            "shard": http.post(f"{cas}/v1/shards", headers=bearer["write"], content=b"no shard"),
            "fetch": anonymous.get(f"/{name}.git/info/refs?service=git-upload-pack"),
            "push": http.get(f"/{name}.git/info/refs?service=git-receive-pack"),
        }
        return {way: answer.status_code for way, answer in answers.items()}

    before = reached()
    assert {way for way, status in before.items() if status not in (200, 206, 302)} <= {"chunks", "shard", "push"}, (
        before
    )

    run(ada, f"take_down_repo(repo=repo, actor=me, reason='{REASON}')")
    after = reached()
    assert all(status in (401, 403, 404) for status in after.values()), after
    page = anonymous.get(f"/{name}")
    assert page.status_code == 403 and REASON in page.text
    assert "fatal" in ada.fails("git", "clone", f"{ada.hub.url}/{name}", "after")
    assert "DisabledRepoError" in ada.fails("hf", "download", name, "large.bin", "--force-download", HF_DEBUG="1")
    (tmp_path / "before" / "more.txt").write_text("More.")
    git("-C", "before", "add", ".")
    git("-C", "before", "commit", "-qm", "More")
    ada.fails("git", "-C", "before", "push", "-q")

    # Its content was kept.
    run(ada, "restore_repo(repo=repo, actor=me)")
    ada.run("hf", "download", name, "large.bin", "--local-dir", "again", "--force-download")
    assert (tmp_path / "again" / "large.bin").read_bytes() == content

    # Suspended, they read on, and change nothing: with the tokens of before, too.
    run(ada, f"suspend_user(user=me, actor=User(pk=0), reason='{REASON}')")
    again = reached()
    assert again["resolve"] in (200, 302) and again["reconstruction"] == again["fetch"] == again["link"] == 200, again
    assert again["shard"] in (401, 403) and again["push"] == 403, again
    ada.fails("git", "-C", "before", "push", "-q")
    ada.fails("hf", "upload", name, "large.bin", "other.bin")
    told = http.post("/api/repos/create", json={"name": "other"})
    assert told.status_code == 403 and "suspended" in json.dumps(told.json())
