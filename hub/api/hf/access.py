"""Requests for access to gated repositories, for those who decide about them."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.services import get_user
from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, writer
from hub.api.hf import shapes
from hub.api.hf.paging import number, page
from hub.core.errors import Invalid
from hub.core.text import whole_number
from hub.repos import gates
from hub.repos.errors import AccessRequestNotFound
from hub.repos.gates import MAX_REASON
from hub.repos.models import AccessRequest
from hub.repos.permissions import get_repo_for_admin

PER_PAGE = 100
Status = AccessRequest.Status


@json_view("GET")
def listing(request: Request, kind: str, namespace: str, name: str, status: str) -> Response:
    """GET /api/{kind}s/{repo}/user-access-request/{pending|accepted|rejected}: the newest first, with Link pages."""
    repo = get_repo_for_admin(request.user, kind, namespace, name)
    gates.check_gated(repo)
    if status not in Status.values:
        raise Invalid(f"The list of requests is one of {', '.join(Status.values)}.", field="status")
    query = request.query_params
    limit = number(query, "limit", default=PER_PAGE, low=1, high=PER_PAGE)
    found = AccessRequest.objects.filter(repository=repo, status=status).select_related("user").order_by("-pk")
    # By the number of the last one seen: what is decided meanwhile neither repeats nor hides another.
    if before := number(query, "cursor", default=0, high=10**15 - 1):
        found = found.filter(pk__lt=before)
    rows = list(found[: limit + 1])
    following = rows[limit - 1].pk if len(rows) > limit else None
    return page(request, [shape(row) for row in rows[:limit]], cursor=following)


@json_view("POST")
def handle(request: Request, kind: str, namespace: str, name: str) -> Response:
    """POST /api/{kind}s/{repo}/user-access-request/handle: `user` or `requestId`, `status`, and a `rejectionReason`."""
    repo = get_repo_for_admin(request.user, kind, namespace, name)
    gates.check_gated(repo)
    body = read_object(request)
    reason = text_of(body, "rejectionReason", limit=MAX_REASON)
    asked = _asked(repo, body)
    actor = writer(request)
    match text_of(body, "status"):
        case Status.ACCEPTED:
            gates.accept_request(request=asked, actor=actor)
        case Status.REJECTED:
            gates.reject_request(request=asked, actor=actor, reason=reason)
        case Status.PENDING:
            gates.reopen_request(request=asked, actor=actor)
        case _:
            raise Invalid(f"status is one of {', '.join(Status.values)}.", field="status")
    return Response({})


@json_view("POST")
def grant(request: Request, kind: str, namespace: str, name: str) -> Response:
    """POST /api/{kind}s/{repo}/user-access-request/grant: let `user` in, who need not have asked."""
    repo = get_repo_for_admin(request.user, kind, namespace, name)
    user = get_user(name=text_of(read_object(request), "user"))
    return Response(shape(gates.grant_access(repo=repo, user=user, actor=writer(request))))


def shape(row: AccessRequest) -> dict[str, Any]:
    """Return a request as the client family reads it. E-mail addresses are nobody's but their owner's, so they stay out."""
    told: dict[str, Any] = {
        "requestId": str(row.pk),
        "status": row.status,
        "timestamp": shapes.date(row.requested_at),
        "user": {"user": row.user.username, "fullname": row.user.shown_name, "type": "user"},
    }
    if row.fields:
        told["fields"] = row.fields
    if row.reason:
        told["rejectionReason"] = row.reason
    return told


def _asked(repo: Any, body: dict[str, Any]) -> AccessRequest:
    """Return the request that the body names. Raises Invalid, AccessRequestNotFound."""
    user, request_id = text_of(body, "user"), text_of(body, "requestId")
    if bool(user) == bool(request_id):
        raise Invalid("Name either the user or the requestId.", field="user")
    if user:
        return gates.get_request(repo, user=get_user(name=user).username)
    number = whole_number(request_id)
    if number is None:
        raise AccessRequestNotFound(f"There is no request {request_id[:40]} here.")
    return gates.get_request(repo, number=number)
