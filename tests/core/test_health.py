import pytest
from django.test import Client


@pytest.mark.django_db
def test_probes_answer_under_any_host_name(client: Client) -> None:
    assert client.get("/healthz", HTTP_HOST="10.1.2.3").json() == {"status": "ok"}
    answer = client.get("/readyz", HTTP_HOST="10.1.2.3")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    checks = answer.json()["checks"]
    assert {name: checks[name] for name in ("database", "queue", "blobs")} == {
        "database": "ok",
        "queue": "ok",
        "blobs": "ok",
    }
