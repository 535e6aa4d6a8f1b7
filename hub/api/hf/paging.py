"""Pages of long answers: a JSON array, and a `Link` header with the absolute address of the next page."""

from typing import Any

from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from hub.core.errors import Invalid
from hub.core.links import base_url


def number(query: QueryDict, key: str, *, default: int, low: int = 0, high: int) -> int:
    """Return the whole number at `key`. Raises Invalid where it is none, or outside `low` to `high`."""
    text = query.get(key, "")
    if not text:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 15 or not low <= int(text) <= high:
        raise Invalid(f"{key} is a whole number from {low} to {high}.", field=key)
    return int(text)


def flag(query: QueryDict, key: str) -> bool:
    """Return the switch at `key`. Raises Invalid for a word that is neither yes nor no."""
    text = query.get(key, "").lower()
    if text not in ("", "0", "1", "true", "false"):
        raise Invalid(f"{key} is true or false.", field=key)
    return text in ("1", "true")


def page(request: Request, items: list[Any], *, path: str = "", **cursor: str | int | None) -> Response:
    """Answer with `items`. Where `cursor` holds values, the next page is this query with them at `path` (default: here)."""
    response = Response(items)
    if any(value is not None for value in cursor.values()):
        query = request._request.GET.copy()
        for key, value in cursor.items():
            query[key] = str(value)
        response["Link"] = f'<{base_url(request._request)}{path or raw_path(request)}?{query.urlencode()}>; rel="next"'
    return response


def raw_path(request: Request) -> str:
    """Return the request's own path as it was sent, still encoded."""
    return str(request._request.META.get("RAW_URI") or request._request.get_full_path()).partition("?")[0]
