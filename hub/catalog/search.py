"""Finding repositories: the one way in for pages and API.

Queries of one search: 1 for the page, and 1 more for each of: a text, filters that are set, the count (with a text, only
above MAX_SORTED), the facet counts. A text that finds nothing costs a second look at names by their letters, under a short
timeout: 7 queries in all, settings included. A `steady` first page costs 1 more where a second one follows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db import OperationalError, connection, transaction
from django.db.models import Case, F, FloatField, Func, IntegerField, Lookup, Q, Value, When
from django.db.models.expressions import OrderBy
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan, LessThan
from django.utils.translation import gettext as _

from hub.accounts.models import Someone
from hub.catalog import walks
from hub.catalog.conditions import EVERYTHING, Conditions, rows_that_meet
from hub.catalog.cursors import DEFAULT_SORT, MOVING, SOME_HAVE, SORTS, Place, bad_cursor, read_cursor, write_cursor
from hub.catalog.errors import SearchInvalid
from hub.catalog.facet_counts import FacetCount, facet_counts
from hub.catalog.models import SearchRow, SearchRowQuerySet
from hub.core import words

MAX_LIMIT = 1000
MAX_COUNT = 10_000  # results are counted up to here
MAX_SORTED = 2000  # hits of a text that are listed before they are sorted; of more, the most downloaded are ranked
SECOND_TRY_MS = 300
SIMILAR = 0.5  # share of the query's groups of three letters that a name must have
_SECOND_TRY_SETTINGS = (
    "SELECT set_config('statement_timeout', %s, true), set_config('pg_trgm.word_similarity_threshold', %s, true)"
)


@dataclass(frozen=True)
class Page:
    """One page of results. `count` is None where it was not asked for; at MAX_COUNT there are that many or more.

    facets: key -> the commonest values among the results (the first MAX_FACET_ROWS of them), where asked for.
    by_letters: nothing had the words, so these are names that look like the query. after: the cursor behind so many rows.
    """

    rows: list[SearchRow]
    next_cursor: str
    count: int | None = None
    count_capped: bool = False
    facets: dict[str, list[FacetCount]] = field(default_factory=dict)
    by_letters: bool = False
    after: Callable[[int], str] = field(default=lambda number: "", repr=False)

    def cut(self, number: int) -> "Page":
        """Return a page of the first `number` rows; the next one goes on behind them."""
        return replace(self, rows=self.rows[:number], next_cursor=self.after(number))


def search(
    kind: str,
    user: Someone,
    *,
    query: str = "",
    where: Conditions = EVERYTHING,
    sort: str = "",
    cursor: str = "",
    limit: int = 30,
    with_count: bool = True,
    with_facets: bool = False,
    with_cards: bool = False,
    steady: bool = False,
) -> Page:
    """Return one page of the repositories of a kind that `user` may see, that have the words of `query` and meet `where`.

    sort: one of SORTS; by default "relevance" with a query, else DEFAULT_SORT. cursor: `next_cursor` of the page before,
    under the same conditions. limit: 1 to MAX_LIMIT. with_cards: load the metadata of each row's card, too. Of more than
    MAX_SORTED hits, "relevance" ranks and lists the most downloaded ones.

    Pages go on from a value and a number, so rows that stand still are met once each, whatever comes or goes around them.
    Where the value itself may move meanwhile, a row that climbs past the reader is met only with `steady`, which keeps the
    order of the first page (the first MAX_WALK rows of it) for the later ones.
    Raises SearchInvalid.
    """
    query = " ".join(query.replace("\0", " ").split())[: words.MAX_QUERY]
    sort = sort or ("relevance" if query else DEFAULT_SORT)
    if sort not in SORTS or (sort == "relevance" and not query):
        raise SearchInvalid(_("“%(sort)s” is no order to sort by.") % {"sort": sort[:40]}, field="sort")
    place = read_cursor(cursor, sort)
    if place and place.walk and (kept := walks.kept(place.walk)) is not None:
        return _walk_on(SearchRow.objects.filter(kind=kind).visible_to(user), kept, place, sort, limit, with_cards)
    if place and place.value is None and sort not in SOME_HAVE:
        raise bad_cursor()
    order = _Order(sort, place, max(1, min(limit, MAX_LIMIT)), with_count, with_facets, with_cards, steady)
    rows = rows_that_meet(where, kind, user)
    if not query:
        return _answer(rows, rows, order)
    terms = words.query(query)
    if terms and not (place and place.by_letters):
        found = rows.filter(words=SearchQuery(terms, search_type="raw", config="simple"))
        answer = _by_words(found, query, terms, order)
        if answer.rows or place:
            return answer
    return _second_try(rows, query.lower(), order)


@dataclass(frozen=True)
class _Order:
    """What is wanted of the rows that meet the conditions."""

    sort: str
    place: Place | None
    limit: int
    with_count: bool
    with_facets: bool
    with_cards: bool
    steady: bool


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
        candidates = _with_relevance(candidates, query)
    return _answer(found, candidates if hits else candidates.none(), order, count=count)


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
            page = _answer(found, ranked, order, by_letters=True)
            # The setting would last until the end of a transaction around this one.
            cursor.execute("SET LOCAL statement_timeout = DEFAULT")
            return page
    except OperationalError:
        return Page([], "", 0 if order.with_count else None, by_letters=True)


def _answer(
    found: SearchRowQuerySet,
    candidates: SearchRowQuerySet,
    order: _Order,
    *,
    count: int | None = None,
    by_letters: bool = False,
) -> Page:
    """Answer with a page of `candidates`, and with what is counted over all that was `found`."""
    page = _page(candidates, order, by_letters)
    if count is None and order.with_count:
        count = found.order_by().values("pk")[: MAX_COUNT + 1].count()
    return replace(
        page,
        count=None if count is None else min(count, MAX_COUNT),
        count_capped=count is not None and count > MAX_COUNT,
        facets=facet_counts(found) if order.with_facets and page.rows else {},
    )


def _with_relevance(rows: SearchRowQuerySet, query: str) -> SearchRowQuerySet:
    """Rank by the weights of the words (names first, card text last); a name that is the query comes before all."""
    rank = Func(
        F("words"),
        SearchQuery(words.query(query, any_of=True), search_type="raw", config="simple"),
        function="ts_rank",
        template="%(function)s('{0.02, 0.1, 0.3, 1.0}', %(expressions)s)",
        output_field=FloatField(),
    )
    exact = Case(
        When(Q(name=query.lower()) | Q(name__endswith=f"/{query.lower()}"), then=Value(1_000_000)), default=Value(0)
    )
    return rows.annotate(relevance=Cast(rank * 100_000, IntegerField()) + exact)


# --- pages ----------------------------------------------------------------------------------------------------


def _page(rows: SearchRowQuerySet, order: _Order, by_letters: bool) -> Page:
    """Return one page of the rows; nothing is counted yet."""
    name, descending = SORTS[order.sort]
    sign = "-" if descending else ""
    first: str | OrderBy = F(name).desc(nulls_last=True) if name in SOME_HAVE else f"{sign}{name}"
    sorted_rows = rows.order_by(first, f"{sign}pk")
    if place := order.place:
        sorted_rows = sorted_rows.filter(_beyond(name, descending, place))
    elif order.steady and order.sort in MOVING:
        numbers = list(sorted_rows.values_list("pk", flat=True)[: walks.MAX_WALK])
        if len(numbers) > order.limit and (walk := walks.keep(numbers)):
            return _walk_on(rows, numbers, Place(None, 0, by_letters, walk), order.sort, order.limit, order.with_cards)
    # One row more than wanted where there is one.
    found = list(sorted_rows.with_repositories(cards=order.with_cards)[: order.limit + 1])
    shown = found[: order.limit]

    def after(number: int) -> str:
        return write_cursor(_place_of(shown[number - 1], order.sort, by_letters), order.sort)

    return Page(shown, after(len(shown)) if len(found) > len(shown) else "", by_letters=by_letters, after=after)


def _walk_on(
    rows: SearchRowQuerySet, numbers: list[int], place: Place, sort: str, limit: int, with_cards: bool
) -> Page:
    """Answer with the next part of a kept order: those of `rows` in it. Rows that are gone leave the page shorter."""
    end = place.position + max(1, min(limit, MAX_LIMIT))
    wanted = numbers[place.position : end]
    found = {row.pk: row for row in rows.filter(pk__in=wanted).with_repositories(cards=with_cards)}
    shown = [found[number] for number in wanted if number in found]

    def after(number: int, position: int | None = None) -> str:
        last = _place_of(shown[number - 1], sort, place.by_letters) if number else place
        if position is None:
            position = numbers.index(shown[number - 1].pk, place.position) + 1
        if position < len(numbers):
            return write_cursor(replace(last, walk=place.walk, position=position), sort)
        # Beyond what is kept, the order of the moment has to do.
        beyond = len(numbers) == walks.MAX_WALK and (last.value is not None or sort in SOME_HAVE)
        return write_cursor(replace(last, walk="", position=0), sort) if beyond else ""

    return Page(shown, after(len(shown), end), by_letters=place.by_letters, after=after)


def _beyond(name: str, descending: bool, place: Place) -> "Q | Lookup[Any]":
    """Return the condition for the rows that come after a place."""
    if place.value is None:
        return Q(**{name: None}, pk__lt=place.number)
    beyond = LessThan if descending else GreaterThan
    later = beyond(_pair(F(name), F("pk")), _pair(Value(place.value), Value(place.number)))
    return Q(later) | Q(**{name: None}) if name in SOME_HAVE else later


def _place_of(row: SearchRow, sort: str, by_letters: bool) -> Place:
    # A rank is no column; a row that was not found by its words has none.
    return Place(getattr(row, SORTS[sort][0], None), row.pk, by_letters)


def _pair(value: Any, number: Any) -> Func:
    """Return a row value. PostgreSQL finds its place in an index of both columns, however many rows share the first."""
    return Func(value, number, function="ROW", output_field=IntegerField())
