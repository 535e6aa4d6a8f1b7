"""Who likes what, and who follows whom."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.errors import AccountNotFound
from hub.accounts.models import Namespace, User
from hub.accounts.permissions import check_may_read_hub, get_namespace
from hub.api.edge import json_view, writer
from hub.api.hf.paging import number, page
from hub.api.hf.shapes import date
from hub.community import following as services
from hub.community.models import Follow, Like
from hub.community.permissions import get_repo_for_posting
from hub.core.links import avatar_url, base_url
from hub.repos.permissions import get_repo_for_read

PER_PAGE = 500


@json_view("POST", "DELETE")
def like(request: Request, kind: str, namespace: str, name: str) -> Response:
    """POST or DELETE .../like. Doing it twice is doing it once."""
    repo = get_repo_for_posting(request.user, kind, namespace, name)
    change = services.like if request.method == "POST" else services.unlike
    change(repo=repo, actor=writer(request))
    return Response({"success": True})


@json_view("GET")
def likers(request: Request, kind: str, namespace: str, name: str) -> Response:
    """GET .../likers: people, those who liked it last at first."""
    repo = get_repo_for_read(request.user, kind, namespace, name)
    rows, cursor = _page(request, Like.objects.filter(repository=repo).select_related("user"))
    return page(request, [_person(request, row.user) for row in rows], cursor=cursor)


@json_view("GET")
def likes(request: Request, name: str) -> Response:
    """GET /api/users/{name}/likes: what somebody likes, the last at first, as far as the caller may know of it."""
    user = _user(request, name)
    found = Like.objects.visible_to(request.user).filter(user=user).select_related("repository__namespace")
    rows, cursor = _page(request, found)
    listed = [
        {
            "createdAt": date(row.created_at),
            "repo": {"name": row.repository.full_name, "type": row.repository.kind},
        }
        for row in rows
    ]
    return page(request, listed, cursor=cursor)


@json_view("GET")
def user_followers(request: Request, name: str) -> Response:
    """GET /api/users/{name}/followers."""
    return _followers(request, _user(request, name).namespace)


@json_view("GET")
def organization_followers(request: Request, name: str) -> Response:
    """GET /api/organizations/{name}/followers."""
    check_may_read_hub(request.user)
    namespace = get_namespace(name)
    if namespace.organization_id is None:
        raise AccountNotFound(f"There is no organization called {name}.")
    return _followers(request, namespace)


@json_view("GET")
def following(request: Request, name: str) -> Response:
    """GET /api/users/{name}/following: the people whom somebody follows."""
    found = Follow.objects.filter(follower=_user(request, name), namespace__user__isnull=False)
    rows, cursor = _page(request, found.select_related("namespace__user"))
    people = [row.namespace.user for row in rows if row.namespace is not None and row.namespace.user is not None]
    return page(request, [_person(request, user) for user in people], cursor=cursor)


def _followers(request: Request, namespace: Namespace) -> Response:
    rows, cursor = _page(request, Follow.objects.filter(namespace=namespace).select_related("follower"))
    return page(request, [_person(request, row.follower) for row in rows], cursor=cursor)


def _user(request: Request, name: str) -> User:
    check_may_read_hub(request.user)
    user = get_namespace(name).user
    if user is None:
        raise AccountNotFound(f"There is no user called {name}.")
    return user


def _page(request: Request, found: QuerySet[Any]) -> tuple[list[Any], int | None]:
    """Return a page of rows, the newest first, and the cursor of the page behind it, or None."""
    last = number(request.query_params, "cursor", default=0, high=10**15 - 1)
    limit = number(request.query_params, "limit", default=PER_PAGE, low=1, high=1000)
    if last:
        found = found.filter(pk__lt=last)
    rows = list(found.order_by("-pk")[: limit + 1])
    return rows[:limit], rows[limit - 1].pk if len(rows) > limit else None


def _person(request: Request, user: User) -> dict[str, Any]:
    return {
        "user": user.username,
        "fullname": user.shown_name,
        "type": "user",
        "isPro": False,
        "avatarUrl": avatar_url(base_url(request._request), user.username),
    }
