"""What the results of a search can be filtered by: how many of them have each value."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import EmptyResultSet
from django.db import connection

from hub.catalog.models import FACET_KEYS, SearchRowQuerySet
from hub.repos.vocabulary import label

MAX_FACET_ROWS = 10_000  # results over which facets are counted
FACETS_SHOWN = 12  # values of each key

_FACET_COUNTS = """
WITH hits AS (SELECT unnest(facets) AS id FROM ({rows}) found),
counted AS (
    SELECT f.key, f.value, count(*) AS n, row_number() OVER (PARTITION BY f.key ORDER BY count(*) DESC, f.value) AS place
    FROM hits JOIN catalog_facet f USING (id) WHERE f.key = ANY(%s) GROUP BY f.key, f.value
)
SELECT key, value, n FROM counted WHERE place <= %s ORDER BY key, place
"""


@dataclass(frozen=True)
class FacetCount:
    """One line of the filters: how many of the results have this value."""

    key: str
    value: str
    count: int

    @property
    def label(self) -> str:
        return label(self.key, self.value)


def facet_counts(rows: SearchRowQuerySet, keys: Sequence[str] = FACET_KEYS) -> dict[str, list[FacetCount]]:
    """Return key -> the commonest values among `rows`, with how many have them. One query."""
    limited = rows.order_by().values("facets")[:MAX_FACET_ROWS]
    counts: dict[str, list[FacetCount]] = {}
    try:
        sql, parameters = limited.query.sql_with_params()
    except EmptyResultSet:
        # Somebody who may see nothing: there is no query to make.
        return counts
    with connection.cursor() as cursor:
        cursor.execute(_FACET_COUNTS.format(rows=sql), [*parameters, list(keys), FACETS_SHOWN])
        for key, value, count in cursor.fetchall():
            counts.setdefault(key, []).append(FacetCount(key, value, count))
    return counts
