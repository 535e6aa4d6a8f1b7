"""Buttons, the feed and profiles, as pages show them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from hub.accounts.models import User
from hub.accounts.services import update_profile
from hub.community.following import follow, follow_repo, like
from hub.community.models import Block, Collection, Follow, Like
from hub.community.reviews.services import post_review
from hub.repos.models import Repository, Visibility
from tests.factories import make_organization, make_repo, make_user
from tests.web.conftest import browser_of
from tests.web.repos import owner, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo() -> Repository:
    return make_repo()


def test_liking_and_following_by_buttons(browser: Client, member: User, repo: Repository) -> None:
    card = f"/{repo.full_name}"
    for act, model in (("like", Like), ("follow", Follow)):
        assert browser.post(f"{card}/{act}")["Location"] == card
        assert model.objects.count() == 1
        page = text_of(browser, card)
        assert 'aria-pressed="true"' in page and "1 person likes this" in page
        browser.post(f"{card}/{act}", {"undo": "1"})
        assert model.objects.count() == 0
        browser.post(f"{card}/{act}")
    assert member.username in text_of(Client(), f"{card}/likes")
    assert Client().post(f"{card}/like")["Location"].startswith("/login")
    assert browser.get(f"{card}/like")["Location"] == card


def test_following_people_by_a_button(browser: Client, member: User) -> None:
    ada = make_user()
    assert browser.post(f"/following/{ada.username}", {"back": "home"})["Location"] == "/"
    assert browser.post(f"/following/{ada.username}", {"back": "//evil.example"})["Location"] == f"/{ada.username}"
    assert member.username in text_of(Client(), f"/{ada.username}?tab=followers")
    assert ada.username in text_of(Client(), f"/{member.username}?tab=following")
    browser.post(f"/following/{ada.username}", {"undo": "1"})
    assert not Follow.objects.exists()
    Block.objects.create(blocker=ada, blocked=member)
    page = browser.post(f"/following/{ada.username}", follow=True).content.decode()
    assert "has blocked you" in page and not Follow.objects.exists()
    assert browser.post("/following/nobody-here").status_code == 404


def test_home_is_the_feed(browser: Client, member: User, repo: Repository) -> None:
    assert "Follow what you care for" in text_of(browser, "/")
    follow_repo(actor=member, repo=repo)
    page = text_of(browser, "/")
    assert "published the model" in page and repo.full_name in page
    assert "Nothing of this kind" in text_of(browser, "/?show=reviews")
    for wrong in ("?show=noise", "?before=x", "?before=-1"):
        assert browser.get(f"/{wrong}").status_code == 404
    assert text_of(Client(), "/")


def test_home_costs_the_same_however_much_there_is(
    browser: Client, member: User, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for _number in range(8):
        follow(actor=member, namespace=owner(make_repo()).namespace)
    with django_assert_max_num_queries(16):
        assert text_of(browser, "/").count("published the model") == 8


TABS = ("overview", "collections", "activity", "followers")


def test_every_tab_of_profiles(
    browser: Client, member: User, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    organization = make_organization(member)
    for number in range(8):
        mine = make_repo(member)
        make_repo(member, organization=organization)
        other = make_repo()
        like(repo=other, actor=member)
        post_review(repo=other, author=member, stars=5, text=f"Review {number}")
        follow(actor=member, namespace=owner(other).namespace)
        follow(actor=owner(other), namespace=member.namespace)
        Collection.objects.create(namespace=member.namespace, key=f"{number:024}", title=f"Collection {number}")
    pages = {
        f"/{member.username}": (*TABS, "models", "reviews", "likes", "following"),
        f"/{organization.namespace.name}": (*TABS, "models", "members"),
    }
    for address, tabs in pages.items():
        for tab in tabs:
            with django_assert_max_num_queries(17):
                text_of(browser, f"{address}?tab={tab}")
    me = f"/{member.username}"
    assert mine.name in text_of(browser, f"{me}?tab=models")
    assert other.name in text_of(Client(), f"{me}?tab=likes")
    assert "Review 7" in text_of(Client(), f"{me}?tab=reviews")
    assert "Collection 7" in text_of(Client(), f"{me}?tab=collections")
    assert "reviewed" in text_of(Client(), f"{me}?tab=activity")
    for wrong in ("members", "nothing", "%00"):
        assert browser.get(f"{me}?tab={wrong}").status_code == 404


def test_a_profile_tells_nothing_of_what_is_hidden(browser: Client, member: User) -> None:
    hidden = make_repo(visibility=Visibility.PRIVATE, name="unheard-of")
    theirs = owner(hidden)
    like(repo=hidden, actor=theirs)
    Collection.objects.create(namespace=theirs.namespace, key="0" * 24, title="Unheard of", is_private=True)
    for tab in ("overview", "likes", "reviews", "activity", "collections"):
        own = text_of(browser_of(theirs), f"/{theirs.username}?tab={tab}").lower()
        for visitor in (Client(), browser):
            page = text_of(visitor, f"/{theirs.username}?tab={tab}")
            assert "unheard" not in page.lower() and '<span class="n">' not in page
        assert "unheard" in own or tab == "reviews"
    assert browser.get(f"/{theirs.username}?tab=models").status_code == 404


def test_names_in_any_script_stay_in_their_place(browser: Client, member: User) -> None:
    for name, shown in (
        ("林雨辰", "林雨辰"),
        ("مهندس البيانات", "مهندس البيانات"),
        ("👩\u200d🔬 Ada", "👩\u200d🔬 Ada"),
        ("admin\u202egpj.exe", "admin gpj.exe"),
        ("\u200b\u2066", member.username),
        ("W" * 80, "W" * 80),
    ):
        update_profile(user=member, display_name=name, bio="", website="")
        page = text_of(browser, f"/{member.username}")
        assert f'<h1 class="breakable"><bdi>{shown}</bdi></h1>' in page
        assert "\u202e" not in page


def test_who_is_suspended_or_gone_is_said(browser: Client) -> None:
    ada = make_user()
    User.objects.filter(pk=ada.pk).update(suspended_at=timezone.now(), suspension_reason="Spam for sale.")
    page = text_of(browser, f"/{ada.username}")
    assert "Moderators have suspended this account" in page and "Spam for sale" not in page
    assert browser.get("/never-was").status_code == 404
