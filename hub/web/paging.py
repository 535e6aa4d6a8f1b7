"""Lists that come a page at a time."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from hub.core.errors import NotFound
from hub.core.text import whole_number

M = TypeVar("M", bound=Model)

MAX_PAGE = 10**6


def page_number(request: HttpRequest) -> int:
    """Return `?page=`, from 1. Raises NotFound for what is no number."""
    number = whole_number(request.GET.get("page", "1"), MAX_PAGE)
    if not number:
        raise NotFound("")
    return number


def before_of(request: HttpRequest) -> int | None:
    """Return `?before=`, the id below which a list goes on, None for its first page. Raises NotFound for what is no number."""
    given = request.GET.get("before", "")
    before = whole_number(given)
    if given and before is None:
        raise NotFound("")
    return before


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows of a list, and the addresses of the pages beside; empty where there is none."""

    rows: list[M]
    previous: str
    next: str


def page_of(request: HttpRequest, rows: QuerySet[M], per_page: int) -> Page[M]:
    """Return the page of `rows` that `?page=` asks for. Raises NotFound beyond the last one."""
    number = page_number(request)
    start = (number - 1) * per_page
    found = list(rows[start : start + per_page + 1])
    if number > 1 and not found:
        raise NotFound(_("This list has no such page. Begin at its first one."))

    def at(wanted: int) -> str:
        query = request.GET.copy()
        query["page"] = str(wanted)
        return f"?{query.urlencode()}"

    return Page(found[:per_page], at(number - 1) if number > 1 else "", at(number + 1) if len(found) > per_page else "")
