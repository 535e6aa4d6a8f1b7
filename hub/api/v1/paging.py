"""Pages of our own API: `?limit=` rows, how many there are in all, and a `Link` to the next page, which goes on behind the
last row of this one (`?cursor=`), whatever came or went meanwhile."""

import base64
import json
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.paging import link_next
from hub.api.v1.bodies import Query
from hub.core.errors import Invalid

DEFAULT_LIMIT, MAX_LIMIT = 30, 100
MAX_CURSOR = 1000  # characters

M = TypeVar("M", bound=Model)

# What every list answers in its headers.
LINK = OpenApiParameter(
    "Link",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description=_('While there is more: <the address of the next page>; rel="next".'),
)


class Paged(Query):
    """The parameters of a list."""

    limit = serializers.IntegerField(
        min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT, help_text=_("Rows on a page.")
    )
    cursor = serializers.CharField(
        max_length=MAX_CURSOR,
        default="",
        allow_blank=True,
        help_text=_("Where to go on. Take it from the Link of the page before."),
    )


@cache
def page_of(shape: type[serializers.BaseSerializer[Any]], **more: serializers.Field[Any, Any, Any, Any]) -> Any:
    """Return the shape of a page of such rows, with what else the list tells. One class for each, as the document has it."""
    fields = {"count": serializers.IntegerField(help_text=_("Of all pages.")), **more, "items": shape(many=True)}
    return type(f"{shape.__name__.removesuffix('Shape')}PageShape", (serializers.Serializer,), fields)


def page(
    request: Request,
    rows: QuerySet[M],
    shape: type[serializers.BaseSerializer[M]],
    query: dict[str, Any],
    *,
    context: Callable[[list[M]], dict[str, Any]] = lambda shown: {},
    **more: Any,
) -> Response:
    """Answer with one page of `rows` in their order, which ends in something that no two rows share. Raises Invalid.

    context: what the shape needs to know of the rows that are shown, loaded for all of them at once.
    """
    order = [_term(rows.model, term) for term in rows.query.order_by]
    limit: int = query["limit"]
    count = rows.count()
    if query["cursor"]:
        rows = rows.filter(_beyond(order, query["cursor"]))
    found = list(rows[: limit + 1])
    shown = found[:limit]
    told = {"request": request, **context(shown)}
    response = Response({"count": count, **more, "items": [shape(row, context=told).data for row in shown]})
    if len(found) > limit:
        link_next(request, response, cursor=_write(shown[-1], order))
    return response


def _term(model: type[Model], term: Any) -> tuple[str, bool]:
    """Return (field, whether the greatest come first) of one term of an order."""
    if isinstance(term, OrderBy):
        assert isinstance(term.expression, F)
        return str(term.expression.name), bool(term.descending)  # type: ignore[attr-defined] # as Django documents it
    name = term.lstrip("-")
    return (str(model._meta.pk.name) if name == "pk" else name), term.startswith("-")


def _write(row: Model, order: list[tuple[str, bool]]) -> str:
    values = [row.serializable_value(field) for field, _descending in order]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _beyond(order: list[tuple[str, bool]], cursor: str) -> Q:
    """Return the condition for rows behind the one that the cursor tells of: all orders go by whole numbers. Raises Invalid."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        values = None
    if (
        not isinstance(values, list)
        or len(values) != len(order)
        or not all(type(value) is int and abs(value) < 2**63 for value in values)
    ):
        raise Invalid("This cursor does not fit the list. Start from its first page.", field="cursor")
    condition, same = Q(), Q()
    for (field, descending), value in zip(order, values, strict=True):
        condition |= same & Q(**{f"{field}__{'lt' if descending else 'gt'}": value})
        same &= Q(**{field: value})
    return condition
