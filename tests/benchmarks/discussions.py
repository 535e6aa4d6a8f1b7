"""How fast discussions are found by what is said in them, against the plain way to do the same over the same rows.

python -m tests.benchmarks.discussions [--quick] [--json FILE]
"""

import random
import time
from collections.abc import Callable, Iterator

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Q

from hub.community.discussions.indexing import index_all
from hub.community.discussions.search import search
from hub.community.discussions.services import post_comment
from hub.community.models import Discussion, DiscussionEvent, EventKind
from hub.repos.models import GitStore, Kind, Repository
from tests.benchmarks.harness import Figure, compare, database, run
from tests.benchmarks.search import CHINESE, ENGLISH
from tests.factories import make_user

COMMENTS = 100_000
QUICK_COMMENTS = 5_000
EACH = 10  # comments of a discussion
OF_ONE = 20  # discussions of a repository
ANYBODY = AnonymousUser()


def measure(quick: bool) -> Iterator[Figure]:
    count = QUICK_COMMENTS if quick else COMMENTS
    with database():
        begun = time.perf_counter()
        fill(count)
        print(f"{count} comments made in {time.perf_counter() - begun:.0f} s", flush=True)
        yield from measure_all()


def fill(count: int) -> None:
    """Make discussions with English and Chinese comments. One word in a thousand of them is rare, one in twenty common."""
    chance = random.Random(7)
    people = [make_user(f"person{number}") for number in range(50)]
    store = GitStore.objects.create()
    repos = Repository.objects.bulk_create(
        Repository(kind=Kind.MODEL, namespace=chance.choice(people).namespace, name=f"model-{number}", store=store)
        for number in range(count // EACH // OF_ONE)
    )
    for repo in repos:
        made = Discussion.objects.bulk_create(
            Discussion(
                repository=repo, number=n, title=" ".join(chance.sample(ENGLISH, 4)), author=chance.choice(people)
            )
            for n in range(1, OF_ONE + 1)
        )
        said = DiscussionEvent.objects.bulk_create(
            DiscussionEvent(
                discussion=each,
                kind=EventKind.COMMENT,
                author=chance.choice(people),
                text=text_of(chance),
                is_opening=n == 0,
            )
            for each in made
            for n in range(EACH)
        )
        index_all(said)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE community_commentwords")
        cursor.execute("ANALYZE")


def text_of(chance: random.Random) -> str:
    text = f"{' '.join(chance.choices(ENGLISH, k=60))}.\n\n{''.join(chance.choices(CHINESE, k=40))}。"
    if chance.random() < 0.001:
        text += " zebra 斑马"
    if chance.random() < 0.05:
        text += " giraffe 长颈鹿"
    return text


def measure_all() -> Iterator[Figure]:
    everything = Discussion.objects.visible_to(ANYBODY)
    of_one = Discussion.objects.filter(repository=Repository.objects.order_by("pk")[100 % Repository.objects.count()])

    def plain(text: str, rows: object = everything) -> Callable[[int], object]:
        said = DiscussionEvent.objects.filter(kind=EventKind.COMMENT, hidden_at=None)
        for word in text.split():
            said = said.filter(Q(text__icontains=word) | Q(discussion__title__icontains=word))
        found = said.filter(discussion__in=rows).order_by("-pk").values_list("discussion", "pk")
        return lambda turn: list(found[:1001])

    def ours(text: str, rows: object = everything) -> Callable[[int], object]:
        def page(turn: int) -> object:
            found = search(rows, text)  # type: ignore[arg-type]
            shown = list(found.discussions.order_by("-relevance", "-active_at", "-pk")[:26])
            return found.excerpts(shown)

        return page

    for name, text, aim in (
        ("two Chinese signs, rare", "斑马", 3),
        ("two Chinese signs, in most", "模型", 0.3),
        ("an English word, rare", "zebra", 3),
        ("an English word, in one of twenty", "giraffe", 1),
        ("an English word, in most", "model", 0.3),
        ("two words that few share", "zebra grove", 2),
        ("five words that many share", "model garden river leaf grove", 0.5),
        ("the beginning of most words", "s", 0.1),
        ("a word that nobody said", "wombat", 5),
    ):
        yield compare(name, ours(text), plain(text), "ILIKE", aim)
    yield compare("a common word in one repository", ours("model", of_one), plain("model", of_one), "ILIKE", 0.1)
    drafts = everything.filter(status="draft")
    yield compare(
        "a common word where a filter leaves none", ours("model", drafts), plain("model", drafts), "ILIKE", 0.3
    )
    talk = Discussion.objects.select_related("repository__namespace", "author").latest("pk")
    people = iter([make_user() for _ in range(40)])
    yield compare(
        "saying something",
        lambda turn: post_comment(discussion=talk, actor=next(people), text="We trained it on garden texts."),
        ours("zebra"),
        "a search",
        0.2,
    )


if __name__ == "__main__":
    run(__doc__, measure)
