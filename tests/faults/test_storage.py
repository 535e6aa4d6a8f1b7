"""Large content while processes are killed, the store is away or full, and bytes are lost: nothing acknowledged is lost,
nothing is ever wrong, nothing is kept that nobody goes on with. On files and on S3, whose server is killed too."""

import base64
import hashlib
import json
import random
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from tests import live, prepared, s3
from tests.api.xet.conftest import make_caller
from tests.clients.conftest import make_client
from tests.faults.processes import MARKS, kill, processes
from tests.relay import Relay, relaying
from tests.repos.xet.building import noise, xorb_of
from tests.waiting import wait_until

MB = 1024 * 1024
LFS = "application/vnd.git-lfs+json"


@dataclass
class Site:
    """A hub, somebody with a token on it, and a repository of theirs. On S3 also the server and the way to it."""

    hub: live.Instance
    home: Path
    swift: s3.S3Server | None = None
    bucket: str = ""
    relay: Relay | None = None
    repo: str = field(default="", init=False)

    def __post_init__(self) -> None:
        ada = make_client(self.hub, self.home)
        self.client = httpx.Client(
            base_url=self.hub.url, headers={"Authorization": f"Bearer {ada.token}"}, timeout=60, follow_redirects=True
        )
        self.client.post("/api/repos/create", json={"name": "weights"}).raise_for_status()
        self.repo = f"{ada.name}/weights"

    # --- sending a file, step by step -------------------------------------------------------------------------------

    def offer(self, content: bytes, **more: Any) -> httpx.Response:
        body = {"operation": "upload", "objects": [{"oid": sha256_of(content), "size": len(content)}], **more}
        return self._lfs("batch", body)

    def action(self, content: bytes, **more: Any) -> dict[str, Any]:
        """Where its bytes go; nothing where the hub has them. Raises httpx.HTTPError."""
        (told,) = self.offer(content, **more).raise_for_status().json()["objects"]
        return dict(told.get("actions", {}).get("upload", {}))

    def put(self, content: bytes) -> None:
        """Send it in one piece. Raises httpx.HTTPError."""
        if action := self.action(content):
            httpx.put(action["href"], content=content, timeout=60).raise_for_status()

    def verify(self, content: bytes) -> httpx.Response:
        return self._lfs("verify", {"oid": sha256_of(content), "size": len(content)})

    def commit(self, path: str, content: bytes) -> httpx.Response:
        large = {"path": path, "algo": "sha256", "oid": sha256_of(content), "size": len(content)}
        lines = [{"key": "header", "value": {"summary": f"Add {path}"}}, {"key": "lfsFile", "value": large}]
        body = b"\n".join(json.dumps(line).encode() for line in lines)
        return self.client.post(f"/api/models/{self.repo}/commit/main", content=body)

    def send(self, path: str, content: bytes) -> None:
        """All of it. Raises httpx.HTTPError."""
        self.put(content)
        self.verify(content).raise_for_status()
        self.commit(path, content).raise_for_status()

    def fetch(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(f"/{self.repo}/resolve/main/{path}", headers=headers)

    def _lfs(self, call: str, body: dict[str, Any]) -> httpx.Response:
        url = f"/{self.repo}.git/info/lfs/objects/{call}"
        return self.client.post(url, content=json.dumps(body), headers={"Content-Type": LFS})

    # --- what lies in its store -------------------------------------------------------------------------------------

    def store(self, code: str) -> Any:
        """Run Python in the hub, with its `store` and `scratch` at hand; return what it prints, as JSON."""
        start = "import json; from hub.core.blobs import lfs_key, scratch, store\n"
        return json.loads(self.hub.manage("shell", "--no-imports", "--command", start + code))

    def sweep(self) -> int:
        """Sweep what was left behind, as the hub does after days; return how many that were."""
        return int(self.store("print(scratch.sweep_scratch(older_than=-2) + store().sweep_parts(older_than=-2))"))

    def damage(self, content: bytes, at: int) -> None:
        """Change one byte of stored content behind the hub's back."""
        damaged = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        name = sha256_of(content)
        key = f"lfs/{name[:2]}/{name[2:4]}/{name}"
        if self.swift:
            self.swift.client.put_object(Bucket=self.bucket, Key=key, Body=damaged)
        else:
            (self.hub.data / "blobs" / key).write_bytes(damaged)

    def is_up(self) -> bool:
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def some(size: int, seed: object) -> bytes:
    return random.Random(str(seed)).randbytes(size)


@pytest.fixture(scope="module")
def on_files(mortal_hub: live.Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(mortal_hub, tmp_path_factory.mktemp("ada"))
    yield site
    site.client.close()


@pytest.fixture(scope="module")
def on_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With a server of its own, which tests kill, and a relay before it that stays."""
    folder = tmp_path_factory.mktemp("s3")
    with s3.running(folder / "swift") as swift, relaying(swift.port) as relay:
        bucket = swift.make_bucket()
        addresses = {"S3_ENDPOINT": relay.url, "S3_PUBLIC_ENDPOINT": relay.url}
        with prepared.hub(folder, **swift.settings(bucket) | addresses) as hub:
            site = Site(hub, folder / "ada", swift, bucket, relay)
            yield site
            site.client.close()


@pytest.fixture(params=["on_files", "on_s3"])
def site(request: pytest.FixtureRequest) -> Site:
    found: Site = request.getfixturevalue(request.param)
    return found


# --- processes of the hub are killed ------------------------------------------------------------------------------------


@pytest.mark.full  # in the usual run, uploads of all clients at once are killed below
def test_the_web_killed_in_an_upload(on_files: Site) -> None:
    site, content = on_files, some(8 * MB, "killed")
    action = site.action(content)["href"]
    address = urlsplit(action)
    staging = site.hub.data / "blobs" / "staging"
    site.sweep()
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head_of_put(action, len(content)) + content[: len(content) // 2])
        wait_until(lambda: any(path.stat().st_size > MB for path in staging.glob("*")))
        kill(site.hub, "web")
    wait_until(site.is_up)
    assert not site.store(f"print(json.dumps(store().stat(lfs_key('{sha256_of(content)}'))))")
    assert site.commit("killed.bin", content).status_code == 400
    assert site.sweep() == 1
    assert not list(staging.iterdir())
    site.send("killed.bin", content)
    assert site.fetch("killed.bin").content == content


def test_the_web_killed_before_it_checks_what_came(on_s3: Site) -> None:
    site, content = on_s3, some(3 * MB, "checked")
    assert site.relay
    site.put(content)
    # The server puts together what came, and nobody hears of it.
    joining = site.relay.hold(b"POST /" + site.bucket.encode() + b"/staging/")
    asking = threading.Thread(target=lambda: _ignoring_failures(site.verify, content))
    asking.start()
    assert joining.wait(60)
    kill(site.hub, "web")
    site.relay.let_go()
    asking.join()
    wait_until(site.is_up)
    # It goes on with what was put together, though the upload itself is no more.
    wait_until(lambda: site.verify(content).status_code == 200)
    site.commit("checked.bin", content).raise_for_status()
    assert site.fetch("checked.bin").content == content
    assert site.sweep() == 0


@pytest.mark.full
def test_the_web_killed_after_it_has_put_together_what_came(on_s3: Site) -> None:
    """Between the store's last step and the database's first: the upload is known, and over."""
    site, content = on_s3, some(3 * MB, "put together")
    assert site.relay
    site.put(content)
    # Its answer is what never arrives.
    deleting = site.relay.hold(b"DELETE /" + site.bucket.encode() + b"/staging/")
    asking = threading.Thread(target=lambda: _ignoring_failures(site.verify, content))
    asking.start()
    assert deleting.wait(60)
    kill(site.hub, "web")
    site.relay.let_go()
    asking.join()
    assert site.swift
    found = {"Bucket": site.bucket, "Prefix": "staging/"}
    wait_until(lambda: site.swift.client.list_objects_v2(**found)["KeyCount"] == 0)  # type: ignore[union-attr]
    wait_until(site.is_up)

    def is_sent_again() -> bool:
        try:
            site.send("together.bin", content)
        except httpx.HTTPStatusError as error:
            if error.response.status_code in (409, 503):
                return False
            raise
        return True

    wait_until(is_sent_again, 300)
    assert site.fetch("together.bin").content == content
    assert site.sweep() == 0


def head_of_put(address: str, length: int) -> bytes:
    place = urlsplit(address)
    return (
        f"PUT {place.path}?{place.query} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def _ignoring_failures(call: Any, *args: Any) -> None:
    try:
        call(*args)
    except httpx.HTTPError:
        return


# --- the store goes away ------------------------------------------------------------------------------------------------


@contextmanager
def away(site: Site) -> Iterator[None]:
    """Kill the S3 server for the length of the block."""
    assert site.swift
    site.swift.stop()
    try:
        yield
    finally:
        site.swift.start()


def test_a_store_that_is_away_promises_nothing(on_s3: Site) -> None:
    site = on_s3
    verified, sent, other = some(MB, "verified"), some(MB, "sent"), some(MB, "other")
    site.put(verified)
    assert site.verify(verified).status_code == 200
    site.put(sent)
    before = len(site.hub.said())
    with away(site):
        for answer in (site.offer(other), site.verify(sent)):
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert "Try again" in answer.json()["message"]
        committed = site.commit("verified.bin", verified)
        assert committed.status_code in (200, 503)
        # What was not acknowledged cannot be named.
        assert site.commit("sent.bin", sent).status_code in (400, 503)
        health = httpx.get(f"{site.hub.url}/readyz", timeout=30)
        assert (health.status_code, health.json()["checks"]["blobs"]) == (503, "failing")
    said = site.hub.said()[before:]
    assert "Traceback" not in said
    assert "the blob store: " in said
    wait_until(site.is_up)
    if committed.status_code != 200:
        site.commit("verified.bin", verified).raise_for_status()
    assert site.verify(sent).status_code == 200
    site.commit("sent.bin", sent).raise_for_status()
    site.send("other.bin", other)
    for path, content in (("verified.bin", verified), ("sent.bin", sent), ("other.bin", other)):
        assert site.fetch(path).content == content


def test_a_store_that_dies_in_an_upload_in_parts(on_s3: Site) -> None:
    site, content = on_s3, some(11 * MB, "parts")
    action = site.action(content, transfers=["multipart"])
    size = int(action["header"].pop("chunk_size"))
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    addresses = list(action["header"].values())
    assert httpx.put(addresses[0], content=pieces[0], timeout=60).status_code == 200
    place = urlsplit(addresses[1])
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(head_of_put(addresses[1], size) + pieces[1][: size // 2])
        with away(site):
            # The server is gone before it has answered, and nobody may take that for an answer.
            connection.settimeout(60)
            assert not connection.recv(100).startswith(b"HTTP/1.1 200")
    # A client that asks again is given the same upload, with the part that has arrived.
    again = site.action(content, transfers=["multipart"])
    again["header"].pop("chunk_size")
    named = [urlsplit(address).path for address in again["header"].values()]
    assert set(named) <= {urlsplit(address).path for address in addresses}
    tags = []
    for address, piece in zip(addresses, pieces, strict=True):
        tags.append(httpx.put(address, content=piece, timeout=60).raise_for_status().headers["ETag"])
    parts = [{"partNumber": number, "etag": tag} for number, tag in enumerate(tags, start=1)]
    httpx.post(action["href"], json={"oid": sha256_of(content), "parts": parts}, timeout=60).raise_for_status()
    site.commit("parts.bin", content).raise_for_status()
    assert site.fetch("parts.bin").content == content
    # One that nobody goes on with.
    other = site.action(some(11 * MB, "left"), transfers=["multipart"])
    other["header"].pop("chunk_size")
    httpx.put(next(iter(other["header"].values())), content=bytes(size), timeout=60).raise_for_status()
    assert site.sweep() == 1
    assert site.swift
    assert "Uploads" not in site.swift.client.list_multipart_uploads(Bucket=site.bucket)
    assert site.sweep() == 0


# --- there is no room -----------------------------------------------------------------------------------------------


@contextmanager
def full(site: Site) -> Iterator[None]:
    """Let the store take no more than a little, for the length of the block."""
    if site.swift:
        site.swift.limit(site.bucket, 1)
        yield
        site.swift.limit(site.bucket, None)
        return
    # No file of theirs grows past it, which fails as a full disk does.
    web = [pid for pid, line in processes(site.hub.data).items() if MARKS["web"] in line]
    before = [resource.prlimit(pid, resource.RLIMIT_FSIZE, (4 * MB, -1)) for pid in web]
    yield
    for pid, limits in zip(web, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def test_a_full_store_says_so_and_keeps_nothing_by_half(site: Site, tmp_path: Path) -> None:
    caller = make_caller(site.hub, tmp_path)
    name, body = xorb_of([noise(number, 100_000) for number in range(80)])
    token = caller.token()
    site.sweep()
    with full(site):
        status, _headers, answer = caller.call("POST", f"/xet/v1/xorbs/default/{name}", body, token=token)
        assert (status, b"full" in answer) == (507, True)
        assert (
            site.store(f"print(json.dumps([each.key for each in store().walk('xorbs/') if '{name}' in each.key]))")
            == []
        )
        assert not list((site.hub.data / "blobs" / "staging").iterdir())
    status, _headers, answer = caller.call("POST", f"/xet/v1/xorbs/default/{name}", body, token=token)
    assert (status, json.loads(answer)["was_inserted"]) == (200, True)
    assert site.sweep() == 0


# --- bytes change -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [5, 2 * MB + 5], ids=["first", "later"])
def test_a_byte_that_changed_is_an_error_and_never_content(site: Site, at: int) -> None:
    content = some(3 * MB, f"damaged {at}")
    path = f"damaged-{at}.bin"
    site.send(path, content)
    site.damage(content, at)
    for _ in range(2):
        answer, read = read_through_the_hub(site, path)
        # What is wrong in the first piece is said; of what is wrong later, the connection breaks off before it.
        assert answer.status_code == (500 if at < MB else 200)
        assert len(read) <= at
        assert content.startswith(read)
    if at < MB:
        # From now on it is known, and nobody is sent to it either.
        again = site.fetch(path)
        assert (again.status_code, again.history) == (500, [])
        assert "damaged" in again.text
    # Sending it again heals.
    site.put(content)
    assert site.verify(content).status_code == 200
    assert site.fetch(path).content == content


def read_through_the_hub(site: Site, path: str) -> tuple[httpx.Response, bytes]:
    """Read a file as a page of the site does, which is sent nowhere else; return what came before it broke off, if it did."""
    read = b""
    address = f"/{site.repo}/resolve/main/{path}"
    asked = site.client.stream("GET", address, headers={"Sec-Fetch-Mode": "no-cors"})
    with suppress(httpx.RemoteProtocolError), asked as answer:
        for piece in answer.iter_bytes():
            read += piece
    return answer, read if answer.status_code == 200 else b""


# --- everything at once -------------------------------------------------------------------------------------------------


class Writer(threading.Thread):
    """Sends one file after the other, each until it is acknowledged, and notes which were."""

    def __init__(self, site: Site, number: int) -> None:
        super().__init__(daemon=True)
        self.acknowledged: dict[str, str] = {}
        self.failures = 0
        self.wrong: list[str] = []
        self.done = threading.Event()
        self._site, self._number = site, number

    def run(self) -> None:
        while not self.done.is_set():
            path = f"{self._number}/{len(self.acknowledged)}.bin"
            content = some(300_000, path)
            try:
                self._site.send(path, content)
            except httpx.HTTPStatusError as error:
                self.failures += 1
                # Those that say: not now. 409 and 400: what an earlier try had sent did not come, or is not known.
                if error.response.status_code not in (400, 409, 429, 502, 503):
                    self.wrong.append(f"{error.request.url}: {error.response.status_code} {error.response.text[:500]}")
                self.done.wait(0.05)
            except httpx.HTTPError:
                self.failures += 1
                self.done.wait(0.05)
            else:
                self.acknowledged[path] = sha256_of(content)


@pytest.mark.parametrize(
    ("which", "rounds"),
    [
        pytest.param("on_s3", ("store", "db"), id="S3"),
        pytest.param("on_s3", ("web", "store", "db", "queue") * 3, id="S3, often", marks=pytest.mark.full),
        pytest.param("on_files", ("web", "db", "queue") * 3, id="files, often", marks=pytest.mark.full),
    ],
)
def test_what_was_acknowledged_is_there_whatever_died(
    which: str, rounds: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    site: Site = request.getfixturevalue(which)
    writers = [Writer(site, number) for number in range(3)]
    for writer in writers:
        writer.start()

    def go_on() -> None:
        """Wait until each has got another file through."""
        before = [len(writer.acknowledged) for writer in writers]
        wait_until(lambda: all(len(w.acknowledged) > count for w, count in zip(writers, before, strict=True)), 300)

    for name in rounds:
        go_on()
        failures = sum(writer.failures for writer in writers)
        if name == "store":
            with away(site):
                wait_until(lambda failures=failures: sum(writer.failures for writer in writers) > failures)  # type: ignore[misc]
        elif name == "queue":
            flush = "import redis; from django.conf import settings; "
            site.store(flush + "print(int(redis.from_url(settings.CACHES['default']['LOCATION']).flushall()))")
        else:
            kill(site.hub, name)
    go_on()
    for writer in writers:
        writer.done.set()
        writer.join(timeout=60)
    assert not [line for writer in writers for line in writer.wrong]
    assert any(writer.failures for writer in writers), "Nothing was interrupted, so nothing was tested."
    wait_until(site.is_up)
    for writer in writers:
        for path, sha256 in writer.acknowledged.items():
            assert sha256_of(site.fetch(path).content) == sha256
    site.hub.manage("fsck")
    site.sweep()
    assert site.store("print(json.dumps([each.key for each in store().walk('staging/')]))") == []


# --- what is collected as garbage is sent again ---------------------------------------------------------------------------


def test_garbage_that_somebody_sends_again_just_then_stays(on_files: Site) -> None:
    site = on_files
    contents = [some(1000, f"dying {number}") for number in range(16)]
    listed = [base64.b64encode(content).decode() for content in contents]
    site.store(
        f"""
import base64, hashlib
from hub.repos.models import Blob, StorageClock
from hub.repos.storage import clock
clock.tick()
# As old as it must be, and condemned: the next pass deletes it.
StorageClock.objects.update(seconds=10**8)
for text in {listed!r}:
    content = base64.b64decode(text)
    sha256 = hashlib.sha256(content).hexdigest()
    with scratch.scratch_file() as handle:
        handle.write(content)
        store().put(handle, lfs_key(sha256))
    Blob.objects.create(sha256=sha256, size=len(content), whole=True, unreferenced_at=1, condemned_at=1)
print(1)
"""
    )
    failed: list[str] = []
    begun = threading.Event()

    def send() -> None:
        for number, content in enumerate(contents):
            try:
                site.send(f"dying/{number}.bin", content)
            except httpx.HTTPStatusError as error:
                failed.append(f"{error.response.status_code} {error.response.text}")
            begun.set()

    sending = threading.Thread(target=send)
    sending.start()
    assert begun.wait(60)
    collected = json.loads(site.hub.manage("collect_garbage", "--json"))
    sending.join()
    assert not failed
    assert collected["blobs deleted"] > 0, "Nothing was deleted, so nothing was tested."
    for number, content in enumerate(contents):
        assert site.fetch(f"dying/{number}.bin").content == content
    site.hub.manage("fsck")
