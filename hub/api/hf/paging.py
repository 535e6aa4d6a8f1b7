"""Long answers in the client family's form: numbers and switches in the address, and pages that are JSON arrays."""

from typing import Any

from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.paging import link_next
from hub.core.errors import Invalid


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
        link_next(request, response, path=path, **cursor)
    return response
