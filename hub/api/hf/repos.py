"""Making, renaming, hiding and deleting repositories."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, writer
from hub.core.errors import Conflict, Invalid
from hub.core.links import base_url, repo_path
from hub.repos.errors import RepoExists, RepoMoved, RepoNotFound
from hub.repos.models import Kind, Repository, Visibility
from hub.repos.permissions import (
    get_namespace_for_create,
    get_repo_for_admin,
    get_repo_for_read,
    get_repo_for_write,
)
from hub.repos.services import create_repo, delete_repo, move_repo, set_visibility


@json_view("POST")
def create(request: Request) -> Response:
    """POST /api/repos/create. A repository that is there already answers 409 with its `url`, which `exist_ok` reads."""
    body = read_object(request)
    kind = _kind(body)
    name = text_of(body, "name")
    owner, _slash, last = name.rpartition("/")
    namespace = get_namespace_for_create(request.user, text_of(body, "organization") or owner or None)
    try:
        repo = create_repo(
            actor=writer(request),
            namespace=namespace,
            kind=kind,
            name=last,
            visibility=_visibility(body) or Visibility.PUBLIC,
        )
    except RepoExists as error:
        there = _visible_at(request, kind, namespace.name, last)
        if there is None:
            raise
        return Response(
            {"error": str(error), **_facts(request, there)}, status=error.status, headers={"X-Error-Code": error.code}
        )
    return Response(_facts(request, repo))


def _visible_at(request: Request, kind: str, namespace: str, name: str) -> Repository | None:
    try:
        return get_repo_for_read(request.user, kind, namespace, name)
    except RepoMoved as moved:
        # To whoever asked with `exist_ok`, the repository that the name leads to is the one that exists.
        return get_repo_for_read(request.user, kind, *moved.full_name.split("/"))
    except RepoNotFound:
        return None


def _for_admin(request: Request, kind: str, namespace: str, name: str) -> Repository:
    """Return the repository that the body names. An old name is refused: no redirect could correct it."""
    try:
        return get_repo_for_admin(request.user, kind, namespace, name)
    except RepoMoved as moved:
        raise Conflict(f"{namespace}/{name} is called {moved.full_name} now. Use that name.") from None


def _facts(request: Request, repo: Repository) -> dict[str, Any]:
    url = base_url(request._request) + repo_path(repo.kind, repo.full_name)
    return {"url": url, "name": repo.full_name, "id": str(repo.pk), "private": repo.private}


@json_view("DELETE")
def delete(request: Request) -> Response:
    """DELETE /api/repos/delete."""
    body = read_object(request)
    owner, _slash, name = text_of(body, "name").rpartition("/")
    namespace = text_of(body, "organization") or owner or request.user.get_username()
    delete_repo(repo=_for_admin(request, _kind(body), namespace, name), actor=writer(request))
    return Response({})


@json_view("POST")
def move(request: Request) -> Response:
    """POST /api/repos/move: `fromRepo` and `toRepo` are full names."""
    body = read_object(request)
    kind = _kind(body)
    old_namespace, old_name = _full_name(body, "fromRepo")
    new_namespace, new_name = _full_name(body, "toRepo")
    repo = _for_admin(request, kind, old_namespace, old_name)
    namespace = get_namespace_for_create(request.user, new_namespace)
    move_repo(repo=repo, actor=writer(request), namespace=namespace, name=new_name)
    return Response(_facts(request, repo))


@json_view("PUT")
def settings(request: Request, kind: str, namespace: str, name: str) -> Response:
    """PUT /api/{kind}s/{repo}/settings: `visibility`, or the older `private`."""
    repo = get_repo_for_admin(request.user, kind, namespace, name)
    body = read_object(request)
    if body.get("gated"):
        raise Invalid("This hub has no gated repositories yet. Make it private, and add members to its organization.")
    if visibility := _visibility(body):
        set_visibility(repo=repo, actor=writer(request), visibility=visibility)
    return Response({"private": repo.private, "gated": False})


@json_view("GET")
def check_read(request: Request, kind: str, namespace: str, name: str) -> Response:
    """GET /api/{kind}s/{repo}/auth-check."""
    get_repo_for_read(request.user, kind, namespace, name)
    return Response({})


@json_view("GET")
def check_write(request: Request, kind: str, namespace: str, name: str) -> Response:
    """GET /api/{kind}s/{repo}/auth-check/write."""
    get_repo_for_write(request.user, kind, namespace, name)
    return Response({})


def _kind(body: dict[str, Any]) -> str:
    kind = text_of(body, "type") or Kind.MODEL
    if kind not in Kind.values:
        raise Invalid(f"This hub holds models and datasets; it has no repositories of type {kind[:40]}.", field="type")
    return kind


def _full_name(body: dict[str, Any], key: str) -> tuple[str, str]:
    namespace, _slash, name = text_of(body, key).partition("/")
    if not namespace or not name:
        raise Invalid(f"{key} is a full name, such as ada/notes.", field=key)
    return namespace, name


def _visibility(body: dict[str, Any]) -> str | None:
    """Return the visibility that was asked for, in the newer or the older way; None where nothing was."""
    if asked := text_of(body, "visibility"):
        if asked not in Visibility.values:
            raise Invalid("visibility is public or private.", field="visibility")
        return asked
    match body.get("private"):
        case None:
            return None
        case bool() as private:
            return Visibility.PRIVATE if private else Visibility.PUBLIC
        case _:
            raise Invalid("private is true or false.", field="private")
