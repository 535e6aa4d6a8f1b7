"""What somebody's own repositories take: the list behind `hf repos list`."""

from django.db.models import F, Sum
from django.db.models.functions import Coalesce
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.errors import AccountNotFound
from hub.accounts.models import Namespace, User
from hub.accounts.permissions import get_namespace, role_in
from hub.api.edge import json_view
from hub.api.hf.paging import number, page
from hub.api.hf.shapes import date
from hub.core.errors import Forbidden, SignInNeeded
from hub.repos.models import Repository

PER_PAGE = 500


@json_view("GET")
def own_repositories(request: Request) -> Response:
    """GET /api/settings/repositories: those under the caller's own name."""
    return _list(request, _caller(request).namespace)


@json_view("GET")
def organization_repositories(request: Request, name: str) -> Response:
    """GET /api/organizations/{name}/settings/repositories, for its members."""
    caller = _caller(request)
    namespace = get_namespace(name)
    if namespace.organization is None:
        raise AccountNotFound(f"There is no organization called {name}.")
    if role_in(caller, namespace.organization) is None:
        raise Forbidden(f"Only members of {namespace.name} see what its repositories take.")
    return _list(request, namespace)


def _caller(request: Request) -> User:
    if not isinstance(request.user, User):
        raise SignInNeeded("This list is somebody's own. Send an access token.")
    return request.user


def _list(request: Request, namespace: Namespace) -> Response:
    """Answer with a page in the order of making; `storage` in bytes, `storagePercent` of what the namespace takes."""
    repos = (
        Repository.objects.visible_to(request.user)
        .filter(namespace=namespace)
        .annotate(used=Coalesce(F("bucket_totals__size"), F("search_row__used_bytes"), 0))
    )
    start = number(request.query_params, "cursor", default=0, high=10**15 - 1)
    found = list(repos.filter(pk__gt=start).select_related("namespace").order_by("pk")[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    total = repos.aggregate(total=Sum("used"))["total"] or 0
    lines = [
        {
            "id": repo.full_name,
            "type": repo.kind,
            "updatedAt": date(repo.updated_at),
            "visibility": repo.visibility,
            "storage": repo.used,
            "storagePercent": round(100 * repo.used / total, 2) if total else 0,
        }
        for repo in shown
    ]
    return page(request, lines, cursor=shown[-1].pk if len(found) > PER_PAGE else None)
