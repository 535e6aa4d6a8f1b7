"""Slashes that a client has encoded stay apart from those that it has not."""

import asyncio
from typing import Any

import pytest

from hub.core.converters import FilePathConverter, RevisionConverter
from hub.core.links import repo_path
from hub.core.rawpath import decode_path, keep_encoded_slashes_asgi


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/api/models/a/b/tree/refs%2Fpr%2F1/x%2fy?z=%2F", "/api/models/a/b/tree/refs%2Fpr%2F1/x%2fy"),
        ("/a/b/resolve/main/100%25%20sure", "/a/b/resolve/main/100%25 sure"),
        ("/a/b/resolve/main/%E6%96%87", "/a/b/resolve/main/æ\x96\x87"),
        ("http://host:80/a%2Fb?q", "/a%2Fb"),
        ("http://host", "/"),
        ("/a%", "/a%"),
    ],
)
def test_what_stays_encoded(raw: str, path: str) -> None:
    assert decode_path(raw) == path


@pytest.mark.parametrize("text", ["main", "refs/pr/1", "100%", "%2F", "a/b%25c", "文/件"])
def test_links_come_back_as_what_they_were_made_of(text: str) -> None:
    link = repo_path("model", "ada/tiny", "tree", rev=text, path=text)
    arrived = decode_path(link).encode("latin-1").decode()
    _, _, _, _, revision, path = arrived.split("/", 5)
    assert RevisionConverter().to_python(revision) == text
    assert FilePathConverter().to_python(path) == text


@pytest.mark.parametrize(
    ("raw", "path", "arrives"),
    [
        (b"/stream/a%2Fb", "/stream/a/b", "/stream/a%2Fb"),
        (b"/stream/%E6%96%87", "/stream/文", "/stream/文"),
        (b"", "/stream/100%", "/stream/100%25"),
        (b"/stream/%00", "/stream/\0", None),
    ],
)
def test_uvicorn_gives_the_same_path(raw: bytes, path: str, arrives: str | None) -> None:
    seen: list[str] = []
    sent: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], receive: object, send: object) -> None:
        seen.append(scope["path"])

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(keep_encoded_slashes_asgi(app)({"path": path, "raw_path": raw}, None, send))  # type: ignore[arg-type]
    assert seen == ([arrives] if arrives else [])
    assert [message.get("status") for message in sent] == ([] if arrives else [400, None])
