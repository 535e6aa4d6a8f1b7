"""Making, renaming, hiding and deleting repositories."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, writer
from hub.core.errors import Conflict, Invalid
from hub.core.links import base_url, repo_path
from hub.repos.duplicating import duplicate_repo
from hub.repos.errors import RepoExists, RepoMoved, RepoNotFound
from hub.repos.gates import set_gate
from hub.repos.models import VERSIONED, Gate, Kind, Repository, Visibility
from hub.repos.permissions import (
    get_namespace_for_create,
    get_repo_for_admin,
    get_repo_for_content,
    get_repo_for_read,
    get_repo_for_write,
)
from hub.repos.services import check_visibility, create_repo, delete_repo, move_repo, set_visibility

# Parts of a call that speak of running a space, or of where bytes lie. Nothing of them is kept, secrets least of all.
_NOT_HERE = frozenset(
    ["hardware", "region", "resourceGroupId", "secrets", "sleepTimeSeconds", "template", "variables", "volumes"]
)


@json_view("POST")
def create(request: Request) -> Response:
    """POST /api/repos/create. A repository that is there already answers 409 with its `url`, which `exist_ok` reads."""
    body = read_object(request)
    kind = _kind(body)
    name = text_of(body, "name")
    owner, _slash, last = name.rpartition("/")
    namespace = get_namespace_for_create(request.user, text_of(body, "organization") or owner or None)
    sdk = text_of(body, "sdk") if kind == Kind.SPACE else ""
    try:
        repo = create_repo(
            actor=writer(request),
            namespace=namespace,
            kind=kind,
            name=last,
            visibility=visibility_of(body) or Visibility.PUBLIC,
            sdk=sdk,
        )
    except RepoExists as error:
        return there_already(request, error, kind, namespace.name, last)
    return made(request, repo, body)


@json_view("POST")
def duplicate(request: Request, kind: str, namespace: str, name: str) -> Response:
    """POST /api/{kind}s/{repo}/duplicate: `repository`, the full name of the copy, or its name alone. Where that is there
    already, 409 with its `url`."""
    source = get_repo_for_content(request.user, kind, namespace, name)
    body = read_object(request)
    owner, _slash, last = (text_of(body, "repository") or source.name).rpartition("/")
    target = get_namespace_for_create(request.user, owner or None)
    try:
        repo = duplicate_repo(
            source=source, actor=writer(request), namespace=target, name=last, visibility=visibility_of(body)
        )
    except RepoExists as error:
        return there_already(request, error, kind, target.name, last)
    response = made(request, repo, body)
    response.data["filesCopyPending"] = False
    return response


def made(request: Request, repo: Repository, body: dict[str, Any]) -> Response:
    """Answer for a new repository, with a warning that names what of the call this hub does not do."""
    response = Response(_facts(request, repo))
    if ignored := sorted(key for key in _NOT_HERE if body.get(key) not in (None, [], {}, "")):
        response["X-HF-Warning"] = (
            f"not-supported; This hub runs no spaces and has no regions; it ignored {', '.join(ignored)}."
        )
    return response


def there_already(request: Request, error: RepoExists, kind: str, namespace: str, name: str) -> Response:
    """Return a 409 with the `url` of what is there, where the caller may see it."""
    there = _visible_at(request, kind, namespace, name)
    if there is None:
        raise error
    return Response(
        {"error": str(error), **_facts(request, there)}, status=error.status, headers={"X-Error-Code": error.code}
    )


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
    """POST /api/repos/move: `fromRepo` and `toRepo` are full names. Buckets are moved by this call, too."""
    body = read_object(request)
    kind = _kind(body, also=Kind.BUCKET)
    old_namespace, old_name = _full_name(body, "fromRepo")
    new_namespace, new_name = _full_name(body, "toRepo")
    repo = _for_admin(request, kind, old_namespace, old_name)
    namespace = get_namespace_for_create(request.user, new_namespace)
    move_repo(repo=repo, actor=writer(request), namespace=namespace, name=new_name)
    return Response(_facts(request, repo))


@json_view("PUT")
def settings(request: Request, kind: str, namespace: str, name: str) -> Response:
    """PUT /api/{kind}s/{repo}/settings: `visibility`, or the older `private`; `gated`: "auto", "manual" or false."""
    repo = get_repo_for_admin(request.user, kind, namespace, name)
    body = read_object(request)
    visibility, gate = visibility_of(body), _gate(body)
    if visibility:
        set_visibility(repo=repo, actor=writer(request), visibility=visibility)
    if gate is not None:
        set_gate(repo=repo, actor=writer(request), gate=gate)
    return Response({"private": repo.private, "gated": repo.gate or False})


@json_view("GET")
def runtime(request: Request, namespace: str, name: str) -> Response:
    """GET /api/spaces/{repo}/runtime: what a space here always is, stored and not run. Clients that wait for one to start
    take this stage for an end, and go on."""
    get_repo_for_read(request.user, Kind.SPACE, namespace, name)
    return Response({"stage": "STOPPED", "hardware": {"current": None, "requested": None}})


@json_view("GET")
def space_templates(request: Request) -> Response:
    """GET /api/spaces/templates: there are none here."""
    return Response({"templates": []})


@json_view("GET")
def check_read(request: Request, kind: str, namespace: str, name: str) -> Response:
    """GET /api/{kind}s/{repo}/auth-check: may the caller fetch the files?"""
    get_repo_for_content(request.user, kind, namespace, name)
    return Response({})


@json_view("GET")
def check_write(request: Request, kind: str, namespace: str, name: str) -> Response:
    """GET /api/{kind}s/{repo}/auth-check/write."""
    get_repo_for_write(request.user, kind, namespace, name)
    return Response({})


def _kind(body: dict[str, Any], *, also: str = "") -> str:
    """Return the kind that the body names, one with commits or `also`. Raises Invalid."""
    kind = text_of(body, "type") or Kind.MODEL
    if kind == Kind.BUCKET != also:
        raise Invalid("Buckets have calls of their own, below /api/buckets: see `hf buckets --help`.", field="type")
    if kind not in (*VERSIONED, also):
        raise Invalid(
            f"This hub holds models, datasets, spaces and kernels; it has no repositories of type {kind[:40]}.",
            field="type",
        )
    return kind


def _full_name(body: dict[str, Any], key: str) -> tuple[str, str]:
    namespace, _slash, name = text_of(body, key).partition("/")
    if not namespace or not name:
        raise Invalid(f"{key} is a full name, such as ada/notes.", field=key)
    return namespace, name


def _gate(body: dict[str, Any]) -> str | None:
    """Return the gate that was asked for, "" for none; None where nothing was asked."""
    match body.get("gated"):
        case None:
            return None
        case False:
            return Gate.OPEN
        case Gate.AUTO | Gate.MANUAL as gate:
            return str(gate)
        case _:
            raise Invalid('gated is "auto", "manual" or false.', field="gated")


def visibility_of(body: dict[str, Any]) -> str | None:
    """Return the visibility that was asked for, in the newer or the older way; None where nothing was."""
    if asked := text_of(body, "visibility"):
        check_visibility(asked)
        return asked
    match body.get("private"):
        case None:
            return None
        case bool() as private:
            return Visibility.PRIVATE if private else Visibility.PUBLIC
        case _:
            raise Invalid("private is true or false.", field="private")
