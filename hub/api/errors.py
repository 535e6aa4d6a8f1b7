"""Refusals as the client family reads them: status, `X-Error-Code`, `X-Error-Message`, and a JSON object."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from hub.core.errors import HubError
from hub.repos.errors import EntryNotFound, RepoMoved, RepoNotFound

# The client recognises a bad token by this sentence.
BAD_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105


def headers_of(error: HubError) -> dict[str, str]:
    """Return the headers by which clients tell refusals apart: most of their probes are HEAD and see no body."""
    headers = {"X-Error-Code": error.code, "X-Error-Message": header_text(error.message)}
    if isinstance(error, EntryNotFound) and error.commit:
        # Lets the client remember, for this commit, that the file is not there.
        headers["X-Repo-Commit"] = error.commit
    return headers


def header_text(message: str) -> str:
    """Return `message` in what a header may hold: one line of ASCII."""
    return " ".join(message.split()).replace("“", '"').replace("”", '"').encode("ascii", "replace").decode()[:500]


def status_of(error: HubError, *, signed_in: bool) -> int:
    """Return the HTTP status; what an anonymous caller may not see is 401, so that tools ask for a token."""
    if isinstance(error, RepoNotFound) and not signed_in:
        return 401
    return error.status


def refusal(error: HubError, request: HttpRequest) -> HttpResponse:
    """Answer a plain Django view's HubError."""
    if isinstance(error, RepoMoved):
        return HttpResponse(status=307, headers={"Location": moved_to(request, error)})
    signed_in = request.user.is_authenticated
    body = {"error": error.message} | ({"field": error.field} if error.field else {})
    return JsonResponse(body, status=status_of(error, signed_in=signed_in), headers=headers_of(error))


def moved_to(request: HttpRequest, error: RepoMoved) -> str:
    """Return the request's own address with the repository's new name in place of the old one, query kept."""
    match = request.resolver_match
    assert match is not None
    old = f"{match.kwargs['namespace']}/{match.kwargs['name']}"
    raw, _, query = request.get_full_path().partition("?")
    return raw.replace(old, error.full_name, 1) + (f"?{query}" if query else "")


def answer(error: Exception, context: dict[str, Any]) -> Response | HttpResponse | None:
    """DRF's exception handler."""
    request = context["request"]
    if isinstance(error, HubError):
        set_rollback()
        return refusal(error, request._request)
    if isinstance(error, exceptions.AuthenticationFailed):
        return Response(
            {"error": BAD_TOKEN}, status=401, headers={"X-Error-Message": BAD_TOKEN, "WWW-Authenticate": "Bearer"}
        )
    if isinstance(error, exceptions.APIException):
        set_rollback()
        message = str(error.detail)
        return Response({"error": message}, status=error.status_code, headers={"X-Error-Message": header_text(message)})
    return None
