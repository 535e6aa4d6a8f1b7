"""Whom one does not want to hear from, and how little new accounts may do."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hub.accounts.models import OneTimeLink, User
from hub.accounts.services import create_invitation, use_link
from hub.community.blocks import block_user, unblock_user
from hub.community.discussions.services import open_discussion, post_comment
from hub.community.errors import Blocked, NewAccount, TooManyLinks
from hub.community.following import follow, follow_repo, like
from hub.community.limits import OF_NEW_ACCOUNTS, Act, is_new
from hub.community.models import Block, Follow
from hub.community.reviews.services import post_review
from hub.core.errors import Invalid
from tests.factories import make_repo, make_user

pytestmark = pytest.mark.django_db


def test_who_is_blocked_says_nothing_in_what_is_the_others() -> None:
    ada, troll = make_user(), make_user()
    repo, elsewhere = make_repo(ada), make_repo()
    follow(actor=troll, namespace=ada.namespace)
    follow_repo(actor=troll, repo=repo)
    follow(actor=ada, namespace=troll.namespace)
    theirs = open_discussion(repo=elsewhere, actor=ada, title="Why?", text="Tell me.")
    block_user(user=ada, other=troll)
    block_user(user=ada, other=troll)
    assert Block.objects.count() == 1 and not Follow.objects.exists()
    for call in (
        lambda: open_discussion(repo=repo, actor=troll, title="You!", text="You!"),
        lambda: post_comment(discussion=theirs, actor=troll, text="You!"),
        lambda: follow(actor=troll, namespace=ada.namespace),
        lambda: follow_repo(actor=troll, repo=repo),
        lambda: like(repo=repo, actor=troll),
    ):
        with pytest.raises(Blocked):
            call()
    # Nobody chooses their critics.
    assert post_review(repo=repo, author=troll, stars=1).pk
    unblock_user(user=ada, other=troll)
    assert post_comment(discussion=theirs, actor=troll, text="Sorry.").pk
    with pytest.raises(Invalid):
        block_user(user=ada, other=ada)


def test_new_accounts_do_less_and_are_told_when_that_ends(settings: pytest.FixtureRequest) -> None:
    settings.NEW_ACCOUNT_DAYS = 3  # type: ignore[attr-defined]
    fresh, repo = make_user(), make_repo()
    many = " ".join(f"https://example.org/{number}" for number in range(3))
    with pytest.raises(TooManyLinks) as refused:
        open_discussion(repo=repo, actor=fresh, title="Look", text=many)
    assert refused.value.field == "text"
    with pytest.raises(TooManyLinks):
        open_discussion(repo=repo, actor=fresh, title="Look", text="@ada1 @ada2 @ada3 @ada4, look!")
    limit, _seconds = OF_NEW_ACCOUNTS[Act.DISCUSSION]
    for _number in range(limit):
        open_discussion(repo=repo, actor=fresh, title="Look", text="https://example.org me@example.org @ada @ada")
    with pytest.raises(NewAccount) as late:
        open_discussion(repo=repo, actor=fresh, title="Look", text="Again.")
    ends = timezone.localtime(fresh.date_joined + timedelta(days=3))
    assert f"{ends.day}" in late.value.message and late.value.retry_after > 0
    limit, _seconds = OF_NEW_ACCOUNTS[Act.REVIEW]
    for _number in range(limit):
        post_review(repo=make_repo(), author=fresh, stars=5)
    with pytest.raises(NewAccount):
        post_review(repo=make_repo(), author=fresh, stars=5)
    # Three days later, they are like everybody.
    User.objects.filter(pk=fresh.pk).update(date_joined=timezone.now() - timedelta(days=3))
    fresh.refresh_from_db()
    assert open_discussion(repo=repo, actor=fresh, title="Look", text=many).pk


def test_who_was_invited_is_no_stranger(settings: pytest.FixtureRequest) -> None:
    settings.NEW_ACCOUNT_DAYS = 3  # type: ignore[attr-defined]
    admin, guest = make_user(admin=True), make_user()
    assert is_new(guest) and not is_new(admin)
    secret = create_invitation(user=admin)
    use_link(purpose=OneTimeLink.Purpose.INVITATION, secret=secret, user=guest)
    assert not is_new(guest)
