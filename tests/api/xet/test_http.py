"""Status codes and shapes of the Xet calls, over real HTTP."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.repos.xet.building import file_of, noise, shard_of, term, xorb_of

from .conftest import Caller, make_caller

PIECES = [noise(900 + i, 9000 + i) for i in range(300)]
CONTENT = b"".join(PIECES)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
XORB, BODY = xorb_of(PIECES)
FILE = file_of(PIECES)
SHARD = shard_of([(FILE, [term(XORB, PIECES)], SHA256)], [(XORB, PIECES)])
ABSENT = "0" * 64


def post(caller: Caller, path: str, body: bytes, token: str) -> tuple[int, bytes]:
    status, _, answer = caller.call("POST", path, body, token=token)
    return status, answer


@pytest.fixture
def uploaded(caller: Caller) -> str:
    """A write token of a repository that has claimed the file."""
    token = caller.token()
    status, answer = post(caller, f"/xet/v1/xorbs/default/{XORB}", BODY, token)
    assert status == 200
    assert isinstance(json.loads(answer)["was_inserted"], bool)
    assert post(caller, f"/xet/v1/xorbs/default-merkledb/{XORB}", BODY, token) == (200, b'{"was_inserted": false}')
    status, answer = post(caller, "/xet/v2/shards", SHARD, token)
    assert status == 200
    lines = [json.loads(line) for line in answer.splitlines()]
    assert lines[0] == {"type": "validating", "verified": 0, "total": len(CONTENT)}
    assert lines[-1] == {"type": "result"}
    assert post(caller, "/xet/v1/shards", SHARD, token) == (200, b'{"result": 1}')
    return token


def test_both_reconstructions_lead_to_the_bytes(caller: Caller, uploaded):
    status, newer = caller.ask(f"/xet/v2/reconstructions/{FILE}", token=uploaded)
    assert status == 200
    status, older = caller.ask(f"/xet/v1/reconstructions/{FILE}", token=uploaded)
    assert status == 200
    assert newer["terms"] == older["terms"]
    assert newer["terms"] == [{"hash": XORB, "unpacked_length": len(CONTENT), "range": {"start": 0, "end": 300}}]
    assert newer["offset_into_first_range"] == 0
    [[run]], [[old_run]] = newer["xorbs"].values(), older["fetch_info"].values()
    assert run["ranges"] == [{"chunks": old_run["range"], "bytes": old_run["url_range"]}]
    for address, offsets in ((run["url"], run["ranges"][0]["bytes"]), (old_run["url"], old_run["url_range"])):
        first, last = offsets["start"], offsets["end"]
        status, headers, body = caller.call("GET", relative(address), Range=f"bytes={first}-{last}")
        assert (status, body) == (206, BODY)
        assert headers["content-range"] == f"bytes {first}-{last}/*"
        assert headers["content-length"] == str(len(BODY))


def relative(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def test_a_range_is_trimmed_to_chunks_and_ends_with_416(caller: Caller, uploaded):
    start, end = 1_000_000, 1_500_000
    status, plan = caller.ask(f"/xet/v2/reconstructions/{FILE}", token=uploaded, Range=f"bytes={start}-{end}")
    assert status == 200
    [one] = plan["terms"]
    before = sum(map(len, PIECES[: one["range"]["start"]]))
    assert before + plan["offset_into_first_range"] == start
    assert before + one["unpacked_length"] >= end + 1
    assert one["unpacked_length"] < 520_000
    status, _ = caller.ask(f"/xet/v2/reconstructions/{FILE}", token=uploaded, Range=f"bytes={len(CONTENT)}-")
    assert status == 416
    status, _ = caller.ask(f"/xet/v1/reconstructions/{FILE}", token=uploaded, Range=f"bytes={len(CONTENT)}-999999999")
    assert status == 416


def test_an_address_opens_its_range_only(caller: Caller, uploaded):
    _, plan = caller.ask(f"/xet/v2/reconstructions/{FILE}", token=uploaded, Range="bytes=100000-200000")
    [[run]] = plan["xorbs"].values()
    address = relative(run["url"])
    offsets = run["ranges"][0]["bytes"]
    exact = f"bytes={offsets['start']}-{offsets['end']}"
    assert caller.call("GET", address, Range=exact)[0] == 206
    for other in ("bytes=0-", f"bytes={offsets['start']}-{offsets['end'] + 1}", f"bytes={offsets['start']}-", "x"):
        assert caller.call("GET", address, Range=other)[0] == 403
    assert caller.call("GET", address)[0] == 403
    assert caller.call("GET", address.replace("bytes=", "bytes=1"), Range=exact)[0] == 403
    assert caller.call("GET", f"/xet/data/{XORB}", Range=exact)[0] == 403
    assert caller.call("POST", address, b"", Range=exact)[0] == 405


def test_others_neither_read_nor_learn(caller: Caller, uploaded, live_hub, tmp_path):
    other = make_caller(live_hub, tmp_path / "other")
    token = other.token()
    for path in (f"v1/reconstructions/{FILE}", f"v2/reconstructions/{FILE}", f"v2/reconstructions/{ABSENT}"):
        assert other.ask(f"/xet/{path}", token=token)[0] == 404
    assert caller.ask(f"/xet/v2/reconstructions/{FILE}", token=caller.token("read"))[0] == 404


def test_what_the_client_does_without_is_404(caller: Caller):
    token = caller.token()
    assert caller.call("POST", f"/xet/v1/xorb-grants/default/{XORB}", b"{}", token=token)[0] == 404
    assert caller.ask(f"/xet/v2/file-chunk-hashes/{FILE}", token=token)[0] == 404
    assert caller.ask(f"/xet/v1/chunks/default-merkledb/{ABSENT}", token=token)[0] == 404


def test_telemetry_is_taken_and_thrown_away(caller: Caller):
    assert caller.call("POST", "/v1/telemetry", b"{}")[0] == 200


def test_refusals_before_anything_is_stored(caller: Caller):
    reading, writing = caller.token("read"), caller.token()
    name, body = xorb_of([noise(77, 60_000)])
    assert post(caller, f"/xet/v1/xorbs/default/{name}", body, "")[0] == 401
    assert post(caller, f"/xet/v1/xorbs/default/{name}", body, "nonsense")[0] == 401
    assert post(caller, f"/xet/v1/xorbs/default/{name}", body, reading)[0] == 403
    assert post(caller, f"/xet/v1/xorbs/default/{XORB[::-1]}", body, writing)[0] == 400
    assert post(caller, f"/xet/v1/xorbs/default/{'x' * 64}", body, writing)[0] == 400
    assert post(caller, f"/xet/v1/xorbs/default/{name}", body[:-1], writing)[0] == 400
    assert post(caller, "/xet/v2/shards", SHARD[:-1], writing)[0] == 400
    assert post(caller, "/xet/v1/shards", b"", reading)[0] == 403
    assert caller.call("GET", "/xet/v1/shards", token=writing)[0] == 405
    assert name not in caller.xorbs()


def test_a_refused_upload_can_be_sent_to_its_end(caller: Caller):
    """The client reads the answer only after the last byte; a connection closed before looks like a lost network."""
    status, answer = post(caller, f"/xet/v1/xorbs/default/{ABSENT}", bytes(60_000_000), "nonsense")
    assert status == 401
    assert "error" in json.loads(answer)


def test_an_upload_says_its_length(caller: Caller):
    status, _, _ = caller.call("POST", f"/xet/v1/xorbs/default/{XORB}", iter([b"x"]), token=caller.token())
    assert status == 411


def test_what_is_wrong_with_a_file_stands_in_the_last_line(caller: Caller, uploaded):
    body = shard_of([(FILE, [term(XORB, PIECES)], "f" * 64)])
    status, answer = post(caller, "/xet/v2/shards", body, uploaded)
    assert status == 200
    last = json.loads(answer.splitlines()[-1])
    assert last["type"] == "error"
    assert last["retryable"] is False
    assert SHA256 in last["message"]
    assert post(caller, "/xet/v1/shards", body, uploaded)[0] == 400


def test_what_asks_for_nothing_opens_nothing(caller: Caller, uploaded):
    for path in (f"v1/xorbs/default/{XORB}", f"v2/reconstructions/{FILE}", "v2/shards", f"v1/chunks/default/{XORB}"):
        for method in ("HEAD", "OPTIONS", "DELETE", "PUT"):
            assert caller.call(method, f"/xet/{path}", token=uploaded)[0] == 405
    for wanted in ("bytes=" + "9" * 5000 + "-", "bytes=5-2", "bytes=-5", "bytes=0-1,3-4", "chunks=0-1"):
        assert caller.ask(f"/xet/v2/reconstructions/{FILE}", token=uploaded, Range=wanted)[0] == 416


def test_another_generation_is_another_address_of_the_same(caller: Caller, uploaded):
    _, plan = caller.ask(f"/xet/v2/reconstructions/{FILE}", token=uploaded)
    status, other = caller.ask(f"/xet/g7/v2/reconstructions/{FILE}", token=uploaded)
    assert status == 200
    assert other["terms"] == plan["terms"]


def test_two_packings_of_one_xorb_at_once_leave_one(caller: Caller):
    """Rows that told of one packing, over the bytes of the other, would be a damage."""
    token = caller.token()
    for seed in range(4):
        pieces = [noise(7000 + 10 * seed + i, 60_000) + bytes(60_000) for i in range(8)]
        name, _ = xorb_of(pieces)
        bodies = [xorb_of(pieces, scheme)[1] for scheme in (0, 1, 2)]
        with ThreadPoolExecutor(3) as threads:
            answers = list(
                threads.map(lambda body, name=name: post(caller, f"/xet/v1/xorbs/default/{name}", body, token), bodies)
            )
        assert [status for status, _ in answers] == [200] * 3
        assert [json.loads(answer)["was_inserted"] for _, answer in answers].count(True) == 1
        file = file_of(pieces)
        assert post(caller, "/xet/v1/shards", shard_of([(file, [term(name, pieces)], None)]), token)[0] == 200
        _, plan = caller.ask(f"/xet/v2/reconstructions/{file}", token=token)
        [[run]] = plan["xorbs"].values()
        span = run["ranges"][0]["bytes"]
        exact = f"bytes={span['start']}-{span['end']}"
        status, _, body = caller.call("GET", relative(run["url"]), Range=exact)
        assert status == 206
        assert body in bodies
