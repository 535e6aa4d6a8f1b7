"""Streams on a gunicorn thread: an async generator, driven by the thread that answers the request.

The thread waits for the next item, for the caller to hang up, and for the time to give a sign of life, whichever comes
first. It holds no database connection meanwhile. Streams may take half of a process's threads; whoever comes then is asked
to come back, so that pages go on being served.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext as _

from hub.core.errors import Unavailable

T = TypeVar("T")

BEAT_SECONDS = 10.0
RETRY_SECONDS = 3
_slots = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))


class CallerGone(Exception):
    """Whoever asked has hung up."""


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
        if not _slots.acquire(blocking=False):
            raise Unavailable(
                _("As many streams are open as this hub can serve at once. Try again in a few seconds."),
                retry_after=RETRY_SECONDS,
            )
        self._socket: socket.socket | None = request.META.get("gunicorn.socket")
        self._on_gone = on_gone
        self._is_last = is_last
        self._runner = asyncio.Runner()
        self._items = items()
        self._next: asyncio.Task[T] | None = None
        self._gone: asyncio.Event | None = None
        self._closed = self._ended = False
        # A thread that waits needs no connection; where one is needed again, another is taken.
        if not connection.in_atomic_block:
            connection.close()

    def next(self, seconds: float | None = None) -> T | None:
        """Return the next item; None where there is none within `seconds`. Raises StopIteration, CallerGone."""
        try:
            item = self._runner.run(self._step(seconds))
        except StopAsyncIteration:
            self._ended = True
            raise StopIteration from None
        except CallerGone:
            self._give_up()
            raise
        except BaseException:
            self._ended = True
            raise
        # Who has the last item and hangs up then gives nothing up.
        self._ended = self._ended or (item is not None and self._is_last(item))
        return item

    def close(self) -> None:
        """Let everything go. An open stream that is closed before its end was given up by its caller."""
        if self._closed:
            return
        self._closed = True
        _slots.release()
        try:
            self._runner.run(self._stop())
        finally:
            self._runner.close()
        self._give_up()

    def _give_up(self) -> None:
        if not self._ended:
            self._ended = True
            self._on_gone()

    async def _step(self, seconds: float | None) -> T:
        gone = self._watched()
        if self._next is None:
            self._next = asyncio.ensure_future(_advance(self._items))
        hung_up = asyncio.ensure_future(gone.wait())
        try:
            await asyncio.wait({self._next, hung_up}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hung_up.cancel()
        if self._next.done():
            task, self._next = self._next, None
            return task.result()
        if gone.is_set():
            raise CallerGone
        return None  # type: ignore[return-value]

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
        if self._next is not None:
            self._next.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
                await self._next
        with contextlib.suppress(Exception):
            await self._items.aclose()  # type: ignore[attr-defined]


async def _advance(items: AsyncIterator[T]) -> T:
    return await anext(items)


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


def event_response(events: EventStream[T]) -> StreamingHttpResponse:
    """Return the answer that carries events; nothing on the way may keep or hold them."""
    response = StreamingHttpResponse(events, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def sse(data: Any, *, number: str = "") -> bytes:
    """Return one event: its id, where it has one, and its data as JSON (text stays as it is)."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return (f"id: {number}\n" if number else "").encode() + f"data: {text}\n\n".encode()
