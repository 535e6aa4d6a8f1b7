"""What counting a request costs, against the same request uncounted, in the same run and process.

python -m tests.benchmarks.limits [--quick] [--json FILE]
"""

from collections.abc import Callable, Iterator

from django.conf import settings
from django.test import Client

from tests.benchmarks.harness import Figure, compare, database, run
from tests.factories import make_repo, make_token, make_user

REQUESTS, QUICK_REQUESTS = 400, 100  # a turn
MANY = 10**9
COUNTED = {"api": (MANY, MANY), "resolvers": (MANY, MANY), "pages": (MANY, MANY)}
UNCOUNTED = {"api": (0, 0), "resolvers": (0, 0), "pages": (0, 0)}


def measure(quick: bool) -> Iterator[Figure]:
    with database():
        owner = make_user()
        repo = make_repo(owner)
        calls = {"whoami": "/api/whoami-v2", "model info": f"/api/models/{repo.full_name}"}
        client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {make_token(owner)}"})
        for name, path in calls.items():
            many = QUICK_REQUESTS if quick else REQUESTS
            yield compare(
                f"{many} x {name}",
                _asking(client, path, many, COUNTED),
                _asking(client, path, many, UNCOUNTED),
                other_name="uncounted",
                aim=0.9,
            )


def _asking(client: Client, path: str, many: int, limits: dict[str, tuple[int, int]]) -> Callable[[int], None]:
    def ask(_turn: int) -> None:
        settings.RATE_LIMITS = limits
        for _request in range(many):
            assert client.get(path).status_code == 200

    return ask


if __name__ == "__main__":
    run(__doc__, measure)
