"""One id from the request to the log: on every answer, whoever gives it, and in tasks of the hub worker."""

import logging
import socket
from collections.abc import Iterator
from threading import Event
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from celery.contrib.testing.worker import start_worker

from hub.celery import app
from hub.core import request_ids
from tests import live
from tests.waiting import SECONDS


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/healthz", 200),
        ("GET", "/static/nothing.css", 404),
        ("GET", "/nobody/nothing", 404),
        ("GET", "/api/models", 200),
        ("GET", "/api/models/nobody/nothing", 401),
        ("HEAD", "/nobody/nothing/resolve/main/config.json", 401),
        ("POST", "/nobody/nothing/git-upload-pack", 401),
        ("POST", "/login", 403),
        ("GET", "/%00", 400),
        ("DELETE", "/api/whoami-v2", 405),
    ],
)
def test_every_answer_has_the_id_that_was_sent(live_hub: live.Instance, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, live_hub.url + path, headers={"X-Request-Id": "trace.4711"}, trust_env=False)
    assert answer.status_code == status
    assert answer.headers.get_list("X-Request-Id") == ["trace.4711"]


def test_what_is_no_id_is_replaced(live_hub: live.Instance) -> None:
    for path in ("/api/models", "/%00"):
        ids = {
            httpx.get(live_hub.url + path, headers={"X-Request-Id": "<b>"}, trust_env=False).headers["X-Request-Id"]
            for _request in range(2)
        }
        assert len(ids) == 2 and all(len(one) == 32 for one in ids)


def test_a_host_that_is_not_ours_gets_an_id_too(live_hub: live.Instance) -> None:
    """Refused before any view, by Django itself."""
    address = urlsplit(live_hub.url)
    with socket.create_connection((address.hostname, address.port), timeout=SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\nX-Request-Id: trace.4712\r\n\r\n")
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400") and b"X-Request-Id: trace.4712" in answer


class Heard(logging.Handler):
    """Keeps the ids under which something was said."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(request_ids.RequestIdFilter())
        self.ids: list[str] = []
        self.said = Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.ids.append(record.__dict__["request_id"])
        self.said.set()


@pytest.fixture
def heard() -> Iterator[Heard]:
    handler = Heard()
    log = logging.getLogger("tests.said")
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


@app.task(name="tests.say")
def say() -> None:
    logging.getLogger("tests.said").info("said")


def test_a_task_logs_under_the_id_of_the_request_that_queued_it(heard: Heard) -> None:
    with start_worker(app, pool="solo", perform_ping_check=False, queues=["hub"], loglevel="WARNING"):
        with request_ids.using("trace.4713"):
            say.delay()
        assert heard.said.wait(SECONDS)
        heard.said.clear()
        # The clock has no request.
        task = say.delay()
        assert heard.said.wait(SECONDS)
    assert heard.ids == ["trace.4713", f"task-{task.id}"]
    assert request_ids.current() == "-"
