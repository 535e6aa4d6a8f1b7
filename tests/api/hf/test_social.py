"""Likes and follows by the client protocol: pages, counts, and nothing of what the caller may not know."""

from typing import Any

import pytest
from django.test import Client

from hub.accounts.models import User
from hub.community.following import follow, follow_repo, like
from hub.community.models import Like
from hub.repos.models import Visibility
from tests.factories import make_organization, make_repo, make_token, make_user

pytestmark = pytest.mark.django_db


def call(address: str, by: User | None = None, method: str = "GET", scope: str = "write") -> Any:
    headers = {"Authorization": f"Bearer {make_token(by, scope)}"} if by else {}
    return Client().generic(method, f"/api/{address}", headers=headers)


def follow_links(address: str) -> list[Any]:
    met = []
    while address:
        answer = call(address)
        met += answer.json()
        link = answer.headers.get("Link", "")
        address = link.partition("/api/")[2].partition(">")[0]
    return met


def test_like_and_unlike() -> None:
    repo, ada = make_repo(), make_user()
    address = f"models/{repo.full_name}/like"
    for _time in range(2):
        assert call(address, ada, "POST").status_code == 200
        assert [item["user"] for item in call(f"models/{repo.full_name}/likers").json()] == [ada.username]
    assert call(f"users/{ada.username}/overview").json()["numLikes"] == 1
    assert call(address, None, "POST").status_code == 401
    assert call(address, ada, "DELETE", "read").status_code == 403
    for _time in range(2):
        assert call(address, ada, "DELETE").status_code == 200
    assert not Like.objects.exists()


def test_likes_of_hidden_repositories_are_told_to_nobody_else() -> None:
    hidden, public, ada = make_repo(visibility=Visibility.PRIVATE), make_repo(), make_user()
    theirs = hidden.created_by
    assert theirs is not None
    for repo in (hidden, public):
        like(repo=repo, actor=theirs)
    likes = f"users/{theirs.username}/likes"
    assert len(call(likes, theirs).json()) == 2
    for caller in (None, ada):
        (item,) = call(likes, caller).json()
        assert item["repo"] == {"name": public.full_name, "type": "model"}
        assert call(f"users/{theirs.username}/overview", caller).json()["numLikes"] == 1
        assert call(f"models/{hidden.full_name}/likers", caller).status_code in (401, 404)
        assert call(f"models/{hidden.full_name}/like", caller, "POST").status_code in (401, 404)


def test_followers_and_following() -> None:
    ada, grace, repo = make_user(), make_user(), make_repo()
    organization = make_organization(ada).namespace
    follow(actor=grace, namespace=ada.namespace)
    follow(actor=grace, namespace=organization)
    follow_repo(actor=grace, repo=repo)
    names = {"user": ada.username, "fullname": ada.username}
    assert names.items() <= call(f"users/{grace.username}/following").json()[0].items()
    assert len(call(f"users/{grace.username}/following").json()) == 1
    for address in (f"users/{ada.username}/followers", f"organizations/{organization.name}/followers"):
        assert [item["user"] for item in call(address).json()] == [grace.username]
    told = call(f"users/{ada.username}/overview", grace).json()
    assert (told["numFollowers"], told["numFollowing"], told["isFollowing"]) == (1, 0, True)
    assert call(f"users/{grace.username}/overview").json()["numFollowing"] == 1
    assert call(f"organizations/{organization.name}/overview").json()["numFollowers"] == 1
    assert call(f"users/{organization.name}/followers").status_code == 404
    assert call(f"organizations/{ada.username}/followers").status_code == 404


def test_pages_meet_everybody_once() -> None:
    repo, people = make_repo(), [make_user() for _number in range(5)]
    for user in people:
        like(repo=repo, actor=user)
    met = follow_links(f"models/{repo.full_name}/likers?limit=2")
    assert [item["user"] for item in met] == [user.username for user in reversed(people)]
    assert call(f"models/{repo.full_name}/likers?cursor=x").status_code == 400
