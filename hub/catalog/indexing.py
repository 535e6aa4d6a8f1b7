"""Making a repository's search row from its files. Safe to run twice, and at the same time."""

from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.search import SearchVectorField
from django.db import transaction
from django.db.models import DateField, Value
from django.db.models.functions import Cast

from hub.catalog.facts import Facts, read_facts
from hub.catalog.models import Facet, RepoStats, SearchRow, first_day
from hub.community.models import Like
from hub.core import words
from hub.core.markdown import plain_text
from hub.core.statements import Given, Statement
from hub.repos.models import GitRef, Kind, Repository
from hub.repos.models.git import MAIN

# Raise it when rows come out differently: the sweep makes all older ones anew.
VERSION = 2

# Facet -> the field of a dataset's card that states it. The client protocol prefixes its tags with the field.
DATASET_FIELDS = {
    "size": "size_categories",
    "task_id": "task_ids",
    "multilinguality": "multilinguality",
    "language_creator": "language_creators",
    "benchmark": "benchmark",
}
MAX_FACET = 180  # characters of a value to filter by
MAX_CARD_TEXT = 64 * 1024  # characters of a card that can be found
MAX_SUMMARY = 240
MAX_CARD_BYTES = 64 * 1024  # of the metadata that a row keeps
# `main` may move while its files are read; then they are read again.
ATTEMPTS = 5


def index_repository(repo_id: int) -> bool:
    """Bring the search row up to date with `main`. False where there is nothing to index, or `main` never stood still."""
    for _attempt in range(ATTEMPTS):
        head = _head(repo_id)
        repo = Repository.objects.filter(pk=repo_id).first()
        if head is None or repo is None:
            return False
        facts = read_facts(repo)
        facets = _facets(facts, repo.kind)
        numbers = _facet_numbers(facets)
        values = _values(facts, repo.kind)
        if _write(repo_id, head, facts, facets, {**values, "facets": numbers}):
            return True
    return False


def _head(repo_id: int) -> str | None:
    return GitRef.objects.filter(repository=repo_id, name=MAIN).values_list("oid", flat=True).first()


@transaction.atomic
def _write(repo_id: int, head: str, facts: Facts, facets: list[tuple[str, str]], values: dict[str, Any]) -> bool:
    """Write the row unless `main` has moved since. The lock lets one writer in at a time, and the newest state wins."""
    ref = GitRef.objects.select_for_update(no_key=True).filter(repository=repo_id, name=MAIN, oid=head).first()
    if ref is None:
        return False
    # Read under the lock: it may have been renamed while the files were read.
    repo = Repository.objects.select_related("namespace").get(pk=repo_id)
    title = facts.card.title
    vector = words.vector(
        [
            ("A", f"{repo.full_name} {title}"),
            ("B", " ".join(value for _key, value in facets)),
            ("C", values["summary"]),
            ("D", " ".join(plain_text(facts.card.body, MAX_CARD_TEXT))),
        ]
    )
    stats = RepoStats.objects.filter(repository=repo).first()
    SearchRow.objects.update_or_create(
        repository=repo,
        defaults={
            **values,
            "kind": repo.kind,
            "head": head,
            "version": VERSION,
            "name": repo.full_name.lower(),
            "label": f"{repo.full_name} {title}".strip().lower(),
            "words": Cast(Value(vector), SearchVectorField()),
            "created_at": repo.created_at,
            "updated_at": repo.updated_at,
            "downloads": stats.downloads if stats else 0,
            "likes": Like.objects.filter(repository=repo).count(),
        },
    )
    return True


def _values(facts: Facts, kind: str) -> dict[str, Any]:
    metadata = facts.card.metadata
    return {
        "summary": summary_of(facts.card.body),
        "card": metadata if len(repr(metadata)) <= MAX_CARD_BYTES else {},
        "tags": _tags(facts, kind),
        "config": facts.config,
        "task": facts.task,
        "library": facts.library,
        "license": facts.card.license,
        "parameters": sum(facts.dtypes.values()) if facts.dtypes else None,
        "dtypes": facts.dtypes or {},
        "used_bytes": facts.used_bytes,
    }


def summary_of(body: str) -> str:
    """Return the first paragraph of a card that is a sentence, cut at a word; "" where there is none."""
    for paragraph in plain_text(body, 16 * 1024):
        if len(paragraph) >= 40 or paragraph.endswith((".", "!", "?", "。", "！", "？")):
            if len(paragraph) <= MAX_SUMMARY:
                return paragraph
            cut = paragraph[:MAX_SUMMARY]
            return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:，；：") + "…"
    return ""


