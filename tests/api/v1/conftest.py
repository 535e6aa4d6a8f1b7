"""What the tests of our own API share: calls with somebody's token."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from hub.accounts.models import User
from hub.core.rawpath import decode_path
from tests.factories import make_token


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    json: Any

    @property
    def code(self) -> str:
        return self.headers.get("X-Error-Code", "")

    @property
    def field(self) -> str:
        return str(self.json.get("field", ""))


Call = Callable[..., Answer]


def next_of(answer: Answer) -> str:
    """Return where the next page is, as `call` takes it."""
    address, _semicolon, rel = answer.headers["Link"].partition("; ")
    assert rel == 'rel="next"'
    return address.strip("<>").removeprefix("http://testserver/api/v1")


@pytest.fixture
def call(db: None) -> Call:
    """`call("POST", "/models/ada/tiny/reviews", {...}, by=user, scope="read")`; paths as servers send them."""
    tokens: dict[tuple[int, str], str] = {}

    def one(method: str, target: str, send: Any = None, *, by: User | None = None, scope: str = "write") -> Answer:
        headers = {}
        if by is not None:
            key = (by.pk, scope)
            tokens[key] = tokens.get(key) or make_token(by, scope)
            headers["Authorization"] = f"Bearer {tokens[key]}"
        path, _mark, query = f"/api/v1{target}".partition("?")
        response = Client().generic(
            method,
            "/",
            b"" if send is None else _bytes(send),
            content_type="application/json",
            headers=headers,
            PATH_INFO=decode_path(path),
            RAW_URI=f"/api/v1{target}",
            QUERY_STRING=query,
        )
        told = response.json() if response.content else None
        return Answer(response.status_code, dict(response.headers), told)

    return one


def _bytes(send: Any) -> bytes:
    return send if isinstance(send, bytes) else json.dumps(send).encode()
