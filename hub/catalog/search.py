"""Finding repositories: the one way in for pages and API.

Queries of one search: 1 for the page, and 1 more for each of: a text, filters that are set, the count (with a text, only
above MAX_SORTED), the facet counts. A text that finds nothing costs a second look at names by their letters, under a short
timeout: 7 queries in all, settings included.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connection, transaction
from django.db.models import Case, F, FloatField, Func, IntegerField, Q, Value, When
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan, LessThan
from django.utils.translation import gettext as _

from hub.accounts.models import Someone
from hub.catalog import words
from hub.catalog.errors import SearchInvalid
from hub.catalog.models import FACET_KEYS, Facet, SearchRow, SearchRowQuerySet
from hub.repos.vocabulary import label

MAX_LIMIT = 1000
MAX_COUNT = 10_000  # results are counted up to here
MAX_SORTED = 2000  # hits of a text that are listed before they are sorted; of more, the most downloaded are ranked
MAX_FACET_ROWS = 10_000  # results over which facets are counted
FACETS_SHOWN = 12  # values of each key
SECOND_TRY_MS = 300
SIMILAR = 0.5  # share of the query's groups of three letters that a name must have
_SECOND_TRY_SETTINGS = (
    "SELECT set_config('statement_timeout', %s, true), set_config('pg_trgm.word_similarity_threshold', %s, true)"
)

# Sort order -> (field, whether the greatest come first). Ties go by the repository's number in the same direction.
SORTS = {
    "created": ("created_at", True),
    "updated": ("updated_at", True),
    "downloads": ("downloads", True),
    "name": ("name", False),
    "relevance": ("relevance", True),
}
DEFAULT_SORT = "updated"

# How the client protocol prefixes a filter -> the key of our facet.
_PREFIXES = {
    "license": "license",
    "language": "language",
    "dataset": "dataset",
    "base_model": "base_model",
    "task_categories": "task",
    "size_categories": "size",
    "format": "format",
    "library": "library",
}
_PLAIN_KEYS = ("task", "library", "language", "tag", "format", "arch")

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


@dataclass(frozen=True)
class Page:
    """One page of results. `count` is None where it was not asked for; at MAX_COUNT there are that many or more.

    facets: key -> the commonest values among the results (the first MAX_FACET_ROWS of them), where asked for.
    by_letters: nothing had the words, so these are names that look like the query.
    """

    rows: list[SearchRow]
    next_cursor: str
    count: int | None = None
    count_capped: bool = False
    facets: dict[str, list[FacetCount]] = field(default_factory=dict)
    by_letters: bool = False


def search(
    kind: str,
    user: Someone,
    *,
    query: str = "",
    author: str = "",
    facets: Mapping[str, Sequence[str]] | None = None,
    filters: Iterable[str] = (),
    min_parameters: int | None = None,
    max_parameters: int | None = None,
    sort: str = "",
    cursor: str = "",
    limit: int = 30,
    with_count: bool = True,
    with_facets: bool = False,
    with_cards: bool = False,
) -> Page:
    """Return one page of the repositories of a kind that `user` may see and that meet every condition.

    facets: key -> values, all of which must be there. filters: tags as the client protocol writes them (`pytorch`,
    `license:mit`, `base_model:ada/tiny`). sort: one of SORTS; by default "relevance" with a
    query, else DEFAULT_SORT. cursor: `next_cursor` of the page before, under the same conditions. limit: 1 to MAX_LIMIT.
    with_cards: load the metadata of each row's card, too. Of more than MAX_SORTED hits, "relevance" ranks and lists the most
    downloaded ones.
    Raises SearchInvalid.
    """
    query = " ".join(query.replace("\0", " ").split())[: words.MAX_QUERY]
    sort = sort or ("relevance" if query else DEFAULT_SORT)
    if sort not in SORTS or (sort == "relevance" and not query):
        raise SearchInvalid(_("“%(sort)s” is no order to sort by.") % {"sort": sort[:40]}, field="sort")
    place = _read_cursor(cursor, sort)
    order = _Order(sort, place, max(1, min(limit, MAX_LIMIT)), with_count, with_facets, with_cards)
    rows = _conditions(kind, user, author, facets or {}, list(filters), min_parameters, max_parameters)
    if not query:
        return _answer(rows, _page(rows, order), order)
    terms = words.query(query)
    if terms and not (place and place.by_letters):
        found = rows.filter(words=SearchQuery(terms, search_type="raw", config="simple"))
        answer = _by_words(found, query, terms, order)
        if answer.rows or place:
            return answer
    return _second_try(rows, query.lower(), order)


@dataclass(frozen=True)
class _Place:
    """Where the page before ended: the value that is sorted by, and the repository."""

    value: Any
    number: int
    by_letters: bool


@dataclass(frozen=True)
class _Order:
    """What is wanted of the rows that meet the conditions."""

    sort: str
    place: _Place | None
    limit: int
    with_count: bool
    with_facets: bool
    with_cards: bool


def _by_words(found: SearchRowQuerySet, query: str, terms: str, order: _Order) -> Page:
    """Answer with the rows that have the words. Few are listed first and sorted after.

    Left to itself, PostgreSQL walks down the sorted list and reads each text on the way: it does not know what that costs.
    """
    hits = list(found.values_list("pk", flat=True)[: MAX_SORTED + 1])
    count = None
    candidates = found
    if len(hits) <= MAX_SORTED:
        count = len(hits)
        found = candidates = SearchRow.objects.filter(pk__in=hits)
    elif order.sort == "relevance":
        popular = found.order_by("-downloads", "-pk").values_list("pk", flat=True)[:MAX_SORTED]
        candidates = SearchRow.objects.filter(pk__in=list(popular))
    if order.sort == "relevance":
        candidates = _with_relevance(candidates, query, terms)
    return _answer(found, _page(candidates, order) if hits else [], order, count=count)


def _second_try(rows: SearchRowQuerySet, query: str, order: _Order) -> Page:
    """Look for names that contain the query or resemble it. It may be slow on a large hub, so it has little time."""
    found = rows.filter(Q(label__contains=query) | Q(label__trigram_word_similar=query))
    ranked = found
    if order.sort == "relevance":
        similarity = Func(Value(query), F("label"), function="word_similarity", output_field=FloatField())
        ranked = found.annotate(relevance=Cast(similarity * 100_000, IntegerField()))
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_SECOND_TRY_SETTINGS, [str(SECOND_TRY_MS), str(SIMILAR)])
            page = _answer(found, _page(ranked, order), order, by_letters=True)
            # The setting would last until the end of a transaction around this one.
            cursor.execute("SET LOCAL statement_timeout = DEFAULT")
            return page
    except OperationalError:
        return Page([], "", 0 if order.with_count else None, by_letters=True)


def _answer(
    found: SearchRowQuerySet,
    page: list[SearchRow],
    order: _Order,
    *,
    count: int | None = None,
    by_letters: bool = False,
) -> Page:
    rows = page[: order.limit]
    if count is None and order.with_count:
        count = found.order_by().values("pk")[: MAX_COUNT + 1].count()
    return Page(
        rows,
        _write_cursor(rows[-1], order.sort, by_letters) if len(page) > order.limit else "",
        None if count is None else min(count, MAX_COUNT),
        count is not None and count > MAX_COUNT,
        facet_counts(found) if order.with_facets and rows else {},
        by_letters,
    )


# --- conditions -----------------------------------------------------------------------------------------------


def _conditions(
    kind: str,
    user: Someone,
    author: str,
    facets: Mapping[str, Sequence[str]],
    filters: list[str],
    min_parameters: int | None,
    max_parameters: int | None,
) -> SearchRowQuerySet:
    rows = SearchRow.objects.filter(kind=kind).visible_to(user)
    if author:
        author = author.replace("\0", "")
        rows = rows.filter(repository__namespace__name__iexact=author)
    if min_parameters is not None:
        rows = rows.filter(parameters__gte=_weights(min_parameters))
    if max_parameters is not None:
        rows = rows.filter(parameters__lte=_weights(max_parameters))
    all_of = {(key, value.lower()) for key, values in facets.items() for value in values if value}
    if unknown := {key for key, _value in all_of} - set(FACET_KEYS):
        raise SearchInvalid(
            _("“%(key)s” is nothing to filter by.") % {"key": min(unknown)[:40]}, field=min(unknown)[:40]
        )
    any_of = [_pairs(tag.strip().lower()) for tag in filters if tag.strip()]
    if not all_of and not any_of:
        return rows
    wanted = all_of.union(*any_of)
    if any("\0" in value for _key, value in wanted):
        return rows.none()
    numbers = {
        (key, value): number
        for key, value, number in Facet.objects.filter(value__in={value for _key, value in wanted}).values_list(
            "key", "value", "pk"
        )
    }
    if any(pair not in numbers for pair in all_of):
        return rows.none()
    if all_of:
        rows = rows.filter(facets__contains=[numbers[pair] for pair in all_of])
    for pairs in any_of:
        rows = rows.filter(facets__overlap=[numbers[pair] for pair in pairs if pair in numbers])
    return rows


def _pairs(tag: str) -> set[tuple[str, str]]:
    """Return the (key, value) pairs that a tag of the client protocol may mean."""
    prefix, colon, value = tag.partition(":")
    if colon and prefix in _PREFIXES:
        return {(_PREFIXES[prefix], value), ("tag", tag)}
    return {(key, tag) for key in _PLAIN_KEYS}


def _weights(number: int) -> int:
    return max(0, min(number, 2**63 - 1))


def _with_relevance(rows: SearchRowQuerySet, query: str, terms: str) -> SearchRowQuerySet:
    """Rank by the weights of the words (names first, card text last); a name that is the query comes before all."""
    rank = Func(
        F("words"),
        SearchQuery(terms, search_type="raw", config="simple"),
        function="ts_rank",
        template="%(function)s('{0.02, 0.1, 0.3, 1.0}', %(expressions)s)",
        output_field=FloatField(),
    )
    exact = Case(
        When(Q(name=query.lower()) | Q(name__endswith=f"/{query.lower()}"), then=Value(1_000_000)), default=Value(0)
    )
    return rows.annotate(relevance=Cast(rank * 100_000, IntegerField()) + exact)


# --- facet counts ---------------------------------------------------------------------------------------------


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


# --- pages ----------------------------------------------------------------------------------------------------


def _page(rows: SearchRowQuerySet, order: _Order) -> list[SearchRow]:
    """Return one row more than wanted where there is one. Pages go on from a value and a number, so none is met twice."""
    name, descending = SORTS[order.sort]
    if place := order.place:
        beyond = LessThan if descending else GreaterThan
        rows = rows.filter(beyond(_pair(F(name), F("pk")), _pair(Value(place.value), Value(place.number))))
    sign = "-" if descending else ""
    return list(
        rows.with_repositories(cards=order.with_cards).order_by(f"{sign}{name}", f"{sign}pk")[: order.limit + 1]
    )


def _pair(value: Any, number: Any) -> Func:
    """Return a row value. PostgreSQL finds its place in an index of both columns, however many rows share the first."""
    return Func(value, number, function="ROW", output_field=IntegerField())


def _write_cursor(row: SearchRow, sort: str, by_letters: bool) -> str:
    value = getattr(row, SORTS[sort][0])
    place = [sort, value.isoformat() if isinstance(value, datetime) else value, row.pk, by_letters]
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, sort: str) -> _Place | None:
    if not cursor:
        return None
    try:
        match json.loads(base64.urlsafe_b64decode(cursor[:1000] + "=" * (-len(cursor) % 4))):
            case [str(was), value, int(number), bool(by_letters)] if was == sort and 0 <= number < 2**63:
                return _Place(_sort_value(SORTS[sort][0], value), number, by_letters)
    except (ValueError, TypeError, RecursionError):
        pass
    raise SearchInvalid(
        _("This link to a further page does not fit the list. Start from its first page."), field="cursor"
    )


def _sort_value(name: str, value: Any) -> datetime | str | int:
    """Return the value of a cursor as its column takes it. Raises ValueError, TypeError."""
    if name.endswith("_at"):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
    elif name == "name":
        if isinstance(value, str) and "\0" not in value:
            return value
    # The rank is an int4; PostgreSQL refuses to compare it with what is none.
    elif type(value) is int and abs(value) < 2 ** (31 if name == "relevance" else 63):
        return value
    raise ValueError(name)
