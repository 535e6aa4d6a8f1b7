"""A worker tells the hub on whose behalf it asks, and its own log, too."""

import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from workers import logs
from workers.client import Hub
from workers.contracts import Claim, JobKind


class Listener(HTTPServer):
    """A hub that notes the ids of the requests that reach it."""

    ids: list[str | None]


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Listener)
        self.server.ids.append(self.headers["X-Request-Id"])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(("127.0.0.1", 0), _Answer) as server:
        server.ids = []
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_calls_and_lines_carry_the_id_of_the_request(
    listener: Listener, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    logs.configure()
    hub = Hub(f"http://127.0.0.1:{listener.server_port}", "key")
    claim = Claim.from_json(
        {"job": "j", "kind": "inference", "attempt": 1, "token": "t", "seconds": 5, "spec": {}, "request_id": "trace.1"}
    )
    assert claim.kind == JobKind.INFERENCE
    with logs.under(claim.request_id):
        hub.add_events(claim, ["a line"])
        logging.getLogger("workers.tasks.job").info("at it")
    hub.start({})
    logging.getLogger("workers.app").warning("idle")
    assert listener.ids == ["trace.1", None]
    said = capsys.readouterr().err.splitlines()
    assert said == ["INFO workers.tasks.job [trace.1] at it", "WARNING workers.app [-] idle"]
