"""The id under which everything is logged that one request brings about: here, in the hub worker's tasks and in the jobs.

The caller's `X-Request-Id` is taken where it is sane, else one is made; every answer carries it.
"""

import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from workers.contracts import NO_REQUEST, REQUEST_ID_HEADER

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
ASGIApp = Callable[[dict[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]

# Where the WSGI environment keeps it.
ENVIRON = "grove.request_id"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_current: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)


def current() -> str:
    """Return the id of what is being done; NO_REQUEST where nothing is."""
    return _current.get()


def choose(given: str) -> str:
    """Return the caller's id if it is sane, else a new one."""
    return given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex


def begin(request_id: str) -> None:
    """Log under this id from now on, in this thread."""
    _current.set(request_id)


@contextmanager
def using(request_id: str) -> Iterator[None]:
    """Log under this id for the length of the block."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


class RequestIdFilter(logging.Filter):
    """Gives every log record the id of what it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            # Django logs a failed answer when the middleware is through with it, and hands the request along.
            record.request_id = getattr(getattr(record, "request", None), "request_id", None) or current()
        return True


def identified(app: WSGIApp) -> WSGIApp:
    """Wrap `app`: each request has an id before anything looks at it, and whatever answers, the answer carries it.

    The id stays with the thread until its next request, so that what is said while an answer is sent has it, too.
    """

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        chosen = choose(environ.get("HTTP_X_REQUEST_ID", ""))
        environ[ENVIRON] = chosen
        begin(chosen)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if not any(name.lower() == REQUEST_ID_HEADER.lower() for name, _value in headers):
                headers = [*headers, (REQUEST_ID_HEADER, chosen)]
            return start_response(status, headers, *more)

        return app(environ, start)

    return wrapped


def identified_asgi(app: ASGIApp) -> ASGIApp:
    """Wrap an ASGI `app` in the same way. The id takes the place of what the caller sent, where the middleware reads it."""
    name = REQUEST_ID_HEADER.lower().encode()

    async def wrapped(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        others = [(key, value) for key, value in scope["headers"] if key != name]
        given = next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
        chosen = choose(given)
        begin(chosen)

        async def sent(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", [])]
                if not any(key.lower() == name for key, _value in headers):
                    message = {**message, "headers": [*headers, (name, chosen.encode())]}
            await send(message)

        await app({**scope, "headers": [*others, (name, chosen.encode())]}, receive, sent)

    return wrapped
