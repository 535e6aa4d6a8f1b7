"""What is read of JSON bodies: text and numbers that can be stored, and nothing else."""

import gzip
import socket
from collections.abc import Iterator

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from hub.api import bodies
from hub.api.bodies import open_body, parse_object, read_all, read_form
from hub.api.xet import edge
from hub.api.xet.views import upload_shard
from hub.core.errors import Invalid

UNSTORABLE = [
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b'{"a": 1e999}',
    b'{"a": "\xed\xa0\x80"}',  # half a surrogate pair, written as UTF-8 does not write it
    b'{"a": "\\ud800"}',
    b'{"a": "\\u0000"}',
    '{"a": "\\u0000"}'.encode("utf-16"),
    b"[" * 100_000,
    b'{"a": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("content", UNSTORABLE, ids=lambda content: repr(content[:20]))
def test_what_the_database_cannot_keep_is_refused(content):
    with pytest.raises(Invalid):
        parse_object(content)


def test_other_numbers_and_texts_are_read_as_they_are():
    assert parse_object('\ufeff{"a": [1.5, -2, "\\ud83c\\udf33 林"]}'.encode()) == {"a": [1.5, -2, "🌳 林"]}


PACKED = gzip.compress(b"0000" * 100)


@pytest.mark.parametrize(
    "body",
    [b"no gzip", PACKED[:-9], PACKED + b"and more", PACKED[:10] + b"\xff" * 20, PACKED[:-8] + b"\0" * 8],
    ids=["other", "cut", "longer", "not deflated", "wrong sum"],
)
def test_damaged_gzip_is_the_callers_fault(body: bytes) -> None:
    request = RequestFactory().post("/", body, "application/json", headers={"Content-Encoding": "gzip"})
    with pytest.raises(Invalid, match="gzip"):
        read_all(request)
    request = RequestFactory().post("/", body, "application/json", headers={"Content-Encoding": "gzip"})
    opened = open_body(request)
    with pytest.raises(Invalid, match="gzip"):
        while opened.readline():
            pass


def test_a_field_without_a_value_was_not_sent():
    body = b'{"expand": null, "paths[]": [], "paths": ["a", null, true]}'
    assert read_form(RequestFactory().post("/", body, "application/json")) == {"paths": ["a", "true"]}


@pytest.fixture
def trickling() -> Iterator[HttpRequest]:
    """A request without a token, of whose body no more than a byte comes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        request = RequestFactory().post("/xet/v1/shards", b"", content_type="application/json")
        request.META |= {"gunicorn.socket": ours, "wsgi.input": ours.makefile("rb"), "CONTENT_LENGTH": "1000"}
        theirs.sendall(b"{")
        yield request
        # Why it ended can still be told.
        ours.sendall(b"400")
        assert theirs.recv(3) == b"400"


def test_nobody_keeps_a_thread_by_sending_little(trickling: HttpRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SMALL_SECONDS", 0.1)
    with pytest.raises(Invalid, match="ended before"):
        read_all(trickling)


def test_nobody_keeps_a_thread_by_being_refused(trickling: HttpRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "_DRAIN_SECONDS", 0.1)
    assert upload_shard(trickling).status_code == 401
