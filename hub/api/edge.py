"""What every view of the API is wrapped in: who speaks, in which language, and how a refusal leaves.

The API speaks English whatever the caller's Accept-Language: its words end up in logs, issues and error reports.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from rest_framework.decorators import api_view
from rest_framework.request import Request

from hub.accounts.models import User
from hub.api.authentication import user_of_request
from hub.api.errors import MethodNotAllowed, respond_to

View = Callable[..., HttpResponseBase]


def json_view(*methods: str) -> Callable[[View], View]:
    """A JSON endpoint for these methods. Tokens only; errors by `hub.api.errors`."""

    def decorate(view: View) -> View:
        return edge_of(api_view(list(methods))(view), *methods)

    return decorate


def edge_of(endpoint: View, *methods: str) -> View:
    """Wrap what DRF made of a view: other methods than these are refused as everything else is."""

    @csrf_exempt
    @wraps(endpoint)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override("en"):
            if request.method not in methods:
                return respond_to(MethodNotAllowed(list(methods)), request)
            return endpoint(request, *args, **kwargs)

    return wrapped


def writer(request: Request | HttpRequest) -> User:
    """Return the caller, whom a permission function has let write: somebody who is signed in."""
    assert isinstance(request.user, User)
    return request.user


def plain_view(*methods: str) -> Callable[[View], View]:
    """A plain Django endpoint for these methods, errors by `hub.api.errors`. Nobody is asked who they are."""

    def decorate(view: View) -> View:
        @csrf_exempt  # Only a token or a signed address opens what writes; browsers send neither by themselves.
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with translation.override("en"):
                try:
                    if request.method not in methods:
                        raise MethodNotAllowed(list(methods))
                    return view(request, *args, **kwargs)
                except Exception as error:
                    return respond_to(error, request)

        return wrapped

    return decorate


def stream_view(*methods: str, session: bool = False) -> Callable[[View], View]:
    """An endpoint that reads or sends a stream: a `plain_view` that knows who speaks.

    session: without an Authorization header a browser's log-in counts; for reading only.
    """

    def decorate(view: View) -> View:
        @plain_view(*methods)
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not session or "Authorization" in request.headers:
                # A browser's log-in must not speak where the header turns out to open nothing.
                request.user = AnonymousUser()
                request.user = user_of_request(request)
            return view(request, *args, **kwargs)

        return wrapped

    return decorate
