"""Limits of requests: who is counted as whom, what an answer tells, and that nothing stands still without Valkey."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from huggingface_hub.utils import parse_ratelimit_headers

from hub.api import limits
from hub.jobs.models import Job, State
from hub.jobs.tokens import token_of
from hub.repos.xet.tokens import issue_token
from tests.factories import make_repo, make_token, make_user
from tests.web.conftest import browser_of
from workers.contracts import JobKind, WorkerKind

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three requests of an account, two from an address, in a window that does not end during a test. Valkey is waited for
    on a busy machine too, where a request would otherwise go uncounted."""
    monkeypatch.setattr(limits, "_PATIENCE_SECONDS", 60)
    connected = limits._valkey
    connected.cache_clear()
    settings.RATE_LIMITS = {"api": (3, 2), "resolvers": (3, 2), "pages": (3, 2)}
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_000.5)
    counters = limits._valkey()
    counters.flushdb()
    yield
    counters.flushdb()
    connected.cache_clear()


def get(path: str, token: str = "", address: str = "192.0.2.1", **headers: str) -> Any:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return Client(REMOTE_ADDR=address).get(path, headers=headers)


@pytest.mark.parametrize(
    ("path", "bucket"),
    [
        ("/api/models", "api"),
        ("/v1/models", "api"),
        ("/oauth/token", "api"),
        ("/models/ada/tiny", "api"),
        ("/api/worker/heartbeat", None),
        ("/static/css/base.css", None),
        ("/ada/tiny/resolve/main/config.json", "resolvers"),
        ("/datasets/ada/notes/resolve/main/a/b", "resolvers"),
        ("/ada/tiny.git/info/lfs/objects/batch", "resolvers"),
        ("/ada/tiny/git-upload-pack", "resolvers"),
        ("/ada/tiny.git/info/refs", "resolvers"),
        ("/xet/v1/reconstructions/00", "resolvers"),
        ("/", "pages"),
        ("/ada/tiny", "pages"),
        ("/ada/tiny/tree/main/resolve", "pages"),
        ("/models", "pages"),
        ("/oauth/authorize", "pages"),
    ],
)
def test_what_counts_as_what(path: str, bucket: str | None) -> None:
    assert limits.bucket_of(path) == bucket


