"""In a running hub, a new repository is found within seconds."""

import json
import urllib.request

from tests.live import Instance
from tests.waiting import wait_until


def call(hub: Instance, path: str, token: str = "", body: dict[str, str] | None = None) -> object:
    request = urllib.request.Request(  # noqa: S310 - the address of the hub under test
        hub.url.rstrip("/") + path, data=json.dumps(body).encode() if body else None
    )
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def test_a_new_repository_is_found_within_seconds(live_hub: Instance) -> None:
    live_hub.manage("create_user", "finder", "--email", "finder@example.org", "--password", "correct horse battery")
    token = live_hub.manage("create_token", "finder", "--scope", "write", "--name", "test")
    call(live_hub, "/api/repos/create", token, {"name": "needle-in-hay", "type": "model"})
    wait_until(lambda: bool(call(live_hub, "/api/models?search=needle")))
    found = call(live_hub, "/api/models?search=needle")
    assert [item["id"] for item in found] == ["finder/needle-in-hay"]  # type: ignore[attr-defined]
