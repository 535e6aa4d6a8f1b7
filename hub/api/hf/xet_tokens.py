"""The way into the Xet protocol: tokens with which a client reads or writes the large content of one repository."""

from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import json_view
from hub.api.hf.downloads import note_download
from hub.api.hf.paging import flag
from hub.api.hf.targets import get_target_for_commit
from hub.core.links import base_url
from hub.repos.git.files import resolve_revision
from hub.repos.models import Repository
from hub.repos.permissions import get_repo_for_content, get_repo_for_proposing
from hub.repos.xet.tokens import Scope, issue_token, token_answer


@json_view("GET")
def read_token(request: Request, kind: str, namespace: str, name: str, revision: str) -> Response:
    """GET /api/{kind}s/{repo}/xet-read-token/{rev}."""
    repo = get_repo_for_content(request.user, kind, namespace, name)
    commit = resolve_revision(repo, revision)
    # Large files go past `resolve`: this is where their download begins.
    note_download(request._request, repo, used=[commit.oid])
    return token_response(request, repo, "read")


@json_view("GET")
def write_token(request: Request, kind: str, namespace: str, name: str, revision: str) -> Response:
    """GET /api/{kind}s/{repo}/xet-write-token/{rev}: a GET that hands out the right to write, so it needs that right."""
    if flag(request.query_params, "create_pr"):
        # The token is for the repository, and clients name no revision of a pull request that is not there yet: they
        # send the word None.
        repo = get_repo_for_proposing(request.user, kind, namespace, name)
    else:
        repo = get_target_for_commit(request.user, kind, namespace, name, revision, opens=False).repo
    return token_response(request, repo, "write")


def token_response(request: Request, repo: Repository, scope: Scope) -> Response:
    """Answer with a new token for the caller, whom a permission function has let through."""
    token = issue_token(repository=repo, user=request.user, scope=scope)
    body, headers = token_answer(base_url(request._request), token)
    return Response(body, headers={**headers, "Cache-Control": "no-store"})
