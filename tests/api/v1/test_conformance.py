"""Whatever the document of our own API allows, a live hub answers as the document says, and never with a fault of its own."""

from typing import Any

import httpx2 as httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.live import Instance

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@pytest.fixture(scope="module")
def there(live_hub: Instance) -> dict[str, Any]:
    """The document of a hub that has something to tell of, and what names it."""
    live_hub.manage("create_user", "schema", "--email", "schema@example.org", "--password", "correct horse battery")
    token = live_hub.manage("create_token", "schema", "--scope", "write", "--name", "test")
    headers = {"Authorization": f"Bearer {token}"}
    base = f"{live_hub.url.rstrip('/')}/api/v1"
    with httpx.Client(headers=headers, base_url=base) as client:
        for kind in ("models", "datasets"):
            assert client.post(f"/{kind}", json={"name": "garden"}).status_code == 201
            repo = f"/{kind}/schema/garden"
            assert client.put(f"{repo}/files/main/README.md", content=b"---\nlicense: mit\n---\n# Garden\n").is_success
            assert client.post(f"{repo}/releases", json={"tag": "v1", "notes": "The first."}).is_success
            assert client.post(f"{repo}/branch-rules", json={"pattern": "stable"}).is_success
            branch = f"{live_hub.url.rstrip('/')}/api{repo}/branch/side"
            assert client.post(branch, json={}).is_success
            assert client.put(f"{repo}/files/side/side.md", content=b"# Beside\n").is_success
            assert client.post(f"{repo}/pull-requests", json={"source": "side", "title": "Beside"}).is_success
        live_hub.manage("create_org", "school", "--owner", "schema")
        live_hub.manage("create_user", "pupil", "--email", "pupil@example.org", "--password", "correct horse battery")
        collection = client.post("/collections", json={"title": "Garden"}).json()
        item = {"kind": "model", "name": "schema/garden"}
        item = client.post(f"/collections/schema/{collection['slug']}/items", json=item).json()
        invitation = client.post("/organizations/school/invitations", json={"who": "pupil", "role": "read"}).json()
        document = client.get("/openapi.json").json()
    known = KNOWN | {"slug": [collection["slug"]], "item_id": [item["id"]], "invitation_id": [invitation["id"]]}
    return {"document": document, "headers": headers, "url": live_hub.url.rstrip("/"), "known": known}


# What a part of an address may be called, so that requests reach what is behind it.
KNOWN = {
    "kind": ["models", "datasets"],
    "namespace": ["schema"],
    "name": ["garden"],
    "revision": ["main", "v1"],
    "tag": ["v1"],
    "path": ["README.md", "docs/a"],
    "review_id": [1],
    "number": [1],
    "comment_id": ["1"],
    "emoji": ["heart", "+1"],
    "run_id": [1],
    "case_id": [1],
    "rule_id": [1, 2],
    "short_name": ["tiny"],
    "organization": ["school"],
    "member": ["schema", "nobody"],
}


def ask_everything(there: dict[str, Any], examples: int, modes: list[GenerationMode]) -> int:
    """Send `examples` requests to each operation in each mode; return how many were answered."""
    operations = [each.ok() for each in schemathesis.openapi.from_dict(there["document"]).get_all_operations()]
    return sum(ask(there, operation, examples, mode) for operation in operations for mode in modes)


def ask(there: dict[str, Any], operation: Any, examples: int, mode: GenerationMode) -> int:
    asked = 0
    # What is sent on purpose where it does not belong keeps its address.
    reaches = st.booleans() if mode is GenerationMode.POSITIVE else st.just(False)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=QUIET,
        phases=[Phase.generate],
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        reach=reaches,
        known=st.fixed_dictionaries({name: st.sampled_from(values) for name, values in there["known"].items()}),
        somebody=st.integers(0, 3),
    )
    def one(case: schemathesis.Case, reach: bool, known: dict[str, Any], somebody: int) -> None:
        nonlocal asked
        if reach:
            case.path_parameters = {name: known[name] for name in case.path_parameters or {}}
        asked += 1
        response = case.call(base_url=there["url"], headers=there["headers"] if somebody else {})
        # The server takes addresses of up to 8 kB, whatever they ask for.
        if response.status_code != 414:
            case.validate_response(response, checks=CHECKS)

    one()
    return asked


def test_every_operation_answers_as_it_says(there: dict[str, Any]) -> None:
    assert ask_everything(there, 3, [GenerationMode.POSITIVE]) >= 80


@pytest.mark.full
def test_every_operation_answers_as_it_says_to_everything(there: dict[str, Any]) -> None:
    assert ask_everything(there, 60, [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]) > 1000
