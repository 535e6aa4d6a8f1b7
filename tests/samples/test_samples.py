"""Sample content: what people say fits what was uploaded, all of it goes again, and nobody else's things with it."""

import re

import httpx2 as httpx
import pytest

from hub.accounts.models import Namespace, Organization, User
from hub.community.models import Collection, Discussion, Like, Review
from hub.repos.models import Kind, Repository
from hub.repos.releases import create_release
from hub.samples import content
from hub.samples.errors import NamesTaken
from hub.samples.services import (
    hold_discussions,
    like_and_collect,
    make_people,
    make_samples,
    propose_changes,
    remove_samples,
    write_reviews,
)
from tests import live
from tests.factories import make_repo, make_user
from tests.waiting import wait_until


@pytest.mark.django_db
def test_what_people_say_is_made_and_removed() -> None:
    people = make_people("correct horse battery")
    organization = Organization.objects.get(namespace__name=content.ORGANIZATION)
    owner = people[content.MIRA]
    for name in (content.BASE, content.CHAT, content.CHINESE, content.MOOD):
        make_repo(owner, name=name, organization=organization)
    for name in (content.HANDBOOK, content.MESSAGES, content.OPINIONS):
        make_repo(owner, name=name, kind=Kind.DATASET, organization=organization)
    base = Repository.objects.get(name=content.BASE)
    for tag in (content.EARLY, content.FIRST):
        create_release(repo=base, actor=owner, tag=tag, notes="What is new.")
    other = make_repo(make_user("passer-by"))

    hold_discussions(people)
    write_reviews(people)
    like_and_collect(people)
    propose_changes(people)
    assert Discussion.objects.count() == len(content.THREADS) + len(content.PROPOSALS)
    assert Collection.objects.count() == len(content.COLLECTIONS)
    assert Review.objects.filter(repository=base).count() == len(content.REVIEWS[content.BASE])

    assert remove_samples(say=lambda _text: None) == len(content.PEOPLE)
    assert list(Repository.objects.all()) == [other]
    assert list(User.objects.values_list("username", flat=True)) == ["passer-by"]
    assert not any(table.objects.exists() for table in (Organization, Review, Discussion, Collection, Like))
    assert remove_samples(say=lambda _text: None) == 0


@pytest.mark.django_db
def test_a_name_that_is_taken_is_said_before_anything_is_made() -> None:
    make_user(content.TOMAS)
    with pytest.raises(NamesTaken, match=content.TOMAS):
        make_samples(url="http://127.0.0.1:9", python=live.BASE / "python", say=lambda _text: None)
    assert not Namespace.objects.filter(name=content.ORGANIZATION).exists()


@pytest.mark.full
def test_a_hub_full_of_samples(working_hub: live.Instance) -> None:
    said = working_hub.run("make_samples", "--url", working_hub.url, seconds=600)
    assert said.returncode == 0, said.stdout + said.stderr
    assert re.search(r"with the password \S+", said.stdout)
    board = f"{working_hub.url}/api/v1/datasets/{content.ORGANIZATION}/{content.HANDBOOK}/leaderboard"
    wait_until(lambda: len(httpx.get(board).json()["rows"]) == 2, 300)
    assert "here already" in working_hub.run("make_samples", "--url", working_hub.url).stderr
    assert "8 accounts" in working_hub.manage("remove_samples", "--yes")
    assert httpx.get(f"{working_hub.url}/{content.ORGANIZATION}/{content.BASE}").status_code == 404
