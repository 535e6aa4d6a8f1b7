"""A browser's log-in on the client protocol: it reads files that pages link to, and nothing else."""

import json

import pytest
from django.test import Client
from pytest_django import Settings

from hub.repos.models import Visibility
from tests.factories import make_repo, make_token, make_user

pytestmark = pytest.mark.django_db


def test_log_in_reads_files_and_writes_nothing(client: Client) -> None:
    owner = make_user()
    repo = make_repo(owner, visibility=Visibility.PRIVATE)
    file = f"/{repo.full_name}/resolve/main/.gitattributes"
    assert client.get(file).status_code == 401
    client.force_login(owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert b"".join(client.get(file)).startswith(b"*.7z")
    assert client.get("/api/whoami-v2").status_code == 401
    assert client.get(f"/api/models/{repo.full_name}").status_code == 401
    line = json.dumps({"key": "header", "value": {"summary": "x"}})
    sent = client.post(f"/api/models/{repo.full_name}/commit/main", line, content_type="application/x-ndjson")
    assert sent.status_code == 401
    # Where a token is sent, the token counts, not the log-in beside it.
    stranger = {"Authorization": f"Bearer {make_token(make_user())}"}
    assert client.get(file, headers=stranger).status_code == 404


def test_closed_hub_shows_strangers_nothing(client: Client, settings: Settings) -> None:
    repo = make_repo()
    settings.ANONYMOUS_READ = False
    for address in [f"/{repo.full_name}/resolve/main/.gitattributes", f"/api/models/{repo.full_name}", "/api/models"]:
        assert client.get(address).status_code == 401
    assert client.get(f"/api/users/{repo.namespace.name}/overview").status_code == 401
    member = {"Authorization": f"Bearer {make_token(make_user(), 'read')}"}
    assert client.get(f"/api/models/{repo.full_name}", headers=member).status_code == 200
