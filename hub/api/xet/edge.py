"""What all Xet endpoints share: the token, the request body, and refusals as JSON."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from hub.api.errors import headers_of
from hub.core.errors import HubError, Invalid
from hub.repos.xet import xorb
from hub.repos.xet.access import Access, authorize
from hub.repos.xet.errors import TokenInvalid
from hub.repos.xet.xorb import Reader

log = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]


class LengthRequired(Invalid):
    """The request has a body and does not say how long it is."""

    code = "LengthRequired"
    status = 411


class Body:
    """A request body of known length, read from the socket as it comes and never held."""

    def __init__(self, request: HttpRequest) -> None:
        try:
            self.length = int(request.META.get("CONTENT_LENGTH") or "")
        except ValueError as error:
            raise LengthRequired("Send the upload with a Content-Length.") from error
        self._stream: Reader = request.META["wsgi.input"]
        self._left = max(self.length, 0)

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data


def endpoint(method: str, *, write: bool = False) -> Callable[[View], View]:
    """Make a view of `view(request, access, ...)`: checks method and token, answers refusals as JSON."""

    def decorate(view: View) -> View:
        @csrf_exempt  # Only a token opens these, and browsers do not send it by themselves.
        @functools.wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method != method:
                return HttpResponse(status=405, headers={"Allow": method})
            try:
                return view(request, _access(request, write=write), *args, **kwargs)
            except HubError as error:
                _drain(request)
                return refusal(error)

        return wrapped

    return decorate


def refusal(error: HubError) -> JsonResponse:
    return JsonResponse({"error": error.message}, status=error.status, headers=headers_of(error))


def _access(request: HttpRequest, *, write: bool) -> Access:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text:
        raise TokenInvalid("Send the Xet token of the repository as a bearer token.")
    return authorize(text.strip(), write=write)


def _drain(request: HttpRequest) -> None:
    """Read a refused upload to its end: most clients read the answer only after they have sent all."""
    stream = request.META["wsgi.input"]
    left = min(int(request.META.get("CONTENT_LENGTH") or 0), xorb.MAX_BODY)
    while left > 0 and (block := stream.read(min(left, 1024 * 1024))):
        left -= len(block)
