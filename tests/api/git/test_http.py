"""Smart HTTP as git speaks it: addresses, sign-in, bodies of every form, and callers who mean no good."""

import base64
import fcntl
import gzip
import hashlib
import json
import os
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.repos.git.pushes import Objects, entry_header, pack_of
from tests.repos.git.test_hostile_pushes import zeros
from tests.waiting import wait_until

from .conftest import ZERO, Caller, packet

MAIN = "refs/heads/main"


@pytest.fixture(scope="module")
def repo(caller: Caller) -> str:
    return caller.make_repo()


@pytest.fixture(scope="module")
def other(caller: Caller) -> str:
    """A write token of somebody else."""
    name = f"{caller.name}-other"
    caller.hub.manage("create_user", name, "--email", f"{name}@example.org", "--password", "correct horse battery")
    return caller.hub.manage("create_token", name, "--scope", "write", "--name", "git")


@pytest.fixture(scope="module")
def private(caller: Caller) -> str:
    return caller.make_repo(private=True)


@pytest.mark.parametrize("ending", ["", ".git"])
@pytest.mark.parametrize("call", ["info/refs?service=git-upload-pack", "info/refs?service=git-receive-pack"])
def test_who_has_not_said_who_they_are_is_asked(caller: Caller, private: str, ending: str, call: str) -> None:
    answer = caller.call("GET", f"{private}{ending}/{call}", token="")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="Grove"')
    assert answer.headers["content-type"].startswith("text/plain")
    wrong = caller.call("GET", f"{private}{ending}/{call}", token="grove_wrong")
    assert (wrong.status, wrong.headers["www-authenticate"]) == (401, 'Basic realm="Grove"')
    assert caller.call("GET", f"{private}{ending}/{call}").status == 200


def test_every_git_address_asks_for_basic(caller: Caller, private: str) -> None:
    for call in ("git-upload-pack", "git-receive-pack", "info/lfs/objects/batch", "info/lfs/locks/verify"):
        for ending in ("", ".git"):
            body = json.dumps({"operation": "download", "objects": []}) if "lfs" in call else b"0000"
            answer = caller.call("POST", f"{private}{ending}/{call}", body, token="")
            assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="Grove"'), call


def test_every_kind_has_its_addresses(caller: Caller) -> None:
    for kind in ("dataset", "space", "kernel"):
        extra = {"sdk": "static"} if kind == "space" else {}
        assert MAIN in caller.refs(caller.make_repo(kind, **extra))


def test_what_is_not_smart_is_refused(caller: Caller, repo: str) -> None:
    for query in ("", "?service=", "?service=git-upload-archive", "?service=../../etc"):
        assert caller.call("GET", f"{repo}/info/refs{query}").status == 400
    assert caller.call("POST", f"{repo}/info/refs", b"").status == 405
    assert caller.call("GET", f"{repo}/git-upload-pack").status == 405
    assert caller.call("GET", f"{repo}x/info/refs?service=git-upload-pack").status == 404
    assert caller.call("POST", f"{repo}/git-upload-pack", b"0000", Content_Encoding="br").status == 400


def test_a_renamed_repository_redirects(caller: Caller) -> None:
    repo = caller.make_repo()
    body = json.dumps({"fromRepo": repo[1:], "toRepo": f"{repo[1:]}-new", "type": "model"})
    assert caller.call("POST", "/api/repos/move", body, Content_Type="application/json").status == 200
    for ending in ("", ".git"):
        answer = caller.call("GET", f"{repo}{ending}/info/refs?service=git-upload-pack")
        assert (answer.status, answer.headers["location"]) == (
            307,
            f"{repo}-new{ending}/info/refs?service=git-upload-pack",
        )


def test_bodies_come_in_every_form(caller: Caller) -> None:
    repo = caller.make_repo()
    start, objects = caller.refs(repo)[MAIN], Objects()
    one = objects.commit(objects.files({"a": b"1"}), start)
    two = objects.commit(objects.files({"a": b"2"}), one)
    probe = caller.call("POST", f"{repo}/git-receive-pack", b"0000")
    assert (probe.status, probe.body) == (200, b"")

    line = packet(f"{start} {one} {MAIN}\0 report-status") + b"0000"

    def pieces() -> Iterator[bytes]:
        body = line + objects.pack()
        for start in range(0, len(body), 50):
            yield body[start : start + 50]

    answer = caller.call("POST", f"{repo}/git-receive-pack", pieces())
    assert answer.text == "000eunpack ok\n0017ok refs/heads/main\n0000"
    packed = gzip.compress(packet(f"{one} {two} {MAIN}\0 report-status") + b"0000" + objects.pack())
    answer = caller.call("POST", f"{repo}/git-receive-pack", packed, Content_Encoding="gzip")
    assert answer.text == "000eunpack ok\n0017ok refs/heads/main\n0000"
    assert caller.refs(repo)[MAIN] == two


