"""Wrappers for WSGI and ASGI that let `%2F` in a path mean a slash inside one segment.

The clients send a revision such as `refs/pr/3` as one percent-encoded segment. WSGI's PATH_INFO is decoded already, so
`tree/refs/pr/3/a` could be read in several ways. Here `%2F` and `%25` stay encoded in PATH_INFO, everything else is
decoded as usual, and the converters of `hub.core.converters` decode them when a segment's borders are known.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
ASGIApp = Callable[[dict[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]

_REFUSED = b'{"error": "The address holds a NUL character, which no name has. Check what was put into it."}'
_REFUSED_HEADERS = [("Content-Type", "application/json"), ("X-Error-Code", "Invalid")]
_KEPT = re.compile(rb"%(2[Ff]|25)")


def decode_path(raw: str) -> str:
    """Return PATH_INFO (latin-1 text, as WSGI wants it) for the raw request target, with `%2F` and `%25` left encoded."""
    path = raw.partition("?")[0]
    if not path.startswith("/"):
        # The absolute form, `GET http://host/path`, is legal for any server.
        path = "/" + path.partition("://")[2].partition("/")[2]
    shielded = _KEPT.sub(rb"%25\1", path.encode("latin-1"))
    return unquote_to_bytes(shielded).decode("latin-1")


def keep_encoded_slashes(app: WSGIApp) -> WSGIApp:
    """Wrap `app`. RAW_URI is what gunicorn gives, REQUEST_URI other servers; without either PATH_INFO is kept, escaped."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
        if "%00" in (raw or "") or "\0" in environ.get("PATH_INFO", ""):
            # No name holds a NUL and the database refuses it, so nothing behind here has to think of it.
            start_response("400 Bad Request", [*_REFUSED_HEADERS, ("Content-Length", str(len(_REFUSED)))])
            return [_REFUSED]
        if raw:
            environ["PATH_INFO"] = decode_path(raw)
        else:
            environ["PATH_INFO"] = environ.get("PATH_INFO", "").replace("%", "%25")
        return app(environ, start_response)

    return wrapped


def keep_encoded_slashes_asgi(app: ASGIApp) -> ASGIApp:
    """Wrap an ASGI `app` in the same way; `raw_path` is what its server gives."""

    async def wrapped(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        raw = scope.get("raw_path", b"").decode("latin-1")
        if "%00" in raw or "\0" in scope["path"]:
            headers = [(name.lower().encode(), value.encode()) for name, value in _REFUSED_HEADERS]
            headers.append((b"content-length", str(len(_REFUSED)).encode()))
            await send({"type": "http.response.start", "status": 400, "headers": headers})
            await send({"type": "http.response.body", "body": _REFUSED})
            return
        decoded = decode_path(raw).encode("latin-1").decode(errors="replace")
        path = decoded if raw else scope["path"].replace("%", "%25")
        await app({**scope, "path": path}, receive, send)

    return wrapped
