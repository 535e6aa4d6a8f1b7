"""Who somebody is: the caller, a user, an organization and its members."""

from typing import Any

from django.db.models import Count, Q
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.errors import AccountNotFound
from hub.accounts.models import AccessToken, Membership, Namespace, Organization, Right, Scope, Someone, User
from hub.accounts.permissions import check_may_read_hub, get_namespace
from hub.api.edge import json_view
from hub.api.errors import BadToken
from hub.api.hf.paging import number, page
from hub.api.hf.shapes import account, date
from hub.community.models import Discussion, Follow, Like
from hub.core.links import avatar_url, base_url
from hub.core.statements import Given, Statement
from hub.repos.models import Kind, Repository

MEMBERS_PER_PAGE = 500


@json_view("GET")
def whoami(request: Request) -> Response:
    """GET /api/whoami-v2: the token's owner, their organizations, and the token itself."""
    user, token = request.user, request.auth
    if not isinstance(user, User) or not isinstance(token, AccessToken):
        raise BadToken
    shape = account(user.namespace) | {
        "id": str(user.pk),
        "isPro": False,
        "canPay": False,
        "avatarUrl": avatar_url(base_url(request), user.namespace.name),
        "orgs": _organizations(user),
        "auth": {
            "type": "access_token",
            "accessToken": {
                "displayName": token.name,
                "role": "write" if token.scope == Scope.WRITE else "read",
                "createdAt": date(token.created_at),
            },
        },
    }
    if _may_learn_email(token):
        shape["email"] = user.email
    return Response(shape)


def _may_learn_email(token: AccessToken) -> bool:
    """Tell whether whoever holds the token was let know: applications ask for it by a right of its own."""
    by = token.sign_in
    return by is None or by.application.owner_id is None or Right.EMAIL in by.rights


@json_view("GET")
def user_overview(request: Request, name: str) -> Response:
    """GET /api/users/{name}/overview."""
    check_may_read_hub(request.user)
    namespace = get_namespace(name)
    if namespace.user is None:
        raise AccountNotFound(f"There is no user called {name}.")
    shape = account(namespace) | _counts(request.user, namespace)
    shape |= _counts_of_person(request.user, namespace.user)
    shape |= {"user": namespace.name, "isPro": False, "orgs": _organizations(namespace.user)}
    shape |= _picture(request, namespace) | _followed(request.user, namespace)
    if namespace.user.bio:
        shape["details"] = namespace.user.bio
    return Response(shape)


@json_view("GET")
def organization_overview(request: Request, name: str) -> Response:
    """GET /api/organizations/{name}/overview."""
    namespace, organization = _organization(request.user, name)
    shape = account(namespace) | _counts(request.user, namespace)
    shape |= {"details": organization.bio, "isVerified": False, "numUsers": organization.memberships.count()}
    shape |= _picture(request, namespace) | _followed(request.user, namespace)
    return Response(shape)


@json_view("GET")
def organization_members(request: Request, name: str) -> Response:
    """GET /api/organizations/{name}/members."""
    _, organization = _organization(request.user, name)
    start = number(request.query_params, "cursor", default=0, high=10**9)
    rows = organization.memberships.filter(pk__gt=start).order_by("pk").select_related("user")[: MEMBERS_PER_PAGE + 1]
    shown = list(rows)[:MEMBERS_PER_PAGE]
    members = [
        {
            "user": m.user.username,
            "fullname": m.user.shown_name,
            "type": "user",
            "isPro": False,
            "role": m.role,
        }
        for m in shown
    ]
    return page(request, members, cursor=shown[-1].pk if len(rows) > MEMBERS_PER_PAGE else None)


def _organization(caller: Someone, name: str) -> tuple[Namespace, Organization]:
    check_may_read_hub(caller)
    namespace = get_namespace(name)
    if namespace.organization is None:
        raise AccountNotFound(f"There is no organization called {name}.")
    return namespace, namespace.organization


_MEMBERSHIPS = Statement(
    lambda: (
        Membership.objects.filter(user=Given("user", User._meta.pk))
        .select_related("organization__namespace")
        .order_by("organization__namespace__name")
    )
)


def _organizations(user: User) -> list[dict[str, Any]]:
    memberships = _MEMBERSHIPS.all(user=user.pk)
    return [account(m.organization.namespace) | {"roleInOrg": m.role} for m in memberships]


def _picture(request: Request, namespace: Namespace) -> dict[str, str]:
    return {"avatarUrl": avatar_url(base_url(request._request), namespace.name)}


def _followed(caller: Someone, namespace: Namespace) -> dict[str, Any]:
    """Return how many follow them, and whether the caller does."""
    followers = Follow.objects.filter(namespace=namespace)
    told: dict[str, Any] = {"numFollowers": followers.count()}
    if isinstance(caller, User):
        told["isFollowing"] = followers.filter(follower=caller).exists()
    return told


def _counts(caller: Someone, namespace: Namespace) -> dict[str, int]:
    """Return how many repositories of each kind the caller would find there."""
    repos = Repository.objects.visible_to(caller).filter(namespace=namespace)
    counts = repos.aggregate(
        numModels=Count("pk", filter=Q(kind=Kind.MODEL)),
        numDatasets=Count("pk", filter=Q(kind=Kind.DATASET)),
        numSpaces=Count("pk", filter=Q(kind=Kind.SPACE)),
    )
    return dict(counts)


def _counts_of_person(caller: Someone, user: User) -> dict[str, int]:
    """Return what somebody does here, as far as the caller may know of it."""
    return {
        "numDiscussions": Discussion.objects.visible_to(caller).filter(author=user).count(),
        "numLikes": Like.objects.visible_to(caller).filter(user=user).count(),
        "numFollowing": Follow.objects.filter(follower=user, namespace__user__isnull=False).count(),
    }