def _facets(facts: Facts, kind: str) -> list[tuple[str, str]]:
    """Return (key, value) for everything to filter by, lower case, once each."""
    card = facts.card
    found = [("task", facts.task), ("library", facts.library), ("license", card.license)]
    found += [("task", task) for task in card.tasks]
    found += [("language", value) for value in card.languages]
    found += [("tag", value) for value in card.tags]
    found += [("dataset", value) for value in card.datasets]
    found += [("arxiv", value) for value in facts.papers]
    found += [("format", value) for value in facts.formats]
    if kind == Kind.MODEL:
        found += [("base_model", value) for value in card.base_models]
        found += [("base_model", f"{facts.relation}:{value}") for value in card.base_models]
        found += [("relation", facts.relation), ("arch", facts.config.get("model_type", ""))]
        found += [("app", name) for name in facts.apps]
    elif kind == Kind.DATASET:
        for key, field in DATASET_FIELDS.items():
            found += [(key, value) for value in _texts(card.metadata.get(field))]
        found += [("benchmark", "official")] if card.metadata.get("benchmark") is True else []
    elif kind == Kind.SPACE:
        used = facts.config["models"]
        found += [("sdk", facts.config["sdk"]), *(("model", value) for value in used)]
        found += [("linked", "true")] if used or card.datasets else []
    return list(dict.fromkeys((key, value.lower()[:MAX_FACET]) for key, value in found if value))


def _tags(facts: Facts, kind: str) -> list[str]:
    """Return the tags as the client protocol lists them."""
    card = facts.card
    if kind == Kind.DATASET:
        tags = [f"task_categories:{task}" for task in card.tasks]
        tags += [f"language:{code}" for code in card.languages]
        for field in DATASET_FIELDS.values():
            tags += [f"{field}:{value}" for value in _texts(card.metadata.get(field))]
        tags += [f"format:{name}" for name in facts.formats]
        tags += card.tags
    elif kind == Kind.SPACE:
        tags = [facts.config["sdk"], *card.tags]
    else:
        architecture = facts.config.get("model_type", "")
        tags = [facts.library, *facts.formats, architecture, facts.task, *card.tags, *card.languages]
        tags += [f"dataset:{name}" for name in card.datasets]
        for base in card.base_models:
            tags += [f"base_model:{base}", f"base_model:{facts.relation}:{base}"]
    tags += [f"arxiv:{paper}" for paper in facts.papers]
    if card.license:
        tags.append(f"license:{card.license}")
    return list(dict.fromkeys(tag for tag in tags if tag))


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, str) and 0 < len(v) <= 160][:20]


def _facet_numbers(facets: Iterable[tuple[str, str]]) -> list[int]:
    """Return the numbers of the facets, made where they are new. Two queries, three the first time that a value is seen."""
    wanted = sorted(set(facets))
    known = _known(wanted)
    if missing := [pair for pair in wanted if pair not in known]:
        # In one order everywhere, so that two tasks with the same new values wait for each other and never both.
        Facet.objects.bulk_create([Facet(key=k, value=v) for k, v in missing], ignore_conflicts=True)
        known.update(_known(missing))
    return sorted(known[pair] for pair in wanted)


def _known(pairs: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    rows = Facet.objects.filter(value__in={value for _key, value in pairs}).values_list("key", "value", "pk")
    wanted = set(pairs)
    return {(key, value): pk for key, value, pk in rows if (key, value) in wanted}


_ROW = Statement(
    lambda: (
        SearchRow.objects.filter(repository=Given("repository", Repository._meta.pk))
        .defer("words")
        .with_downloads(Given("since", DateField()))
    )
)


def current_row(repo: Repository, head: str | None = None) -> SearchRow:
    """Return what is known of `main` now, with its downloads: the row, or, where that is behind, with what the files say in
    place of what it holds. It is not for saving.

    head: that of `main`, where the caller has just asked.
    """
    row = _ROW.first(repository=repo.pk, since=first_day()) or SearchRow(repository=repo)
    head = head or _head(repo.pk) or ""
    if row.version == VERSION and row.head == head:
        return row
    row.head = head
    for name, value in _values(read_facts(repo), repo.kind).items():
        setattr(row, name, value)
    return row
