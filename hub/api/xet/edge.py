"""What all Xet endpoints share: the token, the request body, and refusals as JSON."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from hub.api.errors import MethodNotAllowed, respond_to
from hub.core.errors import Invalid
from hub.repos.xet import xorb
from hub.repos.xet.access import Access, authorize
from hub.repos.xet.errors import TokenInvalid
from hub.repos.xet.xorb import Reader

View = Callable[..., HttpResponseBase]

_DRAIN_BYTES = 1024 * 1024


class LengthRequired(Invalid):
    """The request has a body and does not say how long it is."""

    code = "LengthRequired"
    status = 411


class Body:
    """A request body of known length, read from the socket as it comes and never held. Raises LengthRequired."""

    def __init__(self, request: HttpRequest) -> None:
        announced = request.META.get("CONTENT_LENGTH") or ""
        if not announced.isdecimal():
            raise LengthRequired("Send the upload with a Content-Length.")
        self.length = self._left = int(announced)
        self._stream: Reader = request.META["wsgi.input"]

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data

    def drain(self) -> None:
        """Read what is left, up to the largest upload: most clients read an answer only after they have sent all."""
        self._left = min(self._left, xorb.MAX_BODY)
        while self.read(_DRAIN_BYTES):
            pass


def endpoint(method: str) -> Callable[[View], View]:
    """Make an endpoint of `view(request, ...)` for one method; whatever it raises becomes JSON.

    Nobody is asked who they are here: see `reader` and `upload`.
    """

    def decorate(view: View) -> View:
        @csrf_exempt  # Only a token or a signed address opens these; browsers send neither by themselves.
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with translation.override("en"):
                try:
                    if request.method != method:
                        raise MethodNotAllowed([method])
                    return view(request, *args, **kwargs)
                except Exception as error:
                    return respond_to(error, request)

        return wrapped

    return decorate


def reader(view: View) -> View:
    """Make a GET endpoint of `view(request, access, ...)` that takes a Xet token."""

    @endpoint("GET")
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, _access(request, write=False), *args, **kwargs)

    return wrapped


def upload(view: View) -> View:
    """Make a POST endpoint of `view(body, access, ...)` that takes a Xet token for writing."""

    @endpoint("POST")
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        body = Body(request)
        try:
            return view(body, _access(request, write=True), *args, **kwargs)
        except Exception:
            body.drain()
            raise

    return wrapped


def _access(request: HttpRequest, *, write: bool) -> Access:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text:
        raise TokenInvalid("Send the Xet token of the repository as a bearer token.")
    return authorize(text.strip(), write=write)
