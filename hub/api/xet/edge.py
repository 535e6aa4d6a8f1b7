"""What all Xet endpoints share: the token, the request body, and addresses of any generation, which mean the same."""

from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from hub.api.bodies import content_length, in_time
from hub.api.edge import View, plain_view
from hub.api.errors import LengthRequired
from hub.core.bodies import Reader, drain
from hub.core.errors import TooLarge
from hub.repos.xet import xorb
from hub.repos.xet.access import Access, authorize
from hub.repos.xet.errors import TokenInvalid

# Whoever sends more slowly than a megabyte a second may find the connection closed, and no reason.
_DRAIN_SECONDS = 60


class Body:
    """A request body of known length, read from the socket as it comes and never held. Raises LengthRequired where it comes
    in pieces."""

    def __init__(self, request: HttpRequest) -> None:
        announced = content_length(request)
        if announced is None and "HTTP_TRANSFER_ENCODING" in request.META:
            raise LengthRequired("Send the upload with a Content-Length.")
        self.length = self._left = announced or 0
        self._stream: Reader = request.META["wsgi.input"]

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data

    def read_all(self, limit: int) -> bytes:
        """Return all of it. Raises TooLarge above `limit` bytes."""
        if self.length > limit:
            raise TooLarge(f"This request has {self.length} bytes; it takes up to {limit}.")
        return self.read(self.length)


def reader(view: View) -> View:
    """Make a GET endpoint of `view(request, access, ...)` that takes a Xet token."""

    @plain_view("GET")
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, generation: int = 0, **kwargs: Any) -> HttpResponseBase:
        return view(request, _access(request, write=False), *args, **kwargs)

    return wrapped


def upload(view: View) -> View:
    """Make a POST endpoint of `view(body, access, ...)` that takes a Xet token for writing."""

    @plain_view("POST")
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, generation: int = 0, **kwargs: Any) -> HttpResponseBase:
        body = Body(request)
        try:
            return view(body, _access(request, write=True), *args, **kwargs)
        except Exception:
            with in_time(request, seconds=_DRAIN_SECONDS):
                drain(body, xorb.MAX_BODY)
            raise

    return wrapped


def _access(request: HttpRequest, *, write: bool) -> Access:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text:
        raise TokenInvalid("Send the Xet token of the repository as a bearer token.")
    return authorize(text.strip(), write=write)
