"""What the commonest calls of clients cost, against a plain view behind the same middleware that checks a token and asks the
database once; and a page of a long listing against its limit.

python -m tests.benchmarks.requests [--quick] [--json FILE]
"""

import gc
from collections.abc import Callable, Iterator

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path
from django.utils.timezone import now

from hub.api.authentication import user_of_request
from hub.catalog.indexing import index_repository
from hub.repos.models import Repository
from hub.urls import urlpatterns as hub_addresses
from tests.benchmarks.harness import Figure, compare, database, run
from tests.factories import make_repo, make_token, make_user
from tests.web.repos import commit_files

REQUESTS, QUICK_REQUESTS = 300, 60  # a turn
FILES, QUICK_FILES = 10_000, 2_000
PAGE = 1_000
LIMIT_MS = 100
SMALL = {
    "README.md": "---\nlicense: mit\n---\n# Small\n",
    "config.json": '{"model_type": "gpt2"}',
    "tokenizer.json": "{}" * 500,
}


def plain(request: HttpRequest, namespace: str, name: str) -> JsonResponse:
    """The least that a call can be: who asks, and one row."""
    user = user_of_request(request)
    repo = Repository.objects.filter(namespace__name=namespace, name=name).values("pk", "kind", "visibility").get()
    return JsonResponse({**repo, "by": user.get_username()})


# As one of the hub's own addresses, before all others.
urlpatterns = [path("api/plain/<str:namespace>/<str:name>", plain), *hub_addresses]


def measure(quick: bool) -> Iterator[Figure]:
    settings.ROOT_URLCONF = __name__
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (10**9, 10**9))
    # As the web processes have it: what is loaded at their start is not looked through for garbage again.
    gc.freeze()
    with database():
        owner = make_user()
        repo = make_repo(owner)
        commit = commit_files(repo, dict(SMALL))
        index_repository(repo.pk)
        client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {make_token(owner)}"})
        many = QUICK_REQUESTS if quick else REQUESTS
        name = repo.full_name
        calls = {
            "model_info": ("get", f"/api/models/{name}"),
            "resolve HEAD": ("head", f"/{name}/resolve/{commit.oid}/config.json"),
            "small GET": ("get", f"/{name}/resolve/{commit.oid}/config.json"),
            "absent file HEAD": ("head", f"/{name}/resolve/{commit.oid}/absent.json"),
        }
        for what, (method, address) in calls.items():
            yield compare(
                f"{many} x {what}",
                _asking(client, method, address, many),
                _asking(client, "get", f"/api/plain/{name}", many),
                other_name="a view with one query",
                aim=0.7,
                rounds=3 if quick else 9,
            )
        yield from _long_listing(client, repo, QUICK_FILES if quick else FILES)


def _asking(client: Client, method: str, address: str, many: int) -> Callable[[int], None]:
    def ask(_turn: int) -> None:
        for _request in range(many):
            answer = getattr(client, method)(address)
            if answer.streaming:
                list(answer)

    return ask


def _long_listing(client: Client, repo: Repository, files: int) -> Iterator[Figure]:
    for folder in range(10):
        commit_files(
            repo, {f"data/part-{folder}/{n:05}.txt": f"{folder} {n}" for n in range(files // 10)}, f"Part {folder}"
        )
    address: str | None = f"/api/models/{repo.full_name}/tree/main?recursive=true&expand=true&limit={PAGE}"
    times = []
    client.get(address)
    while address:
        begun = now()
        answer = client.get(address)
        times.append((now() - begun).total_seconds() * 1000)
        assert answer.status_code == 200, answer.content
        assert len(answer.json()) <= PAGE
        link = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
        address = link.replace("http://testserver", "").replace("http://localhost", "") or None
    slowest = max(times)
    yield Figure(
        name=f"the slowest of {len(times)} pages of {PAGE} of {files} files with last commits",
        ours=slowest,
        other=LIMIT_MS,
        other_name="the limit",
        ratio=LIMIT_MS / slowest,
        unit="ms",
        aim=1.0,
    )


if __name__ == "__main__":
    run(__doc__, measure)
