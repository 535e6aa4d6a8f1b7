"""The score of a model in its search row: when it changes, and what lists make of it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from hub.accounts.models import User
from hub.catalog.indexing import index_repository
from hub.catalog.models import SearchRow
from hub.catalog.ratings import rate, rate_all
from hub.catalog.search import search
from hub.community.models import Review
from hub.community.reviews.ratings import hub, rating_of
from hub.community.reviews.scoring import NEUTRAL, Vote, hub_mean
from hub.community.reviews.services import delete_review, post_review
from hub.repos.models import Kind, Repository
from tests.factories import make_repo, make_reviewer, make_user
from tests.web.repos import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> None:
    cache.clear()


def rated(stars: list[int]) -> Repository:
    repo = make_repo()
    index_repository(repo.pk)
    for each in stars:
        post_review(repo=repo, author=make_reviewer(), stars=each)
    return repo


def rating(repo: Repository) -> float | None:
    return SearchRow.objects.get(pk=repo.pk).rating


def test_a_row_follows_its_reviews() -> None:
    repo = rated([5, 5, 5, 5])
    assert not rate(repo.pk) and rating(repo) is None
    last = post_review(repo=repo, author=make_reviewer(), stars=5)
    assert rate(repo.pk) and not rate(repo.pk)
    assert rating(repo) == rating_of(repo) is not None
    # A push makes the row anew and leaves that alone.
    index_repository(repo.pk)
    assert rating(repo) == rating_of(repo)
    assert last.author is not None
    delete_review(review=last, actor=last.author)
    assert rate(repo.pk) and rating(repo) is None
    assert not rate(10**9)


def test_the_sweep_finds_what_nobody_told() -> None:
    repo, other = rated([5] * 6), rated([1] * 3)
    assert rate_all() == 1 and rating(repo) is not None and rating(other) is None
    assert rate_all() == 0
    people = [review.author_id for review in Review.objects.filter(repository=repo)[:2]]
    User.objects.filter(pk__in=people).update(suspended_at=timezone.now())
    assert rate_all() == 1 and rating(repo) is None
    User.objects.filter(pk__in=people).update(suspended_until=timezone.now() - timedelta(hours=1))
    assert rate_all() == 1 and rating(repo) is not None


def test_best_rated_first_and_unrated_last() -> None:
    good, fair, poor = rated([5] * 8), rated([3] * 8), rated([1] * 8)
    few = [rated([5] * 2) for _ in range(3)]
    twin = rated([3] * 8)
    rate_all()
    anybody = AnonymousUser()
    order = [good, twin, fair, poor, *reversed(few)]
    found = search(Kind.MODEL, anybody, sort="rating", limit=50)
    assert [row.pk for row in found.rows] == [repo.pk for repo in order]
    for steady in (False, True):
        met, cursor = [], ""
        while True:
            page = search(Kind.MODEL, anybody, sort="rating", limit=1, cursor=cursor, steady=steady)
            met += [row.pk for row in page.rows]
            if not (cursor := page.next_cursor):
                break
        assert met == [repo.pk for repo in order]


def test_pages_show_it(client: Client) -> None:
    repo = rated([5] * 8)
    rate_all()
    score = f"{rating(repo):.1f}"
    for page in ("/models?sort=rating", repo.get_absolute_url()):
        assert f"Score {score} of 5" in text_of(client, page), page
    assert "Best rated" in text_of(client, "/models") and "Best rated" not in text_of(client, "/datasets")
    found = client.get("/api/v1/models?sort=rating").json()["items"][0]
    assert found["rating"] == rating(repo)


def test_the_mean_of_the_hub_is_the_formula_in_sql() -> None:
    assert hub().mean == NEUTRAL
    repo, began = make_repo(), timezone.now() - timedelta(days=100)
    make_repo(make_reviewer(days=100))
    votes = []
    for n, (stars, days) in enumerate([(5, 90), (1, 1), (4, 12), (2, 45), (3, 20), (1, 0)]):
        author = make_reviewer(days=days)
        made = post_review(repo=repo, author=author, stars=stars)
        votes.append(Vote(n, stars, made.created_at, author.date_joined, False))
    # By its owner, by nobody any more, and of a private model: none of these counts.
    private = make_repo()
    post_review(repo=private, author=make_reviewer(days=90), stars=1)
    private.visibility = "private"
    private.save()
    gone = make_reviewer(days=90)
    post_review(repo=repo, author=gone, stars=1)
    gone.delete()
    cache.clear()
    since = hub().since
    assert abs(since - began) < timedelta(minutes=1)
    assert hub().mean == round(hub_mean(votes, since), 2)


def test_on_a_new_hub_everybody_counts() -> None:
    repo = make_repo()
    index_repository(repo.pk)
    for stars in (5, 5, 4, 4, 5):
        post_review(repo=repo, author=make_user(), stars=stars)
    assert hub().mean == 4.6
    assert rate(repo.pk) and rating(repo) == 4.6
