"""Streams on a thread: items as they come, signs of life, callers who hang up, and how many may be open."""

import asyncio
import gc
import io
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.test import RequestFactory

from hub.core.errors import Unavailable
from hub.core.streaming import CallerGone, EventStream, Streamed, event_response, sse, stream_events

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end and the caller's end of a connection."""
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


class Watched:
    """Numbers, so many seconds apart, whose stream notes how it ended."""

    def __init__(self, ours: socket.socket | None = None, *, count: int = 3, pause: float = 0.0) -> None:
        self.count, self.pause = count, pause
        self.gone = 0
        self.closed = False
        request = RequestFactory().get("/")
        if ours is not None:
            request.META["gunicorn.socket"] = ours
        self.streamed: Streamed[int] = Streamed(
            request, self.numbers, on_gone=self.note, is_last=lambda number: number == count - 1
        )

    def note(self) -> None:
        self.gone += 1

    async def numbers(self) -> AsyncIterator[int]:
        try:
            for number in range(self.count):
                await asyncio.sleep(self.pause)
                yield number
        finally:
            self.closed = True


def test_items_come_to_their_end() -> None:
    watched = Watched()
    found = []
    with pytest.raises(StopIteration):
        while True:
            found.append(watched.streamed.next())
    watched.streamed.close()
    assert found == [0, 1, 2]
    assert (watched.gone, watched.closed) == (0, True)


def test_a_caller_who_hangs_up_is_noticed_at_once(line: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = line
    watched = Watched(ours, pause=120)
    theirs.close()
    began = time.monotonic()
    with pytest.raises(CallerGone):
        watched.streamed.next()
    assert time.monotonic() - began < 100
    watched.streamed.close()
    assert (watched.gone, watched.closed) == (1, True)


def test_what_else_a_caller_sends_is_no_end(line: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = line
    theirs.sendall(b"GET /next HTTP/1.1\r\n")
    watched = Watched(ours, pause=0.05)
    assert watched.streamed.next() == 0
    watched.streamed.close()
    # The next request is still there for the server to read.
    assert ours.recv(100).startswith(b"GET /next")


def test_a_stream_that_is_let_go_before_its_end_was_given_up() -> None:
    watched = Watched(pause=0.01)
    assert watched.streamed.next() == 0
    watched.streamed.close()
    watched.streamed.close()
    assert (watched.gone, watched.closed) == (1, True)


def test_who_hangs_up_with_the_last_item_gives_nothing_up(line: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = line
    watched = Watched(ours, count=1)
    assert watched.streamed.next() == 0
    theirs.close()
    watched.streamed.close()
    assert (watched.gone, watched.closed) == (0, True)


def test_signs_of_life_stand_between_slow_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.streaming.BEAT_SECONDS", 0.05)
    watched = Watched(count=1, pause=0.2)
    response = event_response(EventStream(watched.streamed, lambda number: sse({"n": number}, number="7-1")))
    pieces = list(response)
    response.close()
    assert pieces[0] == b":\n\n"
    assert pieces[-1] == b'id: 7-1\ndata: {"n":1}\n\n'.replace(b'"n":1', b'"n":0')
    assert response["Cache-Control"] == "no-store"


def test_streams_take_half_of_the_threads_and_give_them_back() -> None:
    open_streams = [Watched() for _ in range(settings.WEB_THREADS // 2)]
    with pytest.raises(Unavailable) as refused:
        Watched()
    assert refused.value.retry_after > 0
    for watched in open_streams:
        watched.streamed.close()
    Watched().streamed.close()


class OnALoop:
    """The same numbers, as an ASGI server asks for them."""

    def __init__(self, *, count: int = 3, pause: float = 0.0) -> None:
        self.count, self.pause = count, pause
        self.gone = 0
        self.closed = False
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        self.response: StreamingHttpResponse = stream_events(
            ASGIRequest(scope, io.BytesIO()),
            self.numbers,
            lambda number: sse({"n": number}),
            on_gone=self.note,
            is_last=lambda number: number == count - 1,
        )

    note = Watched.note
    numbers = Watched.numbers

    def read(self, most: int = 100) -> list[bytes]:
        """Read up to so many pieces, then hang up; the server closes the answer from a thread."""

        async def run() -> list[bytes]:
            found = []
            async for piece in self.response:
                found.append(piece)
                if len(found) == most:
                    break
            await asyncio.to_thread(self.response.close)
            await asyncio.sleep(0.05)
            return found

        return asyncio.run(run())


def test_a_loop_gives_the_same_items_to_their_end() -> None:
    asked = OnALoop()
    assert asked.read() == [sse({"n": number}) for number in range(3)]
    assert (asked.gone, asked.closed) == (0, True)


def test_a_loop_notices_who_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.streaming.BEAT_SECONDS", 0.02)
    asked = OnALoop(pause=120)
    assert asked.read(2) == [b":\n\n", b":\n\n"]
    assert (asked.gone, asked.closed) == (1, True)


def test_streams_of_a_loop_have_places_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.streaming._loops", threading.BoundedSemaphore(1))
    first = OnALoop()
    with pytest.raises(Unavailable):
        OnALoop()
    first.response.close()
    # One that nobody ever reads gives its place back as well.
    OnALoop()
    gc.collect()
    assert OnALoop().read()
