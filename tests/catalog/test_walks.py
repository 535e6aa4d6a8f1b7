"""Pages of lists that move while they are read: whatever happens between two pages, what stays is met once."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.catalog import walks
from hub.catalog.errors import SearchInvalid
from hub.catalog.indexing import index_repository
from hub.catalog.models import SearchRow
from hub.catalog.search import search
from hub.repos.models import Kind, Repository, Visibility
from tests.factories import make_repo, make_user

pytestmark = pytest.mark.django_db
ANYBODY = AnonymousUser()
ROWS = 9

# What may happen to a row between two pages.
CHANGES = st.tuples(
    st.sampled_from(["download", "push", "both", "hide", "arrive"]), st.integers(0, ROWS - 1), st.integers(0, 20)
)


@pytest.fixture
def rows() -> list[Repository]:
    user = make_user("walker")
    made = [make_repo(user, name=f"row-{number}") for number in range(ROWS)]
    for number, repo in enumerate(made):
        index_repository(repo.pk)
        SearchRow.objects.filter(pk=repo.pk).update(downloads=number % 4, updated_at=repo.created_at)
    return made


def change(rows: list[Repository], what: str, number: int, amount: int) -> None:
    row = SearchRow.objects.filter(pk=rows[number].pk)
    if what in ("download", "both"):
        row.update(downloads=amount)
    if what in ("push", "both"):
        row.update(updated_at=timezone.now())
    if what == "hide":
        Repository.objects.filter(pk=rows[number].pk).update(visibility=Visibility.PRIVATE)
    if what == "arrive":
        made = make_repo(rows[0].created_by)
        index_repository(made.pk)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sort=st.sampled_from(["updated", "downloads", "created", "relevance", "name"]),
    limit=st.integers(1, 4),
    changes=st.lists(st.lists(CHANGES, max_size=4), max_size=ROWS),
)
def test_pages_neither_repeat_nor_skip(
    rows: list[Repository], sort: str, limit: int, changes: list[list[tuple[str, int, int]]]
) -> None:
    met: list[int] = []
    hidden: set[int] = set()
    cursor, point = "", transaction.savepoint()
    query = "walker" if sort == "relevance" else ""
    for turn in range(100):
        page = search(Kind.MODEL, ANYBODY, query=query, sort=sort, cursor=cursor, limit=limit, steady=True)
        met += [row.pk for row in page.rows]
        cursor = page.next_cursor
        if not cursor:
            break
        for what, number, amount in changes[turn] if turn < len(changes) else []:
            change(rows, what, number, amount)
            hidden |= {rows[number].pk} if what == "hide" else set()
    transaction.savepoint_rollback(point)
    assert not cursor
    assert len(met) == len(set(met))
    assert {row.pk for row in rows} - hidden <= set(met)


def test_without_it_what_stands_still_is_met_once(rows: list[Repository]) -> None:
    first = search(Kind.MODEL, ANYBODY, sort="downloads", limit=3)
    climber = SearchRow.objects.exclude(pk__in=[row.pk for row in first.rows]).order_by("downloads")[0]
    SearchRow.objects.filter(pk=climber.pk).update(downloads=99)
    rest = search(Kind.MODEL, ANYBODY, sort="downloads", limit=50, cursor=first.next_cursor)
    met = [row.pk for row in first.rows + rest.rows]
    assert sorted(met) == sorted({row.pk for row in rows} - {climber.pk})


def read(cursor: str, **more: Any) -> list[int]:
    return [row.pk for row in search(Kind.MODEL, ANYBODY, cursor=cursor, limit=50, steady=True, **more).rows]


def test_an_order_that_is_gone_goes_on_by_that_of_the_moment(rows: list[Repository]) -> None:
    first = search(Kind.MODEL, ANYBODY, sort="downloads", limit=4, steady=True)
    cache.clear()
    met = [row.pk for row in first.rows] + read(first.next_cursor, sort="downloads")
    assert sorted(met) == sorted(row.pk for row in rows)
    ranked = search(Kind.MODEL, ANYBODY, query="walker", limit=4, steady=True)
    second = search(Kind.MODEL, ANYBODY, query="walker", limit=2, cursor=ranked.next_cursor, steady=True)
    cache.clear()
    # A kept order goes by numbers alone, so nothing tells what rank its last row had.
    with pytest.raises(SearchInvalid):
        read(second.next_cursor, query="walker")


def test_a_list_longer_than_what_is_kept(rows: list[Repository], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "MAX_WALK", 5)
    met: list[int] = []
    cursor = ""
    while True:
        page = search(Kind.MODEL, ANYBODY, sort="downloads", limit=2, cursor=cursor, steady=True)
        met += [row.pk for row in page.rows]
        cursor = page.next_cursor
        if not cursor:
            break
    assert sorted(met) == sorted(row.pk for row in rows)


def test_the_name_of_an_order_is_no_right(rows: list[Repository]) -> None:
    owner = rows[0].created_by
    assert owner is not None
    Repository.objects.filter(pk=rows[3].pk).update(visibility=Visibility.PRIVATE)
    first = search(Kind.MODEL, owner, sort="updated", limit=1, steady=True)
    mine = search(Kind.MODEL, owner, sort="updated", limit=50, cursor=first.next_cursor, steady=True)
    assert rows[3].pk in {row.pk for row in first.rows + mine.rows}
    assert rows[3].pk not in read(first.next_cursor, sort="updated")


def test_the_same_order_is_kept_once() -> None:
    assert walks.keep([3, 1, 2]) == walks.keep([3, 1, 2]) != walks.keep([1, 2, 3])
    assert walks.kept(walks.keep([3, 1, 2**62])) == [3, 1, 2**62]
    assert walks.kept("0" * 32) is None
