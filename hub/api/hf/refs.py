"""Branches, tags, pull requests' refs, and history."""

from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, writer
from hub.api.hf import shapes
from hub.api.hf.paging import flag, number, page
from hub.api.hf.paths import api_path
from hub.repos.git.files import resolve_revision
from hub.repos.git.history import history
from hub.repos.models import GitRef
from hub.repos.models.git import BRANCH_PREFIX, TAG_PREFIX, number_of_ref
from hub.repos.models.release import MAX_RELEASE_NOTES
from hub.repos.permissions import get_repo_for_read, get_repo_for_write
from hub.repos.releases import create_tag, delete_tag
from hub.repos.services import create_branch, delete_branch

COMMITS_PER_PAGE = 50


@json_view("GET")
def refs(request: Request, kind: str, namespace: str, name: str) -> Response:
    """GET /api/{kind}s/{repo}/refs."""
    repo = get_repo_for_read(request.user, kind, namespace, name)
    rows = list(GitRef.objects.filter(repository=repo).order_by("name"))
    answer: dict[str, list[dict[str, str]]] = {
        "branches": [_ref(row, BRANCH_PREFIX) for row in rows if row.name.startswith(BRANCH_PREFIX)],
        "converts": [],
        "tags": [_ref(row, TAG_PREFIX) for row in rows if row.name.startswith(TAG_PREFIX)],
    }
    if flag(request.query_params, "include_prs"):
        pulls = sorted((number, row) for row in rows if (number := number_of_ref(row.name)) is not None)
        answer["pullRequests"] = [_ref(row, "") for _number, row in pulls]
    return Response(answer)


def _ref(row: GitRef, prefix: str) -> dict[str, str]:
    return {"name": row.name.removeprefix(prefix), "ref": row.name, "targetCommit": row.commit}


@json_view("GET")
def commits(request: Request, kind: str, namespace: str, name: str, revision: str) -> Response:
    """GET /api/{kind}s/{repo}/commits/{rev}: newest first. Later pages name the commit that the first one began with."""
    repo = get_repo_for_read(request.user, kind, namespace, name)
    head = resolve_revision(repo, revision)
    limit = number(request.query_params, "limit", default=COMMITS_PER_PAGE, low=1, high=1000)
    start = number(request.query_params, "p", default=0, high=10**9) * limit
    rows = list(history(repo, head)[start : start + limit + 1])
    following = start // limit + 1 if len(rows) > limit else None
    shown = [shapes.commit(row) for row in rows[:limit]]
    return page(request, shown, path=api_path(repo, "commits", head.oid), p=following)


@json_view("POST", "DELETE")
def branch(request: Request, kind: str, namespace: str, name: str, branch: str) -> Response:
    """POST (`startingPoint`) or DELETE /api/{kind}s/{repo}/branch/{branch}."""
    repo = get_repo_for_write(request.user, kind, namespace, name)
    if request.method == "DELETE":
        delete_branch(repo=repo, actor=writer(request), name=branch)
    else:
        start = text_of(read_object(request), "startingPoint") or "main"
        create_branch(repo=repo, actor=writer(request), name=branch, start=start)
    return Response({})


@json_view("POST", "DELETE")
def tag(request: Request, kind: str, namespace: str, name: str, revision: str) -> Response:
    """POST /api/{kind}s/{repo}/tag/{rev} makes the tag that the body names, and with a message a release of it;
    DELETE .../tag/{tag} takes both away."""
    repo = get_repo_for_write(request.user, kind, namespace, name)
    if request.method == "DELETE":
        delete_tag(repo=repo, actor=writer(request), name=revision)
        return Response({})
    body = read_object(request)
    create_tag(
        repo=repo,
        actor=writer(request),
        name=text_of(body, "tag"),
        revision=revision,
        message=text_of(body, "message", limit=MAX_RELEASE_NOTES),
    )
    return Response({})
