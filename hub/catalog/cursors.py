"""The orders of a search, and the cursors that say where in one of them a page has ended."""

import base64
import json
import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from hub.catalog import walks
from hub.catalog.errors import SearchInvalid

# Sort order -> (field, whether the greatest come first). Ties go by the repository's number in the same direction.
SORTS = {
    "created": ("created_at", True),
    "updated": ("updated_at", True),
    "downloads": ("downloads", True),
    "likes": ("likes", True),
    "trending": ("trending", True),
    "rating": ("rating", True),
    "name": ("name", False),
    "relevance": ("relevance", True),
}
DEFAULT_SORT = "updated"
# Orders that may change while somebody reads on: those that `steady` keeps.
MOVING = ("updated", "downloads", "likes", "trending", "rating", "relevance")
# What some rows have no value for: they come last.
SOME_HAVE = ("rating",)

_WALK = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Place:
    """Where the page before ended: the value that is sorted by, and the repository; in a kept order, its name and how far."""

    value: Any
    number: int
    by_letters: bool
    walk: str = ""
    position: int = 0


def write_cursor(place: Place, sort: str) -> str:
    """Return the text that stands for a place in the order `sort`."""
    value = place.value.isoformat() if isinstance(place.value, datetime) else place.value
    parts = [sort, value, place.number, place.by_letters, *((place.walk, place.position) if place.walk else ())]
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str, sort: str) -> Place | None:
    """Return the place that a cursor stands for, None for "". Raises SearchInvalid for one that is no place in that order."""
    if not cursor:
        return None
    try:
        match json.loads(base64.urlsafe_b64decode(cursor[:1000] + "=" * (-len(cursor) % 4))):
            case [str(was), value, int(number), bool(by_letters), *walk] if was == sort and 0 <= number < 2**63:
                match walk:
                    case []:
                        known = None if value is None and sort in SOME_HAVE else _sort_value(SORTS[sort][0], value)
                        return Place(known, number, by_letters)
                    case [str(name), int(position)] if 0 <= position <= walks.MAX_WALK and _WALK.fullmatch(name):
                        known = None if value is None else _sort_value(SORTS[sort][0], value)
                        return Place(known, number, by_letters, name, position)
    except (ValueError, TypeError, RecursionError):
        pass
    raise bad_cursor()


def bad_cursor() -> SearchInvalid:
    """Return what to raise for a cursor that fits no list."""
    return SearchInvalid(
        _("This link to a further page does not fit the list. Start from its first page."), field="cursor"
    )


def _sort_value(name: str, value: Any) -> datetime | str | int | float:
    """Return the value of a cursor as its column takes it. Raises ValueError, TypeError."""
    if name.endswith("_at"):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
    elif name in ("trending", "rating"):
        if type(value) in (int, float) and math.isfinite(value):
            return float(value)
    elif name == "name":
        if isinstance(value, str) and "\0" not in value:
            return value
    # The rank is an int4; PostgreSQL refuses to compare it with what is none.
    elif type(value) is int and abs(value) < 2 ** (31 if name == "relevance" else 63):
        return value
    raise ValueError(name)
