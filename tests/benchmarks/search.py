"""How fast the catalogue answers, against the plain way to do the same over the same rows in the same run.

python -m tests.benchmarks.search [--quick] [--json FILE]
"""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.search import SearchVectorField
from django.db import connection
from django.db.models import Q, Value
from django.db.models.functions import Cast
from django.utils import timezone

from hub.catalog.conditions import Conditions
from hub.catalog.indexing import VERSION, _facet_numbers, index_repository
from hub.catalog.models import SearchRow, SearchRowQuerySet
from hub.catalog.search import search
from hub.core import words
from hub.repos.models import GitStore, Kind, Repository
from tests.benchmarks.harness import Figure, compare, database, run
from tests.factories import make_repo, make_user

ROWS = 100_000
QUICK_ROWS = 5_000
OWNERS = 200
ANYBODY = AnonymousUser()
ENGLISH = (
    "model small trained stories garden text language fine tuned answers questions weights speech image code medical "
    "legal chat instruct base vision summary translation river forest leaf grove"
).split()
CHINESE = (
    "模型 小型 训练 故事 花园 文本 语言 微调 回答 问题 权重 语音 图像 代码 医学 法律 对话 指令 基础 视觉 摘要 翻译 河流 森林"
).split()
TASKS = ("text-generation", "text-classification", "fill-mask", "translation", "image-classification")
LICENSES = ("mit", "apache-2.0", "cc-by-4.0", "other")


def measure(quick: bool) -> Iterator[Figure]:
    count = QUICK_ROWS if quick else ROWS
    with database():
        begun = time.perf_counter()
        fill(count)
        print(f"{count} rows made in {time.perf_counter() - begun:.0f} s", flush=True)
        yield from measure_all()


def fill(count: int) -> None:
    """Make repositories with search rows: names, English and Chinese text, a task and a licence each."""
    chance = random.Random(7)
    owners = [make_user(f"owner{number}") for number in range(OWNERS)]
    numbers = {
        pair: _facet_numbers([pair])[0] for pair in [*(("task", t) for t in TASKS), *(("license", n) for n in LICENSES)]
    }
    store = GitStore.objects.create()
    now = timezone.now()
    for start in range(0, count, 1000):
        made = Repository.objects.bulk_create(
            Repository(
                kind=Kind.MODEL,
                namespace=chance.choice(owners).namespace,
                name=f"{'-'.join(chance.sample(ENGLISH, 2))}-{number}",
                store=store,
            )
            for number in range(start, min(start + 1000, count))
        )
        SearchRow.objects.bulk_create(row_of(repo, chance, numbers, now) for repo in made)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE catalog_searchrow")
        cursor.execute("ANALYZE")


def row_of(repo: Repository, chance: random.Random, numbers: dict[tuple[str, str], int], now: Any) -> SearchRow:
    text = f"{' '.join(chance.choices(ENGLISH, k=60))}. {''.join(chance.choices(CHINESE, k=40))}。"
    if repo.pk % 500 == 0:
        text += " zebra 斑马"
    task, license_id = chance.choice(TASKS), chance.choice(LICENSES)
    vector = words.vector([("A", repo.full_name), ("B", f"{task} {license_id}"), ("D", text)])
    return SearchRow(
        repository=repo,
        kind=repo.kind,
        head="0" * 40,
        version=VERSION,
        name=repo.full_name.lower(),
        label=repo.full_name.lower(),
        words=Cast(Value(vector), SearchVectorField()),
        # The plain way searches the text itself.
        summary=text,
        tags=[task, f"license:{license_id}"],
        facets=sorted((numbers["task", task], numbers["license", license_id])),
        created_at=now,
        updated_at=now,
        downloads=int(chance.paretovariate(0.6)),
    )


def measure_all() -> Iterator[Figure]:
    rows = SearchRow.objects.filter(kind=Kind.MODEL).visible_to(ANYBODY)

    def plain(text: str) -> Callable[[int], object]:
        found = rows.filter(Q(label__icontains=text) | Q(summary__icontains=text))
        return lambda turn: first_page(found)

    def ours(**conditions: Any) -> Callable[[int], object]:
        return lambda turn: search(Kind.MODEL, ANYBODY, sort="downloads", with_count=False, **conditions)

    yield compare("two Chinese signs, rare", ours(query="斑马"), plain("斑马"), "ILIKE", 5)
    yield compare("two Chinese signs, in most rows", ours(query="模型"), plain("模型"), "ILIKE", 0.3)
    yield compare("an English word, rare", ours(query="zebra"), plain("zebra"), "ILIKE", 5)
    yield compare("two words that few share", ours(query="zebra grove"), plain("zebra grove"), "ILIKE", 5)
    some = rows.order_by("-pk")[0]
    yield compare("a whole name", ours(query=some.name), plain(some.name), "ILIKE", 5)
    yield compare("a part of a name", ours(query=some.name[3:]), plain(some.name[3:]), "ILIKE", 2)
    tags = [TASKS[0], f"license:{LICENSES[0]}"]
    yield compare(
        "task and licence, counted",
        lambda turn: search(
            Kind.MODEL,
            ANYBODY,
            where=Conditions(facets={"task": [TASKS[0]], "license": [LICENSES[0]]}),
            sort="downloads",
        ),
        lambda turn: (first_page(rows.filter(tags__contains=tags)), rows.filter(tags__contains=tags).count()),
        "JSON tags",
        1.5,
    )
    deep = rows.count() * 9 // 10
    cursor = cursor_at(deep)
    yield compare(
        "a page nine tenths down the list",
        ours(cursor=cursor),
        lambda turn: list(rows.with_repositories().order_by("-downloads", "-pk")[deep : deep + 31]),
        "OFFSET",
        3,
    )
    everything = ours()
    counted = ours(with_facets=True)
    yield compare("the list with its facet counts", counted, everything, "without", 0.01)
    repo = make_repo(name="fresh")
    yield compare("indexing a repository", lambda turn: index_repository(repo.pk), everything, "a list", 0.02)


def first_page(rows: SearchRowQuerySet) -> list[SearchRow]:
    return list(rows.with_repositories().order_by("-downloads", "-pk")[:31])


def cursor_at(depth: int) -> str:
    """Turn the pages down to a depth, as a reader would."""
    cursor = ""
    for _page in range(depth // 1000):
        cursor = search(Kind.MODEL, ANYBODY, sort="downloads", cursor=cursor, limit=1000, with_count=False).next_cursor
    return cursor


if __name__ == "__main__":
    run(__doc__, measure)