def test_an_answer_tells_what_is_left_and_a_refusal_when_to_come_back() -> None:
    answers = [get("/api/models") for _request in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    told = [parse_ratelimit_headers(answer.headers) for answer in answers]
    assert [one and (one.resource_type, one.limit, one.window_seconds, one.remaining) for one in told] == [
        ("api", 2, 300, 1),
        ("api", 2, 300, 0),
        ("api", 2, 300, 0),
    ]
    refused = answers[-1]
    assert refused.headers["RateLimit"] == f'"api";r=0;t={refused.headers["Retry-After"]}'
    assert refused.json()["error"] == refused.headers["X-Error-Message"] and "2 requests" in refused.json()["error"]
    assert refused.headers["X-Request-Id"]
    # Another kind of request, and another address, are counted for themselves; pages do not tell.
    assert "RateLimit" not in get("/models").headers
    assert get("/api/models", address="192.0.2.2").status_code == 200


def test_an_account_is_one_however_it_speaks() -> None:
    ada = make_user()
    browser, tokens = browser_of(ada), [make_token(ada), make_token(ada)]
    assert get("/api/models", tokens[0]).headers["RateLimit"].startswith('"api";r=2;')
    assert get("/api/models", tokens[1], address="192.0.2.9").headers["RateLimit"].startswith('"api";r=1;')
    assert browser.get("/api/models").headers["RateLimit"].startswith('"api";r=0;')
    assert get("/api/models", tokens[0]).status_code == 429
    assert get("/api/models", make_token(make_user())).status_code == 200


def test_wrong_tokens_buy_nothing() -> None:
    codes = [get("/api/models", f"grove_{number}").status_code for number in range(3)]
    assert codes == [401, 401, 429]


def test_addresses_of_version_6_count_by_their_network() -> None:
    assert get("/api/models", address="2001:db8:0:1::1").status_code == 200
    assert get("/api/models", address="2001:db8:0:1:ffff::2").headers["RateLimit"].startswith('"api";r=0;')
    assert get("/api/models", address="2001:db8:0:2::1").headers["RateLimit"].startswith('"api";r=1;')
    assert get("/api/models", address="::ffff:192.0.2.7").headers["RateLimit"].startswith('"api";r=1;')
    assert get("/api/models", address="192.0.2.7").headers["RateLimit"].startswith('"api";r=0;')


def test_behind_a_proxy_the_address_that_it_saw_counts(settings: Any) -> None:
    spoofed = {"X-Forwarded-For": "198.51.100.1, 203.0.113.1"}
    assert get("/api/models", **spoofed).headers["RateLimit"].startswith('"api";r=1;')
    assert get("/api/models").headers["RateLimit"].startswith('"api";r=0;')
    settings.PUBLIC_URL = "http://testserver"
    assert get("/api/models", **spoofed).headers["RateLimit"].startswith('"api";r=1;')
    assert get("/api/models", **{"X-Forwarded-For": "x, 203.0.113.1"}).headers["RateLimit"].startswith('"api";r=0;')


def test_a_worker_reads_what_its_job_needs() -> None:
    repo = make_repo()
    job = Job.objects.create(
        kind=JobKind.EVALUATION, queue=WorkerKind.JOB, spec={}, seconds=60, attempt=1, state=State.RUNNING
    )
    job.repositories.add(repo)
    answers = [get(f"/api/models/{repo.full_name}", token_of(job)) for _request in range(4)]
    assert all(answer.status_code == 200 and "RateLimit" not in answer.headers for answer in answers)


def test_xet_counts_for_whom_the_token_was_given_to() -> None:
    ada = make_user()
    token = str(issue_token(repository=make_repo(ada), user=ada, scope="read"))
    path = f"/xet/v1/reconstructions/{'0' * 64}"
    assert get(path, token).headers["RateLimit"].startswith('"resolvers";r=2;')
    assert get(path, token, address="192.0.2.3").headers["RateLimit"].startswith('"resolvers";r=1;')
    assert get(path, "forged").headers["RateLimit"].startswith('"resolvers";r=1;')


def test_only_signed_addresses_count_as_those_of_somebody_known() -> None:
    assert [get("/api/whoami-v2?signature=1").status_code for _request in range(3)] == [401, 401, 429]
    signed = f"/xet/data/{'0' * 64}?signature=1"
    assert [get(signed).status_code == 429 for _request in range(4)] == [False, False, False, True]


def test_too_many_pages_are_a_page() -> None:
    assert [get("/models").status_code for _request in range(2)] == [200, 200]
    refused = get("/models")
    assert refused.status_code == 429 and b"<h1" in refused.content and int(refused.headers["Retry-After"]) <= 300


def test_no_limit_is_no_limit(settings: Any) -> None:
    settings.RATE_LIMITS = {"api": (3, 0), "resolvers": (0, 0), "pages": (0, 0)}
    assert all("RateLimit" not in get("/api/models").headers for _request in range(4))
    assert "RateLimit" in get("/api/models", make_token(make_user())).headers


def test_without_valkey_nobody_is_held_up(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    away = limits.Redis.from_url("redis://127.0.0.1:1")
    asked = []
    monkeypatch.setattr(limits, "_valkey", lambda: asked.append(1) or away)
    answered = limits.limit(lambda request: HttpResponse("yes"))
    request = HttpRequest()
    request.path = "/api/models"
    assert [answered(request).content for _request in range(5)] == [b"yes"] * 5
    # It is asked again only after a while.
    assert len(asked) == 1
