"""Who builds on whom, as far as cards and files say: children of models, and the spaces that use them."""

from collections.abc import Iterable

from django.core.exceptions import EmptyResultSet
from django.db import connection

from hub.accounts.models import Someone
from hub.catalog.models import SearchRow
from hub.repos.models import Kind

MAX_COUNTED = 100_000  # rows that are looked at
MAX_LISTED = 2000
SPACES_SHOWN = 100  # of one model

_COUNT = """
WITH hits AS (SELECT unnest(facets) AS id FROM ({rows}) found)
SELECT id, count(*) FROM hits WHERE id = ANY(%s) GROUP BY id
"""
# Asked with whatever tells what a model is; to put it together by the ORM would take longer than to answer it.
_NUMBERS = "SELECT id, value FROM catalog_facet WHERE key = %s AND value = ANY(%s)"


def count_children(names: Iterable[str], user: Someone) -> dict[str, int]:
    """Return lower-case model name -> how many models that `user` may see name it as their base. Two queries."""
    numbers = _numbers("base_model", names)
    if not numbers:
        return {}
    rows = SearchRow.objects.filter(kind=Kind.MODEL, facets__overlap=list(numbers)).visible_to(user)
    try:
        sql, parameters = rows.values("facets")[:MAX_COUNTED].query.sql_with_params()
    except EmptyResultSet:
        # Somebody who may see nothing: there is no query to make.
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(rows=sql), [*parameters, list(numbers)])
        return {numbers[number]: count for number, count in cursor.fetchall()}


def spaces_using(names: Iterable[str], user: Someone) -> dict[str, list[str]]:
    """Return lower-case model name -> the spaces that say they use it, most downloaded first. Two queries."""
    numbers = _numbers("model", names)
    if not numbers:
        return {}
    rows = SearchRow.objects.filter(kind=Kind.SPACE, facets__overlap=list(numbers)).visible_to(user)
    found: dict[str, list[str]] = {}
    for row in rows.with_repositories().order_by("-downloads", "-pk")[:MAX_LISTED]:
        for number in set(row.facets) & numbers.keys():
            spaces = found.setdefault(numbers[number], [])
            if len(spaces) < SPACES_SHOWN:
                spaces.append(row.repository.full_name)
    return found


def _numbers(key: str, names: Iterable[str]) -> dict[int, str]:
    wanted = {name.lower() for name in names}
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS, [key, list(wanted)])
        return dict(cursor.fetchall())
