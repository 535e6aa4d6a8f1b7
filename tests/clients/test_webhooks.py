"""Webhooks by the library's own calls, and what one is sent by a whole hub, read by the library's own model."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from huggingface_hub import WebhookPayload

from tests.clients.conftest import Client
from tests.waiting import wait_until


@pytest.fixture
def came() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """The address of a receiver on this machine, and what has come to it: (secret, content)."""
    kept: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            kept.append((self.headers["X-Webhook-Secret"], content))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", kept
        server.shutdown()


def test_webhooks_by_the_library(ada: Client, came: tuple[str, list[tuple[str, bytes]]]) -> None:
    url, kept = came
    key = ada.python(f"""
        import json
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError
        api = HfApi()
        assert api.list_webhooks() == []
        made = api.create_webhook(
            url="https://example.org/", watched=[{{"type": "user", "name": "{ada.name}"}}], secret="open-sesame"
        )
        assert (made.url, made.domains, made.secret, made.disabled) == (
            "https://example.org/", ["repo", "discussion"], "open-sesame", False
        )
        assert [(item.type, item.name) for item in made.watched] == [("user", "{ada.name}")]
        changed = api.update_webhook(made.id, url="{url}", domains=["repo"])
        assert (changed.url, changed.domains) == ("{url}", ["repo"])
        assert changed.watched == made.watched and changed.secret == "open-sesame"
        assert api.disable_webhook(made.id).disabled and api.get_webhook(made.id).disabled
        assert not api.enable_webhook(made.id).disabled
        assert [one.id for one in api.list_webhooks()] == [made.id]
        for wrong in (
            dict(job_id="abc"), dict(url="ftp://x"), dict(url="https://e.org", domains=["x"]),
            dict(url="https://e.org", watched=[{{"type": "model", "name": "no/such"}}]),
        ):
            try:
                api.create_webhook(**{{"watched": [{{"type": "user", "name": "{ada.name}"}}], **wrong}})
            except HfHubHTTPError as error:
                assert error.response.status_code == 400, wrong
            else:
                raise AssertionError(wrong)
        gone = api.create_webhook(url="https://example.org/", watched=[{{"type": "user", "name": "{ada.name}"}}])
        api.delete_webhook(gone.id)
        api.create_repo("told")
        print(json.dumps(made.id))
    """)
    wait_until(lambda: len(kept) >= 2)
    assert {secret for secret, _content in kept} == {"open-sesame"}
    payloads = [WebhookPayload.model_validate_json(content) for _secret, content in kept]
    assert {payload.webhook.id for payload in payloads} == {key}
    told = {f"{payload.event.scope} {payload.event.action}" for payload in payloads}
    assert told == {"repo create", "repo.content update"}
    assert json.loads(kept[0][1])["repo"]["name"] == f"{ada.name}/told"
