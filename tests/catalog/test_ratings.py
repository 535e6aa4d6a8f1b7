"""The score of a model in its search row: when it changes, and what lists make of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from hub.accounts.models import User
from hub.accounts.suspensions import end_suspensions, lift_suspension, suspend_user
from hub.catalog.indexing import index_repository
from hub.catalog.models import SearchRow
from hub.catalog.ratings import rate, rate_all
from hub.catalog.search import search
from hub.catalog.tasks import rate_some, score_some
from hub.catalog.trending import points_of, score
from hub.community.deletion import delete_account
from hub.community.models import Like, Review
from hub.community.reviews.ratings import hub, rating_of
from hub.community.reviews.scoring import NEUTRAL, Vote, hub_mean
from hub.community.reviews.services import delete_review, post_review
from hub.core.background import queue
from hub.repos.models import Kind, Repository
from tests.factories import make_repo, make_reviewer, make_user
from tests.web.repos import text_of

pytestmark = pytest.mark.django_db


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


def test_who_is_suspended_back_or_gone_counts_otherwise_at_once(
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    repo, other, liked = rated([5] * 5), rated([1] * 5), rated([])
    moderator = make_user(admin=True)
    review = Review.objects.filter(repository=repo).latest("pk")
    person = review.author
    assert person is not None
    Like.objects.create(user=person, repository=liked)

    def trending() -> float:
        return points_of(SearchRow.objects.get(pk=liked.pk).trending)

    def after(change: Callable[[], object]) -> tuple[float | None, float]:
        # What nobody concerned reviewed stays as it is until the sweep.
        SearchRow.objects.filter(pk=other.pk).update(rating=4.321)
        with django_capture_on_commit_callbacks() as committed:
            change()
        for task, *of in [call.args for call in committed if getattr(call, "func", None) is queue]:
            if task in (rate_some, score_some):
                task(*of)
        assert rating(other) == 4.321
        return rating(repo), trending()

    rate_all()
    score()
    whole = (rating(repo), trending())
    assert whole[0] is not None and whole[1] > 0
    assert after(lambda: suspend_user(user=person, actor=moderator, reason="Spam.")) == (None, 0)
    assert after(lambda: lift_suspension(user=person, actor=moderator)) == whole
    soon = timezone.now() + timedelta(days=1)
    assert after(lambda: suspend_user(user=person, actor=moderator, reason="Spam.", until=soon)) == (None, 0)
    assert after(end_suspensions) == (None, 0)
    User.objects.filter(pk=person.pk).update(suspended_until=timezone.now() - timedelta(seconds=1))
    assert after(end_suspensions) == whole
    person.refresh_from_db()
    assert person.suspended_at is None and end_suspensions() == 0
    assert after(lambda: delete_account(user=person, erase=False, with_repositories=False)) == (None, 0)


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
