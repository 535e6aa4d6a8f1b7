"""A live hub with a repository, and Xet tokens for it."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import live

from . import client

_numbers = count(1)


@dataclass
class Caller:
    """Somebody with a repository on a live hub, and with the tokens of it."""

    hub: live.Instance
    name: str
    cache: Path

    @property
    def cas(self) -> str:
        return f"{self.hub.url}/xet"

    def inside(self, code: str) -> str:
        """Run Python inside the hub, with `repo` and `user` at hand; returns what it prints."""
        start = (
            "from hub.repos.models import *; from hub.repos.xet.tokens import issue_token; "
            "from hub.accounts.models import User; "
            f"user = User.objects.get(username='{self.name}'); "
            "repo = Repository.objects.get(namespace__user=user)\n"
        )
        return self.hub.manage("shell", "--no-imports", "--command", start + code)

    def token(self, scope: str = "write") -> str:
        return self.inside(f"print(issue_token(repository=repo, user=user, scope='{scope}'))")

    def upload(self, *paths: Path, **settings: str) -> dict[str, Any]:
        files = [str(path) for path in paths]
        job = {"do": "upload", "cas": self.cas, "token": self.token(), "files": files}
        return client.run(job, self.cache, **settings)

    def download(self, *wanted: tuple[str, int, Path], token: str = "", **settings: str) -> None:
        files = [[name, size, str(path)] for name, size, path in wanted]
        job = {"do": "download", "cas": self.cas, "token": token or self.token(), "files": files}
        client.run(job, self.cache, **settings)

    def call(
        self, method: str, path: str, body: Any = None, *, token: str = "", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One HTTP call; returns status, headers (lower-case names) and body."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            given["Authorization"] = f"Bearer {token}"
        connection = HTTPConnection(urlsplit(self.hub.url).netloc, timeout=60)
        try:
            connection.request(method, path, body=body, headers=given)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def ask(self, path: str, *, token: str, **headers: str) -> tuple[int, Any]:
        """GET something that is JSON."""
        status, _, body = self.call("GET", path, token=token, **headers)
        return status, json.loads(body)

    def blob_path(self, xorb: str) -> Path:
        return self.hub.data / "blobs" / "xorbs" / xorb[:2] / xorb[2:4] / xorb

    def xorbs(self) -> set[str]:
        """All that is published."""
        return {path.name for path in (self.hub.data / "blobs" / "xorbs").rglob("*") if path.is_file()}


def make_caller(hub: live.Instance, cache: Path, visibility: str = "public") -> Caller:
    name = f"xet-{next(_numbers)}"
    hub.manage("create_user", name, "--email", f"{name}@example.org", "--password", "a long enough secret")
    hub.manage(
        "shell",
        "--no-imports",
        "--command",
        "from hub.accounts.models import User; from hub.repos.services import create_repo\n"
        f"user = User.objects.get(username='{name}')\n"
        "create_repo(actor=user, namespace=user.namespace, kind='model', name='weights', "
        f"visibility='{visibility}')",
    )
    return Caller(hub, name, cache)


@pytest.fixture
def caller(live_hub, tmp_path) -> Caller:
    return make_caller(live_hub, tmp_path / "client")
