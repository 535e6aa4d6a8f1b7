"""Reading what callers send. Django itself reads nothing of a chunked body, so all of it comes from `wsgi.input` here."""

import gzip
import io
import json
import math
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs

from django.http import HttpRequest
from rest_framework.request import Request

from hub.core.errors import Invalid, TooLarge
from hub.core.text import texts_in

MAX_JSON = 4 * 1024 * 1024  # bytes
MAX_FORM_FIELDS = 20_000
# Seconds without a byte after which a caller counts as gone.
SILENCE_SECONDS = 120
# Those in which all of a small body has to come.
SMALL_SECONDS = 120


def content_length(request: HttpRequest) -> int | None:
    """Return the length that the caller announced, None where they did not."""
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdecimal() else None


class _Body(io.RawIOBase):
    """The request's body as a file that ends where the body does."""

    def __init__(self, request: HttpRequest) -> None:
        self._input: BinaryIO = request.META["wsgi.input"]
        chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
        # None: until the server says that the last chunk has come.
        self._left = None if chunked else content_length(request) or 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = len(buffer) if self._left is None else min(len(buffer), self._left)
        try:
            piece = self._input.read(wanted) if wanted else b""
        except OSError as error:
            raise _ended_early() from error
        if self._left is not None:
            self._left -= len(piece)
            if wanted and not piece:
                # Half of what was announced must never pass for the whole.
                raise _ended_early()
        buffer[: len(piece)] = piece
        return len(piece)


def _ended_early() -> Invalid:
    return Invalid("The request ended before its body was complete, so nothing was stored. Send it again.")


class _Unpacked(gzip.GzipFile):
    """What a gzip body holds. Damage in it raises Invalid, wherever it is found: the library has three errors for it."""

    def read(self, size: int | None = -1) -> bytes:
        with _damage_named():
            return super().read(size)

    def readline(self, size: int | None = -1) -> bytes:
        with _damage_named():
            return super().readline(size)


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise Invalid("The body is said to be gzip, and cannot be unpacked.") from error


@contextmanager
def in_time(request: HttpRequest | Request, *, seconds: float) -> Iterator[None]:
    """Read what the caller sends, in this block. Who has fallen silent counts as gone, and so does one who is not done after
    `seconds`: with a byte now and then anybody could keep a thread for ever."""
    line: socket.socket | None = request.META.get("gunicorn.socket")
    if line is None:
        yield
        return
    # It stays, for the answer: nobody may keep a thread by not reading it either.
    line.settimeout(SILENCE_SECONDS)
    timer = threading.Timer(seconds, _stop_listening, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _stop_listening(line: socket.socket) -> None:
    # Whoever reads just now finds the end of the body; the answer can still be sent.
    with suppress(OSError):
        line.shutdown(socket.SHUT_RD)


def open_body(request: HttpRequest | Request) -> BinaryIO:
    """Open the body for reading, unpacked where it came as gzip. Memory: one buffer. Raises Invalid for other encodings."""
    plain = request._request if isinstance(request, Request) else request
    body = cast(BinaryIO, io.BufferedReader(_Body(plain), 256 * 1024))
    encoding = plain.headers.get("Content-Encoding", "identity").lower()
    if encoding == "gzip":
        return cast(BinaryIO, _Unpacked(fileobj=body))
    if encoding not in ("identity", ""):
        raise Invalid("The body's Content-Encoding is not known here. Send it as it is, or as gzip.")
    return body


def read_all(request: HttpRequest | Request, *, limit: int = MAX_JSON) -> bytes:
    """Return a small body whole. Raises TooLarge, Invalid."""
    try:
        with in_time(request, seconds=SMALL_SECONDS):
            content = open_body(request).read(limit + 1)
    except OSError as error:
        raise Invalid("The body could not be read to its end.") from error
    if len(content) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes. Send it in smaller parts.")
    return content


def read_object(request: HttpRequest | Request) -> dict[str, Any]:
    """Return the JSON object that was sent; an empty body counts as an empty object. Raises Invalid, TooLarge."""
    content = read_all(request)
    return parse_object(content) if content.strip() else {}


def parse_object(content: bytes) -> dict[str, Any]:
    """Return the JSON object in `content`. Raises Invalid where it is none, or holds text or numbers that cannot be stored."""
    try:
        # Given bytes, the library guesses among encodings, and takes half a surrogate pair for text.
        text = content.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_finite, parse_float=_finite)
        # Escapes can spell what no text holds: half a surrogate pair, and NUL, which the database refuses.
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
            if "\\u0000" in text and "\0" in texts_in(value):
                raise ValueError("NUL")
    except (ValueError, RecursionError) as error:
        raise Invalid("What was sent is not valid JSON in UTF-8, or holds characters that no text may have.") from error
    if not isinstance(value, dict):
        raise Invalid("What was sent is not a JSON object.")
    return value


def _finite(text: str) -> float:
    """Return a number; NaN and infinities, which Python reads, are no JSON, and the database refuses them."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def read_form(request: HttpRequest | Request) -> dict[str, list[str]]:
    """Return the fields of a form-encoded (or, from other clients, JSON) body, each a list. Raises Invalid, TooLarge."""
    content = read_all(request)
    if content.lstrip()[:1] == b"{":
        fields = {key: _as_list(value) for key, value in parse_object(content).items()}
        # As in a form, what holds nothing was not sent.
        return {key: values for key, values in fields.items() if values}
    try:
        fields = parse_qs(content.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except ValueError as error:
        raise Invalid("The form that was sent is not UTF-8, or has too many fields.") from error
    if "%00" in content.decode() or "\0" in content.decode():
        raise Invalid("The form that was sent holds a NUL character.")
    return fields


def _as_list(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in values if v is not None]


def text_of(body: dict[str, Any], key: str, *, default: str = "", limit: int = 10_000) -> str:
    """Return the text at `key`; null and absent are `default`. Raises Invalid for anything else, or what is too long."""
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Invalid(f"{key} is text.", field=key)
    if len(value) > limit:
        raise Invalid(f"{key} has at most {limit} characters.", field=key)
    return value
