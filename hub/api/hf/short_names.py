"""Repositories by a short name (`gpt2`), as old scripts ask for them: redirected to the full name, method and query kept."""

from typing import NoReturn

from django.http import HttpRequest
from rest_framework.request import Request

from hub.api.edge import json_view, stream_view
from hub.repos.permissions import get_repo_by_short_name


@json_view("GET", "POST", "PUT", "DELETE")
def call(request: Request, kind: str, name: str, word: str = "", rest: str = "") -> NoReturn:
    """/api/{kind}s/{name}[/{word}[/...]]."""
    get_repo_by_short_name(request.user, kind, name)


@stream_view("GET", "HEAD", session=True)
def resolve(request: HttpRequest, kind: str, name: str, revision: str, path: str) -> NoReturn:
    """[/{kind}s]/{name}/resolve/{rev}/{path}. A browser's log-in counts, as it does behind the redirect."""
    get_repo_by_short_name(request.user, kind, name)


@stream_view("GET", "HEAD", "POST", "PUT")
def git(request: HttpRequest, kind: str, name: str, rest: str = "") -> NoReturn:
    """[/{kind}s]/{name}[.git]/..., for git and git-lfs."""
    get_repo_by_short_name(request.user, kind, name)
