"""Streams: one async generator, served by uvicorn where there is one, and by a gunicorn thread where there is not.

Either waits for the next item, for the caller to hang up, and for the time to give a sign of life, whichever comes first,
and holds no database connection meanwhile. On gunicorn a stream holds the thread that answers the request, so streams may
take half of a process's threads; whoever comes then is asked to come back, so that pages go on being served. Uvicorn serves
hundreds from one loop, and leaves it to the same generator.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext as _

from hub.core.errors import Unavailable
from hub.core.metrics import STREAMS

T = TypeVar("T")

BEAT_SECONDS = 10.0
RETRY_SECONDS = 3
_threads = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))
_loops = threading.BoundedSemaphore(settings.STREAMS)


class CallerGone(Exception):
    """Whoever asked has hung up."""


def _leave(places: threading.BoundedSemaphore) -> None:
    places.release()
    STREAMS.dec()


def _take(places: threading.BoundedSemaphore) -> None:
    """Take a place, and let the database go. Raises Unavailable where all are taken."""
    if not places.acquire(blocking=False):
        raise Unavailable(
            _("As many streams are open as this hub can serve at once. Try again in a few seconds."),
            retry_after=RETRY_SECONDS,
        )
    STREAMS.inc()
    # Who waits needs no connection; where one is needed again, another is taken.
    if not connection.in_atomic_block:
        connection.close()


class _Source(Generic[T]):
    """An async generator whose items are waited for with a limit, and which knows whether its end was seen.

    All but `give_up` is for the loop that drives it.
    """

    def __init__(
        self, items: AsyncIterator[T], *, on_gone: Callable[[], None], is_last: Callable[[T], bool] = lambda item: False
    ) -> None:
        self._items = items
        self._on_gone = on_gone
        self._is_last = is_last
        self._next: asyncio.Task[T] | None = None
        self._ended = False

    async def next(self, seconds: float | None, gone: asyncio.Event | None = None) -> T | None:
        """Return the next item; None where there is none within `seconds`.

        gone: set where the caller hangs up. Raises StopAsyncIteration, CallerGone.
        """
        if self._next is None:
            self._next = asyncio.ensure_future(_advance(self._items))
        waits: list[asyncio.Future[Any]] = [self._next]
        if gone is not None:
            waits.append(asyncio.ensure_future(gone.wait()))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for hung_up in waits[1:]:
                hung_up.cancel()
        if self._next.done():
            task, self._next = self._next, None
            try:
                item = task.result()
            except BaseException:
                self._ended = True
                raise
            # Who has the last item and hangs up then gives nothing up.
            self._ended = self._is_last(item)
            return item
        if gone is not None and gone.is_set():
            raise CallerGone
        return None

    async def stop(self) -> None:
        """Let everything go."""
        if self._next is not None:
            self._next.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
                await self._next
        with contextlib.suppress(Exception):
            await self._items.aclose()  # type: ignore[attr-defined]

    def give_up(self) -> None:
        """The caller is gone: say so, once, unless the end was seen."""
        if not self._ended:
            self._ended = True
            self._on_gone()


async def _advance(items: AsyncIterator[T]) -> T:
    return await anext(items)


class Streamed(Generic[T]):
    """The items of an async generator, for this thread, until they end or the caller hangs up.

    Take items with `next`. `on_gone` is called once where the caller hangs up before the end, which is the item that
    `is_last`, or the end of `items`; whoever makes this calls `close` in the end (Django does, for the content of a
    response). Raises Unavailable where all places are taken.
    """

    def __init__(
        self,
        request: HttpRequest,
        items: Callable[[], AsyncIterator[T]],
        *,
        on_gone: Callable[[], None],
        is_last: Callable[[T], bool] = lambda item: False,
    ) -> None:
        _take(_threads)
        self._socket: socket.socket | None = request.META.get("gunicorn.socket")
        self._runner = asyncio.Runner()
        self._source = _Source(items(), on_gone=on_gone, is_last=is_last)
        self._gone: asyncio.Event | None = None
        self._closed = False

    def next(self, seconds: float | None = None) -> T | None:
        """Return the next item; None where there is none within `seconds`. Raises StopIteration, CallerGone."""
        try:
            return self._runner.run(self._step(seconds))
        except StopAsyncIteration:
            raise StopIteration from None
        except CallerGone:
            self._source.give_up()
            raise

    def close(self) -> None:
        """Let everything go. An open stream that is closed before its end was given up by its caller."""
        if self._closed:
            return
        self._closed = True
        _leave(_threads)
        try:
            self._runner.run(self._stop())
        finally:
            self._runner.close()
        self._source.give_up()

    async def _step(self, seconds: float | None) -> T | None:
        return await self._source.next(seconds, self._watched())

    def _watched(self) -> asyncio.Event:
        """Return what is set when the caller hangs up."""
        if self._gone is None:
            self._gone = asyncio.Event()
            if self._socket is not None:
                asyncio.get_running_loop().add_reader(self._socket.fileno(), self._heard)
        return self._gone

    def _heard(self) -> None:
        """The caller's side of the connection has something: its end, or what is not for us (the next request)."""
        assert self._socket is not None and self._gone is not None
        try:
            ended = not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, ValueError):
            ended = True
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        if ended:
            self._gone.set()

    async def _stop(self) -> None:
        if self._socket is not None and self._gone is not None and self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
        await self._source.stop()


