"""Somebody with repositories on a live hub, who speaks git's protocol by hand."""

import base64
import json
import re
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import live
from tests.repos.git.pushes import pack_of

_numbers = count(1)
ZERO = "0" * 40


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def packet(content: str | bytes) -> bytes:
    """Return a packet line."""
    raw = content.encode() if isinstance(content, str) else content
    return b"%04x%s" % (len(raw) + 4, raw)


@dataclass
class Caller:
    hub: live.Instance
    name: str
    token: str
    _repos: "count[int]" = field(default_factory=lambda: count(1))

    def call(self, method: str, path: str, body: object = None, *, token: str | None = None, **headers: str) -> Answer:
        """One HTTP call, as git makes it: the token is the password of Basic. token: "" for a stranger."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        secret = self.token if token is None else token
        if secret:
            given["Authorization"] = "Basic " + base64.b64encode(f"anybody:{secret}".encode()).decode()
        connection = HTTPConnection(urlsplit(self.hub.url).netloc, timeout=120)
        try:
            connection.request(method, path, body=body, headers=given)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def make_repo(self, kind: str = "model", **settings: object) -> str:
        """Make a repository; return its path, with the kind's prefix."""
        name = f"repo{next(self._repos)}"
        body = json.dumps({"name": name, "type": kind, **settings})
        answer = self.call("POST", "/api/repos/create", body, Content_Type="application/json")
        assert answer.status == 200, answer.text
        return f"/{'' if kind == 'model' else kind + 's/'}{self.name}/{name}"

    def refs(self, repo: str) -> dict[str, str]:
        """Return name -> object id, as a fetch is told."""
        answer = self.call("GET", f"{repo}/info/refs?service=git-upload-pack")
        assert answer.status == 200, answer.text
        return {name: oid for oid, name in re.findall(r"([0-9a-f]{40}) (refs/[^\n\0]+)", answer.text)}

    def push(self, repo: str, moves: list[tuple[str, str, str]], pack: bytes | None = None, **headers: str) -> Answer:
        """Push (ref, old, new) with a pack, which stands for an empty one where it is missing."""
        lines = [f"{old} {new} {ref}" for ref, old, new in moves]
        lines[0] += "\0 report-status agent=by-hand"
        body = b"".join(map(packet, lines)) + b"0000" + (pack_of([]) if pack is None else pack)
        return self.call("POST", f"{repo}/git-receive-pack", body, **headers)

    def web_processes(self) -> list[int]:
        """Return the ids of the hub's web processes."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line, environ = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
            except OSError:
                continue
            if b"gunicorn" in line and f"GROVE_DATA={self.hub.data}\0".encode() in environ + b"\0":
                found.append(int(folder.name))
        return found


@pytest.fixture(scope="module")
def caller(live_hub: live.Instance) -> Caller:
    name = f"git-{next(_numbers)}"
    live_hub.manage("create_user", name, "--email", f"{name}@example.org", "--password", "correct horse battery")
    return Caller(live_hub, name, live_hub.manage("create_token", name, "--scope", "write", "--name", "git"))
