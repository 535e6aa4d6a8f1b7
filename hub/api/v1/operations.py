"""One operation of our own API: what it takes, what it answers, what it refuses, told once.

The same words check requests (`hub.api.v1.bodies`) and make the API's document (`hub.api.v1.document`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.api.edge import View, edge_of
from hub.api.v1.bodies import Body, Nothing, Query
from hub.api.v1.paging import LINK, Paged, page_of
from hub.community.models import Emoji
from hub.repos.models import VERSIONED
from hub.repos.permissions import check_may_act

Serializer = type[serializers.BaseSerializer[Any]]


class Refusal(serializers.Serializer[Any]):
    """What happened, then the way out. The header `X-Error-Code` holds a word for programs."""

    error = serializers.CharField()
    field = serializers.CharField(required=False, help_text=_("The input at fault, where there is one."))


# What each call may answer besides what it says of itself.
_ALWAYS = (400, 401, 429, 503)
_OF_WRITES = (403, 409, 413)
_REASONS = {
    307: _("The repository has another name now; the header Location has this call under the new one."),
    400: _("Something that was sent cannot be taken as it is."),
    401: _("A token is needed, or the one that was sent opens nothing. Without a token, what is private is 401, too."),
    403: _("The caller, or the token, may not do this."),
    404: _("It is not there, or the caller may not know that it is."),
    409: _("It would clash with what is there."),
    411: _("The length of the content was not announced."),
    412: _("The branch has moved on since the commit that the caller builds on."),
    413: _("A stated limit of size is passed."),
    422: _("The repositories cannot be used for this."),
    429: _("Too often, or too much at once. The header Retry-After tells the seconds to wait."),
    503: _("A part of the hub is away for the moment. The header Retry-After tells the seconds to wait."),
    507: _("The hub has no room left."),
}
# Parts of addresses, by the names that the patterns give them.
_PARTS: dict[str, tuple[Any, Any]] = {
    "kind": (
        {"type": "string", "enum": [f"{kind}s" for kind in VERSIONED]},
        _("What the repository holds."),
    ),
    "namespace": (str, _("The owner: a user or an organization.")),
    "name": (str, _("The repository's name.")),
    "tag": (str, _("A tag. Slashes in it are sent as %2F.")),
    "revision": (str, _("A branch, a tag or a full commit id. Slashes in it are sent as %2F.")),
    "path": (str, _("A path in the repository. Its slashes may be sent as they are.")),
    "rule_id": (OpenApiTypes.INT64, _("The rule's number.")),
    "number": (OpenApiTypes.INT64, _("The discussion's number.")),
    "comment_id": (str, _("The comment's id.")),
    "emoji": (
        {"type": "string", "enum": list(Emoji.values)},
        _("A sign, by its name. The plus of +1 may be sent as %2B."),
    ),
    "review_id": (OpenApiTypes.INT64, _("The review's number.")),
    "case_id": (OpenApiTypes.INT64, _("The case's number.")),
    "run_id": (OpenApiTypes.INT64, _("The evaluation's number.")),
    "short_name": (str, _("A name without an owner.")),
    "slug": (str, _("What a collection's address ends in, or its key alone: the last 24 signs decide.")),
    "item_id": (OpenApiTypes.INT64, _("The item's number.")),
    "organization": (str, _("An organization's name.")),
    "member": (str, _("A user's name.")),
    "invitation_id": (OpenApiTypes.INT64, _("The invitation's number.")),
}


# The parts of an address that name a repository.
REPO = ("kind", "namespace", "name")


@dataclass(frozen=True)
class Operation:
    """One method of one address; `run` is the view behind it."""

    method: str
    run: Callable[..., HttpResponseBase]
    described: Callable[[Any], Any]


def operation(
    method: str,
    *,
    tag: str,
    summary: Any,
    answer: Serializer | serializers.BaseSerializer[Any] | None = None,
    lists: Serializer | None = None,
    status: int | None = None,
    description: Any = "",
    query: type[Query] = Nothing,
    body: type[Body] | None = None,
    partial: bool = False,
    content: bool = False,
    refuses: Mapping[int, Serializer] | tuple[int, ...] = (),
    also: Mapping[int, Serializer] | None = None,
    parts: tuple[str, ...] = (),
    headers: tuple[OpenApiParameter, ...] = (),
) -> Callable[[Callable[..., HttpResponseBase | None]], Operation]:
    """Make a function an operation. It gets the request and, by their names, the parts of the address, `query` (the checked
    parameters) and, where there is one, `body` (the checked fields).

    answer: what `status` brings, None for nothing: then the function returns nothing either. lists: in place of answer, what a
    list in pages is of. status: by default 200, or 204 where nothing is brought. partial: any of the body's fields may be left
    out. content: the body is a file's bytes, which the function reads itself. refuses: statuses of refusals that only this call
    has, with the shape of those that say more. also: other answers that are none. parts: the names in the address, in their
    order.
    """

    if lists is not None:
        answer, headers = page_of(lists), (LINK, *headers)  # type: ignore[arg-type] # a class has a hash
        query = Paged if query is Nothing else query
    brought = status or (204 if answer is None else 200)

    def decorate(view: Callable[..., HttpResponseBase | None]) -> Operation:
        def run(self: APIView, request: Request, **path: Any) -> HttpResponseBase:
            if method != "GET":
                # Who may change nothing hears that first, whatever else is wrong with the call.
                check_may_act(request.user)
            given: dict[str, Any] = {"query": query.read(request._request.GET)}
            if body is not None:
                given["body"] = body.read(request, partial=partial)
            made = view(request, **path, **given)
            return Response(status=brought) if made is None else made

        run.__name__ = view.__name__
        run.__doc__ = view.__doc__
        reads = method == "GET"
        statuses = {*_ALWAYS, *(() if reads else _OF_WRITES), *refuses}
        if parts:
            statuses.add(404)
        if "name" in parts:
            statuses.add(307)
        shapes = dict(refuses) if isinstance(refuses, Mapping) else {}
        responses: dict[int, Any] = {
            number: OpenApiResponse(
                None if number == 307 else shapes.get(number, Refusal), description=_REASONS[number]
            )
            for number in sorted(statuses)
        }
        responses[brought] = OpenApiResponse(answer, description=summary)
        for number, shape in (also or {}).items():
            responses[number] = OpenApiResponse(shape, description=summary)
        described = extend_schema(
            operation_id=view.__name__,
            tags=[tag],
            summary=summary,
            description=description,
            parameters=[*([] if query is Nothing else [query]), *map(_part, parts), *headers],
            request=_request(body, content),
            responses=responses,
        )
        return Operation(method, run, described)

    return decorate


def _part(name: str) -> OpenApiParameter:
    kind, text = _PARTS[name]
    return OpenApiParameter(name, kind, OpenApiParameter.PATH, description=text)


def _request(body: type[Body] | None, content: bool) -> Any:
    if content:
        return {"application/octet-stream": OpenApiRequest(OpenApiTypes.BINARY)}
    return None if body is None else {"application/json": body}


def address(*operations: Operation) -> View:
    """Return the view of an address that takes these operations, one for each method."""
    parts: dict[str, Any] = {each.method.lower(): each.described(each.run) for each in operations}
    methods = [each.method for each in operations]
    names = [each.run.__name__ for each in operations]
    view: type[APIView] = type("_".join(names), (APIView,), {**parts, "http_method_names": list(parts)})
    return edge_of(view.as_view(), *methods)


def answer(request: Request, shape: Serializer, row: Any, *, status: int = 200) -> Response:
    """Answer with one row in its shape."""
    return Response(shape(row, context={"request": request}).data, status=status)
