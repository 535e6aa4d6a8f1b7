"""What a repository is, at a revision."""

from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import json_view
from hub.api.errors import AddressNotFound
from hub.api.hf import shapes
from hub.repos.errors import RepoNotFound
from hub.repos.git.history import list_folder, resolve_revision
from hub.repos.names import RESERVED_REPOS
from hub.repos.permissions import get_repo_for_read


@json_view("GET")
def info(request: Request, kind: str, namespace: str, name: str, revision: str = "main") -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    commit = resolve_revision(repo, revision)
    files = [f for f in list_folder(repo, commit, recursive=True) if not f.is_folder]
    return Response(
        {
            "id": repo.full_name,
            "sha": commit.oid,
            "createdAt": shapes.date(repo.created_at),
            "siblings": [{"rfilename": f.path} for f in files],
            "tags": [],
            "private": repo.private,
        }
    )


@json_view("GET", "POST", "PUT", "DELETE")
def short_name(request: Request, kind: str, name: str, rest: str = "") -> Response:
    """A repository without a namespace: clients ask for such old names, and there are none here."""
    if rest and rest.partition("/")[0] not in RESERVED_REPOS:
        raise AddressNotFound
    raise RepoNotFound(f'There is no {kind} "{name}": names here have the form owner/name.')
