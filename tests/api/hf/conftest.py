"""A live hub with somebody for every role, and a way to call it byte by byte."""

import json
from base64 import b64encode
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import live

_numbers = count(1)

# One process makes everybody: a management command for each would take longer than the tests.
_PEOPLE = """
from hub.accounts.models import Role, User
from hub.accounts.organizations import add_member, create_organization
from hub.accounts.services import create_token, create_user
tokens = {}
for name in ("olga", "walter", "rita", "cora", "sven"):
    user = create_user(name=name, email=name + "@example.org", password="correct horse battery")
    tokens[name] = create_token(user=user, name="tools", scope="write")[1]
    tokens[name + "-reads"] = create_token(user=user, name="readers", scope="read")[1]
people = {user.username: user for user in User.objects.all()}
guild = create_organization(name="guild", owner=people["olga"], display_name="The Guild")
add_member(organization=guild, actor=people["olga"], user=people["walter"], role=Role.WRITE)
add_member(organization=guild, actor=people["olga"], user=people["rita"], role=Role.READ)
add_member(organization=guild, actor=people["olga"], user=people["cora"], role=Role.CONTRIBUTOR)
import json
print("TOKENS", json.dumps(tokens))
"""


@dataclass
class Answer:
    """What came back. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return self.headers.get("x-error-code", "")


@dataclass
class Hub:
    """A live hub and its people: olga administers the organization guild, walter writes, cora contributes, rita reads
    there; sven is a stranger. `tokens` has a write token under each name, and a read token under `name-reads`."""

    instance: live.Instance
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.instance.url

    def call(
        self, method: str, target: str, *, by: str = "", send: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request for exactly this target. `by`: whose token; `send`: bytes, text, an iterable (chunked), or JSON."""
        given = dict(headers or {})
        if by:
            given.setdefault("Authorization", f"Bearer {self.tokens[by]}")
        if isinstance(send, dict | list):
            send = json.dumps(send)
            given.setdefault("Content-Type", "application/json")
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            connection.request(method, target, body=send, headers=given)
            response = connection.getresponse()
            lower = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lower, response.read())
        finally:
            connection.close()

    def new_repo(self, *, by: str = "olga", private: bool = False, kind: str = "model", organization: str = "") -> str:
        """Make a repository; return its full name."""
        name = f"repo{next(_numbers)}"
        body = {
            "name": name,
            "type": kind,
            "organization": organization or None,
            "visibility": "private" if private else "public",
        }
        made = self.call("POST", "/api/repos/create", by=by, send=body)
        assert made.status == 200, made
        return f"{organization or by}/{name}"

    def commit(
        self, repo: str, *operations: dict[str, Any], by: str = "olga", kind: str = "model", **how: Any
    ) -> Answer:
        """Commit to a branch (`revision`, main by default); `how`: parts of the header line."""
        revision = how.pop("revision", "main")
        lines = [{"key": "header", "value": {"summary": "Change", "description": "", **how}}, *operations]
        sent = "".join(json.dumps(line) + "\n" for line in lines)
        return self.call(
            "POST",
            f"/api/{kind}s/{repo}/commit/{revision}",
            by=by,
            send=sent,
            headers={"Content-Type": "application/x-ndjson"},
        )


def put(path: str, content: str | bytes) -> dict[str, Any]:
    """The line of a commit that puts a small file."""
    raw = content.encode() if isinstance(content, str) else content
    return {"key": "file", "value": {"path": path, "content": b64encode(raw).decode(), "encoding": "base64"}}


@pytest.fixture(scope="session")
def hub(live_hub: live.Instance) -> Hub:
    said = live_hub.manage("shell", "--no-imports", "--command", _PEOPLE)
    tokens = json.loads(said.partition("TOKENS ")[2].splitlines()[0])
    return Hub(live_hub, tokens)
