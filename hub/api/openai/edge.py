"""What every inference call is wrapped in: a token of somebody, English, and refusals as the callers' tools read them.

OpenAI's tools read `{"error": {"message", "type", "param", "code"}}`, the task calls' tools `{"error": "..."}`.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from hub.accounts.models import Someone, User
from hub.api.authentication import user_of_request
from hub.api.edge import View, stream_view
from hub.api.errors import MethodNotAllowed, Unexpected, header_text, named
from hub.core.errors import HubError, NotFound, SignInNeeded, TooMany, Unavailable
from hub.core.streaming import CallerGone
from hub.repos.errors import RepoMoved, RepoNotFound
from hub.repos.models import Kind, Repository
from hub.repos.permissions import get_repo_for_content
from workers.contracts import FailureCode

log = logging.getLogger(__name__)

# Nobody reads what is answered to a caller who has hung up; the number is for our own log.
GONE_STATUS = 499
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {
    "BadToken": "invalid_api_key",
    "SignInNeeded": "invalid_api_key",
    "RepoNotFound": "model_not_found",
    "RevisionNotFound": "model_not_found",
    "BadParameter": "invalid_value",
    str(FailureCode.PROMPT_TOO_LONG): "context_length_exceeded",
}


def openai_view(*methods: str) -> Callable[[View], View]:
    """An endpoint below `/v1/`, for callers with a token."""

    def decorate(view: View) -> View:
        @csrf_exempt  # Only a token opens it; browsers send none by themselves.
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with translation.override("en"):
                try:
                    # A browser's log-in does not speak here.
                    request.user = AnonymousUser()
                    request.user = user_of_request(request)
                    caller(request)
                    if request.method not in methods:
                        raise MethodNotAllowed(list(methods))
                    return view(request, *args, **kwargs)
                except CallerGone:
                    return JsonResponse({}, status=GONE_STATUS)
                except Exception as error:
                    return refuse(error, request)

        return wrapped

    return decorate


def task_view(*methods: str) -> Callable[[View], View]:
    """An endpoint below `/models/`. Its view asks for the caller where it needs one."""

    def decorate(view: View) -> View:
        @stream_view(*methods)
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except CallerGone:
                return JsonResponse({}, status=GONE_STATUS)

        return wrapped

    return decorate


def caller(request: HttpRequest) -> User:
    """Return who speaks. Raises SignInNeeded for nobody in particular, and for a worker's token."""
    if not isinstance(request.user, User):
        raise SignInNeeded(
            "This call takes an access token: Authorization: Bearer grove_... Make one under Settings, Access tokens."
        )
    return request.user


def model_of(user: Someone, full_name: str) -> Repository:
    """Return the model of that name, or of that former name, whose files `user` may fetch. Raises RepoNotFound, GatedRepo."""
    owner, _slash, name = full_name.partition("/")
    try:
        return get_repo_for_content(user, Kind.MODEL, owner, name)
    except RepoMoved as moved:
        return get_repo_for_content(user, Kind.MODEL, *moved.full_name.split("/", 1))


def refuse(error: Exception, request: HttpRequest) -> JsonResponse:
    """Return the answer for whatever was raised, in OpenAI's shape."""
    refused = named(error)
    if isinstance(refused, Unexpected) or (refused is not error and isinstance(refused, Unavailable)):
        log.error("%s %s failed", request.method, request.path, exc_info=error)
    if isinstance(refused, RepoMoved):
        refused = NotFound(f"This model is called {refused.full_name} now.")
    response = JsonResponse({"error": error_object(refused)}, status=refused.status)
    response["X-Error-Code"] = refused.code
    response["X-Error-Message"] = header_text(refused.message)
    if isinstance(refused, TooMany | Unavailable):
        response["Retry-After"] = str(refused.retry_after)
    if refused.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(refused, MethodNotAllowed):
        response["Allow"] = ", ".join(refused.allowed)
    return response


def error_object(refused: HubError) -> dict[str, Any]:
    """Return what stands under `error`."""
    server = "server_error" if refused.status >= 500 else "invalid_request_error"
    return {
        "message": refused.message,
        "type": _TYPES.get(refused.status, server),
        "param": refused.field or ("model" if isinstance(refused, RepoNotFound) else None),
        "code": _CODES.get(refused.code, refused.code),
    }
