"""Where clients reach the store itself, bytes go around the hub both ways, and what the hub promises holds all the same."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import numpy as np
import pytest

from tests.repos.xet.building import noise, xorb_footer, xorb_of

from .conftest import Caller, make_caller


@pytest.fixture(scope="module")
def direct(s3_hub, tmp_path_factory) -> Caller:
    return make_caller(s3_hub, tmp_path_factory.mktemp("direct"))


def grant(caller: Caller, name: str, length: int, token: str) -> tuple[int, dict]:
    """Ask for leave to send a xorb."""
    body = json.dumps({"length": length, "checksum": {"algo": "crc64nvme", "value": "1"}})
    status, _, answer = caller.call("POST", f"/xet/v1/xorb-grants/default/{name}", body, token=token)
    return status, json.loads(answer)


def commit(caller: Caller, name: str, granted: dict, token: str) -> tuple[int, dict]:
    """Say that the xorb has been sent."""
    path = f"/xet/v1/xorb-commits/default/{name}/grant/{granted['id']}"
    status, _, answer = caller.call("POST", path, token=token)
    return status, json.loads(answer)


def test_the_client_sends_to_the_store_and_fetches_from_it(direct: Caller, tmp_path):
    """Nothing but words passes through the hub, with the unmodified client."""
    path = tmp_path / "file"
    path.write_bytes(np.random.default_rng(7).bytes(3_000_000))
    before = len(direct.hub.said())
    [file] = direct.upload(path)["files"]
    out = tmp_path / "out"
    direct.download((file["hash"], path.stat().st_size, out))
    assert out.read_bytes() == path.read_bytes()
    said = direct.hub.said()[before:]
    assert "/xet/v1/xorb-grants/" in said
    assert "/xet/v1/xorb-commits/" in said
    assert "/xet/v2/reconstructions/" in said
    assert "/xet/v1/xorbs/" not in said
    assert "/xet/data/" not in said


def test_a_grant_takes_one_xorb_and_nothing_after_the_check(direct: Caller):
    name, body = xorb_of([noise(50, 60_000), noise(51, 60_000)])
    token = direct.token()
    status, granted = grant(direct, name, len(body), token)
    assert (status, granted["method"], granted["headers"]) == (201, "PUT", {})
    assert commit(direct, name, granted, token)[0] == 404
    # The address takes what was announced, and its signature says so.
    assert httpx.put(granted["url"], content=body + b"more").status_code == 403
    assert httpx.put(granted["url"], content=body).status_code == 200
    assert commit(direct, name, granted, make_caller(direct.hub, direct.cache).token())[0] == 404
    assert commit(direct, name, granted, direct.token("read"))[0] == 403
    assert commit(direct, xorb_of([noise(52, 9000)])[0], granted, token)[0] == 404
    assert commit(direct, name, granted, token) == (200, {"was_inserted": True})
    assert commit(direct, name, granted, token) == (200, {"was_inserted": False})
    assert httpx.put(granted["url"], content=bytes(len(body))).status_code == 404
    assert grant(direct, name, len(body), token) == (200, {"was_inserted": False})
    assert stored(direct, name) == body


def stored(caller: Caller, name: str) -> bytes:
    """What the store has of a xorb."""
    return bytes.fromhex(
        caller.inside(
            f"from hub.core.blobs import store, xorb_key\nprint(b''.join(store().read(xorb_key('{name}'))).hex())"
        )
    )


def send(caller: Caller, name: str, body: bytes, token: str) -> tuple[int, dict]:
    """Send a xorb by a grant, and say so."""
    status, granted = grant(caller, name, len(body), token)
    assert status == 201
    assert httpx.put(granted["url"], content=body).status_code == 200
    return commit(caller, name, granted, token)


def test_what_is_not_the_xorb_is_thrown_away(direct: Caller):
    name, body = xorb_of([noise(53, 60_000)])
    token = direct.token()
    status, answer = send(direct, name, body[:-1] + bytes([body[-1] ^ 1]), token)
    assert status == 400
    assert name in answer["error"]
    assert (
        direct.inside(f"print(Xorb.objects.filter(pk='{name}').exists(), XorbGrant.objects.exists())") == "False False"
    )
    assert send(direct, name, body, token) == (200, {"was_inserted": True})


def test_a_footer_is_not_stored(direct: Caller):
    pieces = [noise(54, 60_000)]
    name, body = xorb_of(pieces)
    assert send(direct, name, body + xorb_footer(name, pieces, [len(body)]), direct.token())[0] == 200
    assert stored(direct, name) == body


def test_many_commits_of_one_grant_store_it_once(direct: Caller):
    name, body = xorb_of([noise(55, 60_000)])
    token = direct.token()
    _, granted = grant(direct, name, len(body), token)
    httpx.put(granted["url"], content=body)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: commit(direct, name, granted, token), range(4)))
    # Who comes while the first is at it finds the grant used; a new one tells that the xorb is there.
    assert {status for status, _ in answers} <= {200, 404}
    assert [answer for _, answer in answers].count({"was_inserted": True}) == 1
    assert stored(direct, name) == body


def test_somebody_has_so_many_grants_and_then_sends_to_the_hub(direct: Caller):
    name, body = xorb_of([noise(56, 60_000)])
    direct.inside(
        "from hub.repos.xet.grants import MAX_OPEN\n"
        "XorbGrant.objects.bulk_create([XorbGrant(repository=repo, user=user, xorb='0' * 64, size=1, parts='') "
        "for _ in range(MAX_OPEN)])"
    )
    token = direct.token()
    assert grant(direct, name, len(body), token)[0] == 404
    status, _, answer = direct.call("POST", f"/xet/v1/xorbs/default/{name}", body, token=token)
    assert (status, json.loads(answer)) == (200, {"was_inserted": True})
    assert stored(direct, name) == body
    direct.inside("XorbGrant.objects.all().delete()")


@pytest.mark.parametrize(
    "asked", ["{}", '{"length": "9"}', '{"length": 0}', '{"length": 100000000000}', "[]", "x" * 70_000]
)
def test_a_grant_is_asked_for_in_the_words_of_the_protocol(direct: Caller, asked):
    status, _, _ = direct.call("POST", f"/xet/v1/xorb-grants/default/{'0' * 64}", asked, token=direct.token())
    assert status in (400, 413)


def test_an_address_of_the_store_opens_one_range_for_a_while(direct: Caller, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(np.random.default_rng(8).bytes(1_000_000))
    [file] = direct.upload(path)["files"]
    token = direct.token()
    for version in ("v1", "v2"):
        _, plan = direct.ask(f"/xet/{version}/reconstructions/{file['hash']}", token=token, Range="bytes=200000-500000")
        [[run]] = (plan.get("xorbs") or plan["fetch_info"]).values()
        span = run["url_range"] if version == "v1" else run["ranges"][0]["bytes"]
        assert urlsplit(run["url"]).netloc != urlsplit(direct.hub.url).netloc
        assert int(parse_qs(urlsplit(run["url"]).query)["X-Amz-Expires"][0]) <= 900
        exact = httpx.get(run["url"], headers={"Range": f"bytes={span['start']}-{span['end']}"})
        assert (exact.status_code, len(exact.content)) == (206, span["end"] - span["start"] + 1)
        for other in ({}, {"Range": "bytes=0-"}, {"Range": f"bytes={span['start']}-{span['end'] + 1}"}):
            assert httpx.get(run["url"], headers=other).status_code == 403
    # Damage that the hub knows of is not handed out, and a fresh copy of the bytes ends it.
    name = next(iter(plan["xorbs"]))
    content = stored(direct, name)
    direct.inside(
        f"from django.utils import timezone; Xorb.objects.filter(pk='{name}').update(damaged_at=timezone.now())"
    )
    status, answer = direct.ask(f"/xet/v2/reconstructions/{file['hash']}", token=token)
    assert status == 500
    assert "damaged" in answer["error"]
    assert send(direct, name, content, token) == (200, {"was_inserted": False})
    assert direct.ask(f"/xet/v2/reconstructions/{file['hash']}", token=token)[0] == 200
