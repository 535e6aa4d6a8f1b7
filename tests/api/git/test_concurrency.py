"""How many fetches and pushes one caller, and all together, may have running."""

import socket

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from pytest_django import Settings

from hub.api.git.http import _body, _place
from hub.core.errors import Invalid, TooMany


def test_one_caller_leaves_room_for_others(settings: Settings) -> None:
    settings.GIT_CONCURRENCY, settings.GIT_PROCESSES = 1, 2
    requests = [RequestFactory(REMOTE_ADDR=f"192.0.2.{n}").get("/") for n in range(3)]
    for request in requests:
        request.user = AnonymousUser()
    with _place(requests[0]):
        with pytest.raises(TooMany), _place(requests[0]):
            pass
        with _place(requests[1]), pytest.raises(TooMany), _place(requests[2]):
            pass
        with _place(requests[2]):
            pass
    with _place(requests[0]):
        pass


def test_nobody_keeps_a_place_with_a_byte_now_and_then() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        request = RequestFactory().post("/", b"", content_type="application/x-git-upload-pack-request")
        request.META |= {"gunicorn.socket": ours, "wsgi.input": ours.makefile("rb"), "CONTENT_LENGTH": "100"}
        theirs.sendall(b"0000")
        with pytest.raises(Invalid, match="ended before"), _body(request, seconds=0.1) as body:
            body.read(100)
        # Why it ended can still be told.
        ours.sendall(b"400")
        assert theirs.recv(3) == b"400"
        with _body(request, seconds=60):
            pass
