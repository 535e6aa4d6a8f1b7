"""Where a long answer goes on: the absolute address of the next page, in a `Link` header (RFC 8288)."""

from rest_framework.request import Request
from rest_framework.response import Response

from hub.core.links import base_url


def link_next(request: Request, response: Response, *, path: str = "", **cursor: str | int | None) -> None:
    """Name the next page in the answer's headers: this query with the values of `cursor`, at `path` (default: here)."""
    query = request._request.GET.copy()
    for key, value in cursor.items():
        query[key] = str(value)
    response["Link"] = f'<{base_url(request._request)}{path or _raw_path(request)}?{query.urlencode()}>; rel="next"'


def _raw_path(request: Request) -> str:
    """Return the request's own path as it was sent, still encoded."""
    return str(request._request.META.get("RAW_URI") or request._request.get_full_path()).partition("?")[0]
