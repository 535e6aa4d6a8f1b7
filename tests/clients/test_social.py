"""Likes, follows and overviews as the client library asks for them."""

import httpx2 as httpx

from tests.clients.conftest import Client
from tests.waiting import wait_until

LIKED = """
import json
from huggingface_hub import HfApi, get_session
from huggingface_hub.utils import build_hf_headers
api, repo = HfApi(), "{owner}/liked"
def web(path):
    # The library has no call for what pages do by their buttons.
    get_session().post(api.endpoint + path, headers=build_hf_headers()).raise_for_status()
web(f"/api/models/{{repo}}/like")
told = {{
    "likes": [api.list_liked_repos("{owner}").total, api.list_liked_repos("{owner}").models],
    "likers": [user.username for user in api.list_repo_likers(repo)],
    "info": type(api.model_info(repo).likes).__name__,
    "listed": [item.id for item in api.list_models(author="{owner}", sort="likes")],
    "trending": [item.id for item in api.list_models(author="{owner}", sort="trending_score")],
    "score": [item.trending_score for item in api.list_models(author="{owner}", expand=["trendingScore"])],
}}
api.unlike(repo)
api.unlike(repo)
told["unliked"] = list(api.list_repo_likers(repo))
told["followers"] = [user.username for user in api.list_user_followers("{owner}")]
told["following"] = [user.username for user in api.list_user_following("{owner}")]
mine, theirs = api.get_user_overview("{owner}"), api.get_organization_overview("{organization}")
told["overview"] = [mine.num_models, mine.num_likes, mine.num_followers, mine.num_following]
told["organization"] = [theirs.num_users, theirs.num_followers, theirs.num_models]
told["members"] = [user.username for user in api.list_organization_members("{organization}")]
told["its_followers"] = [user.username for user in api.list_organization_followers("{organization}")]
print(json.dumps(told))
"""

FOLLOWED = """
from hub.accounts.models import Namespace, User
from hub.accounts.organizations import create_organization
from hub.community.following import follow
ada, bob = (User.objects.get(username=name) for name in ("{ada}", "{bob}"))
organization = create_organization(name="{ada}-org", owner=ada)
follow(actor=bob, namespace=ada.namespace)
follow(actor=bob, namespace=organization.namespace)
follow(actor=ada, namespace=bob.namespace)
"""


def test_every_call_about_people(ada: Client, bob: Client) -> None:
    ada.hub.manage("shell", "-c", FOLLOWED.format(ada=ada.name, bob=bob.name))
    liked = f"{ada.name}/liked"
    ada.python(f"from huggingface_hub import HfApi\nHfApi().create_repo({liked!r})\nprint(0)")
    wait_until(lambda: len(httpx.get(f"{ada.hub.url}/api/models?author={ada.name}").json()) == 1)
    assert ada.python(LIKED.format(owner=ada.name, organization=f"{ada.name}-org")) == {
        "likes": [1, [liked]],
        "likers": [ada.name],
        "info": "int",
        "listed": [liked],
        "trending": [liked],
        "score": [0],
        "unliked": [],
        "followers": [bob.name],
        "following": [bob.name],
        "overview": [1, 0, 1, 1],
        "organization": [1, 1, 0],
        "members": [ada.name],
        "its_followers": [bob.name],
    }