class EventStream(Generic[T]):
    """Server-sent events out of a stream: what `render` makes of each item, and a comment where nothing came for a while."""

    def __init__(self, streamed: Streamed[T], render: Callable[[T], bytes], *, first: list[T] | None = None) -> None:
        self._streamed = streamed
        self._render = render
        self._first = first or []

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while True:
            if self._first:
                piece = self._render(self._first.pop(0))
            else:
                try:
                    item = self._streamed.next(BEAT_SECONDS)
                except CallerGone:
                    raise StopIteration from None
                piece = b":\n\n" if item is None else self._render(item)
            if piece:
                return piece

    def close(self) -> None:
        self._streamed.close()


class LoopEventStream(Generic[T]):
    """The same on an event loop, whose server (Django's handler) tells it by `close` when the caller hangs up or has all.

    Raises Unavailable where all places are taken.
    """

    def __init__(self, source: _Source[T], render: Callable[[T], bytes]) -> None:
        self._closed = True
        _take(_loops)
        self._closed = False
        self._source = source
        self._render = render
        self._loop: asyncio.AbstractEventLoop | None = None

    def __aiter__(self) -> "LoopEventStream[T]":
        return self

    async def __anext__(self) -> bytes:
        self._loop = asyncio.get_running_loop()
        while True:
            item = await self._source.next(BEAT_SECONDS)
            if piece := b":\n\n" if item is None else self._render(item):
                return piece

    def close(self) -> None:
        """Let everything go; called from a thread, as everything is that may ask the database or the queue."""
        if self._closed:
            return
        self._closed = True
        _leave(_loops)
        if self._loop is not None and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._source.stop(), self._loop)
        self._source.give_up()

    def __del__(self) -> None:
        # A caller who hangs up while the answer is being made leaves one that nobody ever reads or closes.
        self.close()


def stream_events(
    request: HttpRequest,
    items: Callable[[], AsyncIterator[T]],
    render: Callable[[T], bytes],
    *,
    on_gone: Callable[[], None],
    is_last: Callable[[T], bool],
) -> StreamingHttpResponse:
    """Answer with server-sent events, in the way of the server that asks. Arguments and errors are those of `Streamed`."""
    if isinstance(request, ASGIRequest):
        return event_response(LoopEventStream(_Source(items(), on_gone=on_gone, is_last=is_last), render))
    return event_response(EventStream(Streamed(request, items, on_gone=on_gone, is_last=is_last), render))


def event_response(events: EventStream[T] | LoopEventStream[T]) -> StreamingHttpResponse:
    """Return the answer that carries events; nothing on the way may keep or hold them."""
    response = StreamingHttpResponse(events, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def sse(data: Any, *, number: str = "") -> bytes:
    """Return one event: its id, where it has one, and its data as JSON (text stays as it is)."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return (f"id: {number}\n" if number else "").encode() + f"data: {text}\n\n".encode()
