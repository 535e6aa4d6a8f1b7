"""Slashes that a client has encoded stay apart from those that it has not."""

import pytest

from hub.core.converters import FilePathConverter, RevisionConverter
from hub.core.links import repo_path
from hub.core.rawpath import decode_path


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