def test_forged_commands(caller: Caller, repo: str) -> None:
    start = caller.refs(repo)[MAIN]
    for body in (
        b"",
        b"00",
        b"zzzz",
        b"0001",
        b"ffff" + b"x" * 100,
        packet(f"{start} {MAIN}") + b"0000",
        packet(f"{start} {'g' * 40} {MAIN}\0 report-status") + b"0000",
        packet(b"\xff" * 90) + b"0000",
        packet(f"{ZERO} {start} refs/heads/x") * 1001 + b"0000",
        gzip.compress(packet(f"{ZERO} {start} refs/heads/x"))[:-12],
    ):
        headers = {"Content_Encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
        assert 400 <= caller.call("POST", f"{repo}/git-receive-pack", body, **headers).status < 500
    for name in (
        "HEAD",
        "refs/heads/../x",
        "refs/heads/a b",
        "main",
        "refs/heads/",
        "refs/remotes/x",
        "refs/heads/x.lock",
    ):
        answer = caller.push(repo, [(name, ZERO, start)])
        assert f"ng {name} " in answer.text
    # The same ref twice, and an old value that is nowhere.
    assert "ng" in caller.push(repo, [("refs/heads/x", ZERO, start), ("refs/heads/x", ZERO, start)]).text
    assert f"ng {MAIN}" in caller.push(repo, [(MAIN, "1" * 40, start)]).text
    assert f"ng {MAIN}" in caller.push(repo, [(MAIN, start, "1" * 40)]).text
    assert caller.refs(repo) == {MAIN: start}


def test_strangers_and_tokens_that_only_read(caller: Caller, other: str, repo: str, private: str) -> None:
    stranger, reading = other, caller.hub.manage("create_token", caller.name, "--scope", "read", "--name", "reading")
    start = caller.refs(repo)[MAIN]
    body = packet(f"{ZERO} {start} refs/heads/x\0 report-status") + b"0000" + pack_of([])
    for token, status in ((reading, 403), (stranger, 403), ("", 401)):
        answer = caller.call("POST", f"{repo}/git-receive-pack", body, token=token)
        assert answer.status == status
        assert caller.call("GET", f"{repo}/info/refs?service=git-receive-pack", token=token).status == status
    for service in ("git-upload-pack", "git-receive-pack"):
        # It looks like one that is not there.
        answer = caller.call("GET", f"{private}/info/refs?service={service}", token=stranger)
        absent = caller.call("GET", f"{private}absent/info/refs?service={service}", token=stranger)
        assert (answer.status, absent.status) == (404, 404)
        assert answer.text.replace(private[1:], "it") == absent.text.replace(f"{private[1:]}absent", "it")
    assert caller.call("GET", f"{private}/info/refs?service=git-upload-pack", token=reading).status == 200
    assert caller.refs(repo) == {MAIN: start}


def test_the_files_of_a_gated_repository_are_for_those_who_are_let_in(caller: Caller, other: str) -> None:
    repo = caller.make_repo()
    settings = json.dumps({"gated": "manual"})
    assert caller.call("PUT", f"/api/models{repo}/settings", settings, Content_Type="application/json").status == 200
    for method, call, body in (
        ("GET", "info/refs?service=git-upload-pack", None),
        ("POST", "git-upload-pack", b"0000"),
    ):
        assert caller.call(method, f"{repo}/{call}", body).status == 200
        for token, status in (("", 401), (other, 403)):
            answer = caller.call(method, f"{repo}/{call}", body, token=token)
            assert (answer.status, answer.headers["x-error-code"]) == (status, "GatedRepo")
            assert "ask for access" in answer.text.lower()


def test_nothing_that_is_gone_can_be_asked_for(caller: Caller) -> None:
    """Version 2 of the protocol gives away any object that lies there."""
    repo = caller.make_repo()
    start, objects = caller.refs(repo)[MAIN], Objects()
    gone = objects.commit(objects.tree(("100644", "a", blob := objects.blob(b"secret"))), start)
    assert "ok refs/heads/dev" in caller.push(repo, [("refs/heads/dev", ZERO, gone)], objects.pack()).text

    def ask(oid: str, version: str) -> bytes:
        if version == "version=2":
            lines = [packet("command=fetch"), b"0001", packet("no-progress"), packet(f"want {oid}\n"), packet("done\n")]
            body = b"".join(lines) + b"0000"
        else:
            body = packet(f"want {oid} no-progress\n") + b"0000" + packet("done\n")
        return caller.call("POST", f"{repo}/git-upload-pack", body, Git_Protocol=version).body

    for version in ("version=2", "version=1", ""):
        assert b"PACK" in ask(gone, version)
        assert b"PACK" in ask(blob, version)
    assert "ok" in caller.push(repo, [("refs/heads/dev", gone, ZERO)], b"").text
    for version in ("version=2", "version=1", ""):
        for oid in (gone, blob):
            answer = ask(oid, version)
            assert b"PACK" not in answer
            assert b"not our ref" in answer
        assert b"PACK" in ask(start, version)


def test_a_bomb_takes_no_memory_of_the_web_processes(caller: Caller) -> None:
    repo = caller.make_repo()
    start = caller.refs(repo)[MAIN]
    before = {pid: _peak(pid) for pid in caller.web_processes()}
    assert len(before) >= 2
    objects = Objects()
    new = objects.commit(objects.tree(("100644", "zeros", _id_of_zeros(128))), start)
    inner = [entry_header(kind, len(content)) + zlib.compress(content) for kind, content in objects.made.values()]
    bomb = pack_of([zeros(128)[12:-20], *inner])
    begun = time.monotonic()
    answer = caller.push(repo, [(MAIN, start, new)], bomb)
    assert "above 10 MiB" in answer.text
    # It says so of the file, too.
    assert "zeros" in answer.text
    for content in (pack_of([], count=10_000_000), pack_of([entry_header(2, 2**33) + zlib.compress(b"x")])):
        assert f"ng {MAIN}" in caller.push(repo, [(MAIN, start, new)], content).text
    assert time.monotonic() - begun < 60
    for pid, peak in before.items():
        assert _peak(pid) - peak < 60_000, "kB"
    assert caller.refs(repo) == {MAIN: start}
    assert not list((caller.hub.data / "git-scratch").iterdir())


def test_callers_who_hang_up(caller: Caller, repo: str) -> None:
    """A push that ends early leaves nothing."""
    address = urlsplit(caller.hub.url)
    start = caller.refs(repo)[MAIN]
    # Enough for the hub to begin with it: what comes is read a quarter of a megabyte at a time.
    body = packet(f"{start} {'1' * 40} {MAIN}\0 report-status") + b"0000" + zeros(400)[:380_000]
    secret = base64.b64encode(f"x:{caller.token}".encode()).decode()
    with socket.create_connection((address.hostname, address.port or 80)) as line:
        line.sendall(
            f"POST {repo}/git-receive-pack HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Basic {secret}\r\n"
            f"Content-Length: {len(body) + 5000}\r\n\r\n".encode()
            + body
        )
        scratch = caller.hub.data / "git-scratch"
        wait_until(lambda: any(scratch.glob("*")))
    wait_until(lambda: not any(scratch.iterdir()))
    assert caller.refs(repo) == {MAIN: start}


def test_a_clone_whose_caller_hangs_up_ends(caller: Caller) -> None:
    repo = caller.make_repo()
    start, objects = caller.refs(repo)[MAIN], Objects()
    # More than the line holds by itself, so that the program has to wait for whoever reads.
    new = objects.commit(objects.files({f"{number}.dat": os.urandom(8 * 1024**2) for number in range(2)}), start)
    assert f"ok {MAIN}" in caller.push(repo, [(MAIN, start, new)], objects.pack()).text
    address = urlsplit(caller.hub.url)
    secret = base64.b64encode(f"x:{caller.token}".encode()).decode()
    body = packet(f"want {new} no-progress\n") + b"0000" + packet("done\n")
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        line.connect((address.hostname, address.port or 80))
        line.sendall(
            f"POST {repo}/git-upload-pack HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Basic {secret}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        received = b""
        while b"PACK" not in received:
            received += (piece := line.recv(4096))
            assert piece, received
        (cache,) = set(_caches_in_use(caller))
        assert not _can_be_locked(cache / "in-use")
    wait_until(lambda: not _caches_in_use(caller), seconds=10)
    wait_until(lambda: _can_be_locked(cache / "in-use"), seconds=10)
    assert caller.refs(repo) == {MAIN: new}


def _caches_in_use(caller: Caller) -> list[Path]:
    """Return where git programs run on the hub's caches, one for each program."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            place = (process / "cwd").readlink()
            if place.is_relative_to((caller.hub.data / "git-cache").resolve()):
                found.append(place)
    return found


def _can_be_locked(path: Path) -> bool:
    with path.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _peak(pid: int) -> int:
    """Return the most memory that a process has had so far, in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _id_of_zeros(megabytes: int) -> str:
    digest = hashlib.sha1(b"blob %d\0" % (megabytes * 1024**2), usedforsecurity=False)
    for _number in range(megabytes):
        digest.update(bytes(1024**2))
    return digest.hexdigest()
