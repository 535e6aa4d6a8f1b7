"""Pages of our own API: `?page=` from 1, `?limit=` of them, how many there are in all, and a `Link` to the next one."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from hub.api.hf.paging import number, raw_path
from hub.core.links import base_url

PARAMETERS = ("page", "limit")
DEFAULT_LIMIT, MAX_LIMIT = 30, 100
MAX_PAGE = 100_000

M = TypeVar("M", bound=Model)


def page(request: Request, rows: QuerySet[M], serializer: type[BaseSerializer[M]], **more: Any) -> Response:
    """Answer with one page of `rows`: {"count": of all pages, **more, "items": [...]}. Raises Invalid."""
    at = number(request.query_params, "page", default=1, low=1, high=MAX_PAGE)
    limit = number(request.query_params, "limit", default=DEFAULT_LIMIT, low=1, high=MAX_LIMIT)
    count = rows.count()
    shown = rows[(at - 1) * limit : at * limit]
    response = Response({"count": count, **more, "items": [serializer(row).data for row in shown]})
    if at * limit < count:
        query = request._request.GET.copy()
        query["page"] = str(at + 1)
        address = f"{base_url(request._request)}{raw_path(request)}?{query.urlencode()}"
        response["Link"] = f'<{address}>; rel="next"'
    return response
