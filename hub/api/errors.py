"""Refusals as the client family reads them: status, `X-Error-Code`, `X-Error-Message`, and a JSON object."""

import logging
from typing import Any

import psycopg
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions

from hub.core.errors import HubError, Invalid, NotFound, StorageFull, TooMany, Unavailable
from hub.core.links import is_git_address
from hub.repos.errors import EntryNotFound, RepoMoved, RepoNotFound, RepoTakenDown
from hub.repos.models import Kind

log = logging.getLogger(__name__)

# The client recognises a bad token by this sentence.
BAD_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105
# And by this one, in the header alone, what moderators took down.
TAKEN_DOWN = "Access to this resource is disabled."
MAX_HEADER_TEXT = 500
# How long one caller's cache may remember that a commit has no such file.
ABSENT_SECONDS = 3600
# First words of addresses of everything but models.
PREFIXES = frozenset(f"{kind}s" for kind in Kind.values if kind != Kind.MODEL)
PLAIN_QUOTES = str.maketrans("“”‘’", "\"\"''")


class BadToken(HubError):
    """The Authorization header opens nothing here."""

    code = "BadToken"
    status = 401

    def __init__(self) -> None:
        super().__init__(BAD_TOKEN)


class AddressNotFound(NotFound):
    """No such address."""

    def __init__(self) -> None:
        super().__init__("This hub does not offer this call, at least not yet. If you typed the address, check it.")


class MethodNotAllowed(HubError):
    """The address is right and the method is not."""

    code = "MethodNotAllowed"
    status = 405

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(f"This address takes {', '.join(allowed)}.")
        self.allowed = allowed


class LengthRequired(Invalid):
    """The body comes in pieces, and nobody said how long it is."""

    code = "LengthRequired"
    status = 411


class Unexpected(HubError):
    """A fault of the hub; what went wrong is in its log, under the request's id."""

    code = "InternalError"
    status = 500


def respond_to(error: Exception, request: HttpRequest) -> HttpResponse:
    """Turn whatever a view raised into the answer, and log what nobody meant to happen."""
    refused = named(error)
    if isinstance(refused, RepoMoved):
        return HttpResponse(status=307, headers={"Location": moved_to(request, refused)})
    if isinstance(refused, Unexpected) or (refused is not error and isinstance(refused, Unavailable)):
        log.error("%s %s failed", request.method, request.path, exc_info=error)
    message = refused.message.translate(PLAIN_QUOTES)
    body = {"error": message} | ({"field": refused.field} if refused.field else {})
    if "/info/lfs/" in request.path:
        body["message"] = message  # where git-lfs looks for it
    status = refused.status
    if isinstance(refused, RepoNotFound) and not request.user.is_authenticated:
        # What nobody in particular may not see is 401, so that tools ask for a token.
        status = 401
    response = HttpResponse(status=status) if request.method == "HEAD" else JsonResponse(body, status=status)
    response["X-Error-Code"] = refused.code
    # Word for word what the body says, or the client shows both.
    response["X-Error-Message"] = TAKEN_DOWN if isinstance(refused, RepoTakenDown) else header_text(message)
    if request.path.startswith("/xet/"):
        # hf_xet shows the status line of an answer and nothing else of it.
        response.reason_phrase = header_text(message)
    if isinstance(refused, EntryNotFound) and refused.commit:
        # Lets the client remember, for this commit, that the file is not there. Asked for by the commit it never will be.
        response["X-Repo-Commit"] = refused.commit
        lasting = f"/{refused.commit}/" in request.path
        response["Cache-Control"] = f"private, max-age={ABSENT_SECONDS}" if lasting else "private, no-cache"
    if isinstance(refused, MethodNotAllowed):
        response["Allow"] = ", ".join(refused.allowed)
    if isinstance(refused, Unavailable | TooMany):
        response["Retry-After"] = str(refused.retry_after)
    if status == 401:
        # Without Basic, git and git-lfs never ask for a user name and token; with it, browsers would.
        response["WWW-Authenticate"] = 'Basic realm="Grove"' if is_git_address(request.path) else "Bearer"
    return response


def named(error: Exception) -> HubError:
    """Return the named error that stands for any exception."""
    match error:
        case HubError():
            return error
        case exceptions.AuthenticationFailed() | exceptions.NotAuthenticated():
            return BadToken()
        case exceptions.APIException():
            refused = HubError(str(error.detail))
            refused.status = error.status_code
            return refused
        case Http404():
            return AddressNotFound()
        case SuspiciousOperation() | BadRequest() | MultiPartParserError() | UnreadablePostError():
            return Invalid("The request cannot be read. Check its address, headers and size.")
        case OperationalError() if isinstance(error.__cause__, psycopg.errors.DiskFull):
            return StorageFull("The hub's database is full, so nothing was stored. Ask its operator to make room.")
        case OperationalError() | InterfaceError():
            return Unavailable("The hub cannot reach its database at the moment. Try again in a few seconds.")
        case _:
            return Unexpected("Something went wrong in the hub. Tell its operator the request id.")


def header_text(message: str) -> str:
    """Return `message` as one header line: UTF-8, in the latin-1 shape in which WSGI wants its bytes."""
    line = " ".join(message.split())[:MAX_HEADER_TEXT]
    printable = "".join(c if c.isprintable() else "?" for c in line)
    return printable.encode("utf-8", "replace").decode("latin-1")


def moved_to(request: HttpRequest, error: RepoMoved) -> str:
    """Return the request's own address, relative, with the repository's name in place of the old or the short one."""
    raw, question, query = request.META.get("RAW_URI", request.get_full_path()).partition("?")
    if not raw.startswith("/"):
        # The absolute form, `GET http://host/path`.
        raw = "/" + raw.partition("://")[2].partition("/")[2]
    segments = raw.split("/")
    prefixed = 2 if segments[1] in PREFIXES else 1
    first = (4 if segments[2] == "v1" else 3) if segments[1] == "api" else prefixed
    after = first + error.asked_segments
    suffix = ".git" if segments[after - 1].endswith(".git") else ""
    segments[first:after] = [error.full_name + suffix]
    return "/".join(segments) + question + query


def answer(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's exception handler."""
    return respond_to(error, context["request"]._request)
