"""What is trending: the formula of docs/trending.md, and what brigades of new accounts get out of it."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from hub.accounts.models import Role, User
from hub.accounts.organizations import add_member
from hub.catalog.indexing import index_repository
from hub.catalog.models import DownloadDay, SearchRow
from hub.catalog.search import search
from hub.catalog.trending import HALF_LIFE, WINDOW, count_likes, points_of, score
from hub.community.models import Like
from hub.repos.models import Kind, Repository
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db


def known(days: int = 400) -> User:
    """Somebody who has had their account for so many days."""
    user = make_user()
    User.objects.filter(pk=user.pk).update(date_joined=timezone.now() - timedelta(days=days))
    return user


def indexed(owner: User | None = None) -> Repository:
    repo = make_repo(owner)
    assert index_repository(repo.pk)
    return repo


def like(repo: Repository, user: User | None = None, *, days_ago: int = 0) -> None:
    made = Like.objects.create(user=user or known(), repository=repo)
    Like.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=days_ago))


def points(repo: Repository) -> float:
    return points_of(SearchRow.objects.get(repository=repo).trending)


def order() -> list[Repository]:
    return [row.repository for row in search(Kind.MODEL, make_user(), sort="trending").rows]


def test_the_formula() -> None:
    repo, today = indexed(), datetime.now(UTC).date()
    for _number in range(3):
        like(repo)
    like(repo, days_ago=HALF_LIFE)
    DownloadDay.objects.create(repository=repo, day=today, downloads=7)
    score()
    assert points(repo) == pytest.approx(4 * math.log2(4) + math.log2(8) + 4 * math.log2(2) / 2, abs=0.02)
    assert SearchRow.objects.get(repository=repo).likes == 4


def test_what_is_newer_weighs_more_and_what_is_old_nothing() -> None:
    old, newer, new = indexed(), indexed(), indexed()
    like(old, days_ago=WINDOW + 1)
    like(newer, days_ago=20)
    like(new)
    score()
    assert order() == [new, newer, old]
    assert points(old) == 0 and SearchRow.objects.get(repository=old).likes == 1


def test_nothing_is_written_while_nothing_happens() -> None:
    repo = indexed()
    like(repo)
    assert score() == 1
    assert score() == 0
    Like.objects.all().delete()
    assert score() == 1
    row = SearchRow.objects.get(repository=repo)
    assert (row.likes, row.trending) == (0, 0)


def test_those_who_own_it_are_closed_or_suspended_count_for_nothing() -> None:
    ada, member = known(), known()
    organization = make_organization(ada)
    add_member(organization=organization, actor=ada, user=member, role=Role.READ)
    own = indexed(ada)
    theirs = make_repo(ada, organization=organization)
    index_repository(theirs.pk)
    like(own, ada)
    like(theirs, ada)
    like(theirs, member)
    closed, suspended = known(), known()
    User.objects.filter(pk=closed.pk).update(is_active=False)
    User.objects.filter(pk=suspended.pk).update(suspended_at=timezone.now())
    like(own, closed)
    like(own, suspended)
    score()
    assert points(own) == points(theirs) == 0


def test_thirty_new_accounts_move_less_than_four_known_people() -> None:
    brigaded, liked = indexed(), indexed()
    for _number in range(30):
        like(brigaded, known(days=0))
    for _number in range(4):
        like(liked)
    score()
    assert order() == [liked, brigaded]


def test_likes_are_counted_at_once_and_again_with_a_new_row() -> None:
    repo = indexed()
    like(repo)
    count_likes(repo.pk)
    assert SearchRow.objects.get(repository=repo).likes == 1
    SearchRow.objects.all().delete()
    index_repository(repo.pk)
    assert SearchRow.objects.get(repository=repo).likes == 1


def test_lists_by_likes_and_by_trend_go_on_where_they_stopped() -> None:
    user, repos = make_user(), [indexed() for _number in range(3)]
    for number, repo in enumerate(repos):
        for _like in range(number):
            like(repo)
    score()
    for sort in ("likes", "trending"):
        first = search(Kind.MODEL, user, sort=sort, limit=2)
        second = search(Kind.MODEL, user, sort=sort, limit=2, cursor=first.next_cursor)
        assert [row.repository for row in (*first.rows, *second.rows)] == repos[::-1]
