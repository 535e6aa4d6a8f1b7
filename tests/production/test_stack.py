"""The production shape, run: each service by its own command out of docker-compose.yml, and people's tools through nginx."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
import redis

from tests import needs, s3
from tests.clients.conftest import Client, make_client
from tests.clients.git import Git
from tests.production.stack import Stack
from tests.waiting import wait_until
from workers.contracts import stream_key

MEGABYTE = 1024 * 1024
NO_XET = {"HF_HUB_DISABLE_XET": "1"}
# Somebody signed in, and a job of theirs that a worker has; prints the session and the job.
RUNNING_JOB = """
from datetime import timedelta
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from hub.accounts.models import User
from hub.jobs.models import Job
user, session = User.objects.get(username="%s"), SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
lease = timezone.now() + timedelta(hours=1)
job = Job.objects.create(
    kind="inference", queue="demo", user=user, spec={}, seconds=60, state="running", attempt=1, lease_until=lease
)
print(session.session_key, job.pk)
"""


@pytest.fixture(scope="module")
def stack(swift: s3.S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("stack"), swift)
    made.prepare()
    try:
        made.up()
        yield made
    finally:
        made.kill()
        made.remove()


@pytest.fixture(scope="module")
def ada(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Client:
    needs.client("hf")
    return make_client(stack, tmp_path_factory.mktemp("ada"))


def requests_to(stack: Stack, *, store: bool) -> list[tuple[str, int, int]]:
    """What nginx has passed on: (method and path, bytes received, bytes sent), to the store or to the hub."""
    found = []
    for line in stack.services["nginx"].said().splitlines():
        if said := re.search(r'] (\S+) "(\S+ \S+)" \d+ (\d+)\+(\d+) bytes', line):
            is_store = f"/{stack.bucket}/" in said[2]
            if is_store == store:
                found.append((said[2], int(said[3]), int(said[4])))
    return found


def told(stack: Stack, service: str) -> str:
    """What one service tells Prometheus."""
    token = (stack.folder / "secrets" / "metrics_token").read_text()
    address = f"http://127.0.0.1:{stack.ports[service]}/metrics"
    answer = httpx.get(address, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    return answer.text


def test_each_service_is_well_by_its_own_check(stack: Stack) -> None:
    for name in ("web", "stream", "nginx", "hub-worker", "beat", "demo-worker", "job-worker"):
        assert stack.is_healthy(name), stack.services[name].said()
    listed = stack.manage("list_workers")
    assert "demo-1" in listed and "job-1" in listed and "never seen" not in listed.partition("gpu")[0]


def test_what_watches_is_not_for_the_public(stack: Stack) -> None:
    assert httpx.get(f"{stack.url}/healthz").status_code == 200
    for path in ("/metrics", "/readyz"):
        assert httpx.get(stack.url + path).status_code == 404
    for service in ("web", "stream"):
        assert httpx.get(f"http://127.0.0.1:{stack.ports[service]}/metrics").status_code == 401
        assert 'grove_workers{kind="demo"} 1.0' in told(stack, service)


def test_static_files_come_from_nginx_compressed(stack: Stack) -> None:
    page = httpx.get(f"{stack.url}/").text
    path = re.search(r'"(/static/css/[^"]+\.css)"', page)[1]  # type: ignore[index]
    answer = httpx.get(stack.url + path, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200 and answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"] and "X-Request-Id" not in answer.headers


@pytest.mark.parametrize("xet", [True, False], ids=["xet", "plain"])
def test_large_files_go_straight_to_the_store_and_back(stack: Stack, ada: Client, xet: bool) -> None:
    repo, content = f"{ada.name}/large-{xet}".lower(), os.urandom(6 * MEGABYTE)
    (ada.home / "model.bin").write_bytes(content)
    (ada.home / "card").mkdir(exist_ok=True)
    (ada.home / "card" / "README.md").write_text("# Large\n")
    how = {} if xet else NO_XET
    before = [sum(sum(line[1:]) for line in requests_to(stack, store=store)) for store in (False, True)]
    ada.run("hf", "repos", "create", repo, **how)
    ada.run("hf", "upload", repo, "model.bin", "model.bin", **how)
    ada.run("hf", "upload", repo, "card", ".", **how)
    got = ada.python(
        f"""
        import json
        from huggingface_hub import HfApi, snapshot_download
        folder = snapshot_download("{repo}", cache_dir="cache-{xet}")
        print(json.dumps([HfApi().whoami()["name"], folder]))
        """,
        **how,
    )
    assert got[0] == ada.name
    assert hashlib.sha256((Path(got[1]) / "model.bin").read_bytes()).digest() == hashlib.sha256(content).digest()
    hub, store = (
        sum(sum(line[1:]) for line in requests_to(stack, store=store)) - so_far
        for store, so_far in zip((False, True), before, strict=True)
    )
    assert store > 2 * len(content), requests_to(stack, store=True)
    assert hub < MEGABYTE, requests_to(stack, store=False)


def test_a_download_is_sent_to_the_store_and_goes_on_where_it_stopped(stack: Stack, ada: Client) -> None:
    address = f"{stack.url}/{ada.name}/large-false/resolve/main/model.bin"
    auth = {"Authorization": f"Bearer {ada.token}"}
    sent = httpx.get(address, headers=auth)
    assert sent.status_code == 302 and sent.headers["Location"].startswith(stack.store_url)
    whole = httpx.get(sent.headers["Location"])
    rest = httpx.get(sent.headers["Location"], headers={"Range": "bytes=1000000-"})
    assert rest.status_code == 206 and rest.content == whole.content[1_000_000:]
    # Whoever has no signature gets nothing, and nobody changes or lists anything.
    bare = sent.headers["Location"].partition("?")[0]
    assert httpx.get(bare).status_code in (400, 401, 403)
    assert httpx.delete(sent.headers["Location"]).status_code == 403


def test_git_clones_and_pushes_with_large_files(stack: Stack, ada: Client) -> None:
    git = Git(ada)
    address = git.make_repo("by-git")
    git("clone", "-q", address, "by-git", GIT_LFS_SKIP_SMUDGE="0")
    content = os.urandom(2 * MEGABYTE)
    git.commit(
        "by-git", "Large", **{"__gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "a__bin": content}
    )
    git("push", "-q", "origin", "HEAD:main", at="by-git")
    shutil.rmtree(ada.home / "by-git")
    git("clone", "-q", address, "again")
    assert (ada.home / "again" / "a.bin").read_bytes() == content


def test_what_is_encoded_in_an_address_arrives_as_it_was(stack: Stack, ada: Client) -> None:
    name = "100% of it/a+b.txt"
    got = ada.python(
        f"""
        import json
        from huggingface_hub import HfApi, hf_hub_download
        api, repo = HfApi(), "{ada.name}/large-false"
        api.create_branch(repo, branch="feature/one")
        api.upload_file(path_or_fileobj=b"encoded", path_in_repo="{name}", repo_id=repo, revision="feature/one")
        listed = api.list_repo_files(repo, revision="feature/one")
        with open(hf_hub_download(repo, "{name}", revision="feature/one")) as file:
            print(json.dumps([listed, file.read()]))
        """
    )
    assert name in got[0] and got[1] == "encoded"
    address = f"{stack.url}/{ada.name}/large-false/resolve/feature%2Fone/100%25%20of%20it/a%2Bb.txt"
    assert httpx.get(address).text == "encoded"


def test_a_token_stream_comes_by_uvicorn_as_it_is_written(stack: Stack, ada: Client) -> None:
    session, job = stack.manage("shell", "--no-imports", "--command", RUNNING_JOB % ada.name).split()
    worker = redis.Redis.from_url((stack.folder / "secrets" / "worker_redis_url").read_text())
    address, cookies = f"{stack.url}/stream/{job}", {"sessionid": session}

    def write(**event: object) -> None:
        worker.xadd(stream_key(job), {"e": json.dumps(event)})

    assert httpx.get(address).status_code == 404  # somebody else's
    with httpx.stream("GET", address, cookies=cookies, timeout=60) as answer:
        assert answer.status_code == 200 and "X-Request-Id" in answer.headers
        lines = answer.iter_lines()
        for text in ("Gro", "ve"):
            write(type="token", sequence=0, text=text)
            number = next(line for line in lines if line.startswith("id: "))[4:]
            assert text in next(lines)
    # Whoever hangs up is noticed, and the next reader goes on where the last one was.
    wait_until(lambda: "grove_streams_open 0.0" in told(stack, "stream"))
    write(type="done", finish=["stop"])
    rest = httpx.get(address, cookies=cookies, headers={"Last-Event-ID": number}, timeout=60).text
    assert rest.count("data: ") == 1 and '"done"' in rest
    # Nothing else of the site is served there.
    assert httpx.get(f"http://127.0.0.1:{stack.ports['stream']}/api/models").status_code == 404


def test_everything_ends_when_it_is_asked_to(stack: Stack) -> None:
    """In the other order, each within its own time. Last in this module."""
    codes = stack.stop("nginx") | stack.stop("demo-worker", "job-worker")
    codes |= stack.stop("stream", "beat", "hub-worker", "web") | stack.stop("valkey")
    for service in stack.services.values():
        assert "Traceback" not in service.said(), service.said()
    # Uvicorn ends in good order, and then by the signal that asked for it.
    assert codes.pop("stream") in (0, -15)
    assert set(codes.values()) == {0}, codes
