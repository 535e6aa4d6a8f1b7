"""Likes and follows: once each, whatever is asked at the same time, and not of those who have blocked somebody."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from hub.accounts.errors import Suspended
from hub.accounts.models import Namespace, User
from hub.accounts.services import create_token
from hub.community import following
from hub.community.errors import Blocked, TooManyFollows
from hub.community.models import Activity, ActivityKind, Block, Follow, Like
from hub.core.errors import HubError, Invalid, TooMany
from hub.repos.buckets import create_bucket
from hub.repos.errors import ReadOnlyToken
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db


def test_liking_twice_is_liking_once() -> None:
    repo, ada = make_repo(), make_user()
    assert following.like(repo=repo, actor=ada)
    assert not following.like(repo=repo, actor=ada)
    assert Like.objects.filter(repository=repo).count() == 1
    assert following.unlike(repo=repo, actor=ada)
    assert not following.unlike(repo=repo, actor=ada)
    assert not Like.objects.exists()


def test_a_user_is_told_of_a_follower_once() -> None:
    ada, grace = make_user(), make_user()
    assert following.follow(actor=grace, namespace=ada.namespace)
    assert not following.follow(actor=grace, namespace=ada.namespace)
    assert following.unfollow(actor=grace, namespace=ada.namespace)
    assert not following.unfollow(actor=grace, namespace=ada.namespace)
    assert following.follow(actor=grace, namespace=ada.namespace)
    told = Activity.objects.get(kind=ActivityKind.FOLLOW)
    assert (told.actor, told.namespace, told.data) == (grace, ada.namespace, {"to": ada.pk})


def test_organizations_and_repositories_are_followed_quietly() -> None:
    ada, repo = make_user(), make_repo()
    organization = make_organization(make_user())
    assert following.follow(actor=ada, namespace=organization.namespace)
    assert following.follow_repo(actor=ada, repo=repo)
    assert not following.follow_repo(actor=ada, repo=repo)
    assert Follow.objects.filter(follower=ada).count() == 2
    assert not Activity.objects.filter(kind=ActivityKind.FOLLOW).exists()
    assert following.unfollow(actor=ada, repo=repo)
    assert Follow.objects.get().namespace == organization.namespace


def test_nobody_follows_themselves_or_a_closed_account() -> None:
    ada, closed = make_user(), make_user()
    User.objects.filter(pk=closed.pk).update(is_active=False)
    for namespace in (ada.namespace, Namespace.objects.get(user=closed)):
        with pytest.raises(Invalid):
            following.follow(actor=ada, namespace=namespace)


def test_who_is_blocked_neither_follows_nor_likes() -> None:
    ada, troll = make_user(), make_user()
    repo = make_repo(ada)
    Block.objects.create(blocker=ada, blocked=troll)
    refused: list[Callable[[], object]] = [
        lambda: following.follow(actor=troll, namespace=ada.namespace),
        lambda: following.follow_repo(actor=troll, repo=repo),
        lambda: following.like(repo=repo, actor=troll),
        # Nor the other way round.
        lambda: following.follow(actor=ada, namespace=troll.namespace),
    ]
    for attempt in refused:
        with pytest.raises(Blocked):
            attempt()
    assert not Like.objects.exists() and not Follow.objects.exists()


def test_suspended_people_and_reading_tokens_change_nothing() -> None:
    ada, grace, repo = make_user(), make_user(), make_repo()
    ada.suspended_at = timezone.now()
    grace.acting_token = create_token(user=grace, name="t", scope="read")[0]
    for user, error in ((ada, Suspended), (grace, ReadOnlyToken)):
        for attempt in (following.like, following.unlike, following.follow_repo):
            with pytest.raises(error):
                attempt(repo=repo, actor=user)
        with pytest.raises(error):
            following.follow(actor=user, namespace=repo.namespace)
        with pytest.raises(error):
            following.unfollow(actor=user, repo=repo)


def test_buckets_are_not_liked() -> None:
    ada = make_user()
    bucket = create_bucket(actor=ada, namespace=ada.namespace, name="data")
    with pytest.raises(Invalid):
        following.like(repo=bucket, actor=make_user())


def test_so_many_and_not_more(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = make_user()
    monkeypatch.setattr(following, "MAX_FOLLOWS", 2)
    for _number in range(2):
        following.follow_repo(actor=ada, repo=make_repo())
    with pytest.raises(TooManyFollows):
        following.follow_repo(actor=ada, repo=make_repo())
    monkeypatch.setattr(following, "RATE", 1)
    following.like(repo=make_repo(), actor=ada)
    with pytest.raises(TooMany):
        following.like(repo=make_repo(), actor=ada)


@pytest.mark.django_db(transaction=True)
def test_all_at_once_is_once() -> None:
    ada, grace, repo = make_user(), make_user(), make_repo()

    def attempt(number: int) -> str:
        try:
            if number % 2:
                following.like(repo=repo, actor=grace)
            else:
                following.follow(actor=grace, namespace=ada.namespace)
        except HubError as error:
            return error.code
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(attempt, range(12))) == {""}
    assert Like.objects.count() == 1
    assert Follow.objects.count() == 1
    assert Activity.objects.filter(kind=ActivityKind.FOLLOW).count() == 1
