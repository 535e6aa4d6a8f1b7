"""A repository as one JSON object: what `model_info`, `dataset_info` and the lists tell of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from hub.accounts.models import Someone
from hub.api.hf import shapes
from hub.catalog.conditions import loaded_models
from hub.catalog.lineage import count_children, spaces_using
from hub.catalog.models import SearchRow, download_counts
from hub.catalog.trending import points_of
from hub.core.errors import Invalid
from hub.repos.git.files import FileEntry
from hub.repos.models import VERSIONED, Kind, Repository

# Names that the client passes on as arguments of a function that has them already.
_CARD_WORDS_OF_CLIENTS = frozenset({"self", "ignore_metadata_errors"})


@dataclass
class Subject:
    """What is known of a repository for one answer. `row` may be new and unsaved; `files` are those of the revision."""

    repo: Repository
    row: SearchRow
    sha: str
    downloads: int = 0  # of the last thirty days
    downloads_ever: int = 0
    files: list[FileEntry] | None = None
    with_sizes: bool = False
    # Asked of other rows, so known only where `add_relatives` was called for them.
    children: int | None = None
    spaces: list[str] | None = None
    warm: bool = False


def subjects(rows: Iterable[SearchRow]) -> list[Subject]:
    """Return a subject for each row of a list, with its counters. One query."""
    rows = list(rows)
    counts = download_counts(row.repository_id for row in rows)
    return [Subject(row.repository, row, row.head, *counts.get(row.repository_id, (0, 0))) for row in rows]


def add_relatives(listed: Iterable[Subject], names: set[str], user: Someone) -> None:
    """Add what other rows and the workers tell of models, as far as `names` asks for it. Two queries each."""
    models = {s.repo.full_name.lower(): s for s in listed if s.repo.kind == Kind.MODEL}
    if "childrenModelCount" in names:
        counts = count_children(models, user)
        for name, subject in models.items():
            subject.children = counts.get(name, 0)
    if "spaces" in names:
        spaces = spaces_using(models, user)
        for name, subject in models.items():
            subject.spaces = spaces.get(name, [])
    if "inference" in names:
        loaded = loaded_models()
        for name, subject in models.items():
            subject.warm = name in loaded


def card_data(row: SearchRow) -> dict[str, Any]:
    """Return the card's metadata in a form that the client family's constructors take without raising."""
    card = {key: value for key, value in row.card.items() if key not in _CARD_WORDS_OF_CLIENTS}
    if not isinstance(card.get("tags"), list | None):
        card["tags"] = [str(card["tags"])]
    if not isinstance(card.get("model-index"), list | None):
        del card["model-index"]
    return card


def sibling(file: FileEntry, with_sizes: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {"rfilename": file.path}
    if with_sizes:
        shape |= {"size": file.size, "blobId": file.oid}
        if file.sha256:
            shape["lfs"] = shapes.lfs(file, "sha256")
    return shape


def _safetensors(row: SearchRow) -> dict[str, Any] | None:
    return {"parameters": row.dtypes, "total": row.parameters} if row.parameters else None


def _base_models(row: SearchRow) -> list[str] | None:
    """Return the models that it comes from: the tags tell them with and without the relation."""
    named = [tag.removeprefix("base_model:") for tag in row.tags if tag.startswith("base_model:")]
    return [name for name in named if ":" not in name] or None


def _words(value: Any) -> Any:
    return value if isinstance(value, str | list) else None


def _config(row: SearchRow) -> dict[str, Any] | None:
    return {key: value for key, value in row.config.items() if key != "transformers_info"} or None


# Name in `expand` and in the answer -> how it is found. None stays out of the answer: to the client, absent is unknown.
_EVERY: dict[str, Callable[[Subject], Any]] = {
    "author": lambda s: s.repo.namespace.name,
    "cardData": lambda s: card_data(s.row) or None,
    "createdAt": lambda s: shapes.date(s.repo.created_at),
    "disabled": lambda s: False,
    "downloads": lambda s: s.downloads,
    "downloadsAllTime": lambda s: s.downloads_ever,
    "gated": lambda s: s.repo.gate or False,
    "lastModified": lambda s: shapes.date(s.repo.updated_at),
    # Clients before 0.21 raise where the number is missing.
    "likes": lambda s: s.row.likes,
    "private": lambda s: s.repo.private,
    "sha": lambda s: s.sha,
    "siblings": lambda s: None if s.files is None else [sibling(file, s.with_sizes) for file in s.files],
    "tags": lambda s: s.row.tags,
    "trendingScore": lambda s: points_of(s.row.trending),
    "usedStorage": lambda s: s.row.used_bytes,
}
_MODEL: dict[str, Callable[[Subject], Any]] = {
    "config": lambda s: _config(s.row),
    "library_name": lambda s: s.row.library or None,
    "model-index": lambda s: card_data(s.row).get("model-index"),
    "pipeline_tag": lambda s: s.row.task or None,
    "safetensors": lambda s: _safetensors(s.row),
    "spaces": lambda s: s.spaces,
    "transformersInfo": lambda s: s.row.config.get("transformers_info"),
}
_DATASET: dict[str, Callable[[Subject], Any]] = {"description": lambda s: s.row.summary or None}
_SPACE: dict[str, Callable[[Subject], Any]] = {
    "datasets": lambda s: s.row.config.get("datasets"),
    "models": lambda s: s.row.config.get("models"),
    "sdk": lambda s: s.row.config.get("sdk") or None,
}
# Told only where it is asked for.
_WHEN_ASKED: dict[str, dict[str, Callable[[Subject], Any]]] = {
    Kind.MODEL.value: {
        "baseModels": lambda s: _base_models(s.row),
        "childrenModelCount": lambda s: s.children,
        # A worker holds it ready; what is not held may still be asked, and takes longer.
        "inference": lambda s: "warm" if s.warm else None,
        "widgetData": lambda s: _words(s.row.card.get("widget")),
    },
    Kind.DATASET.value: {"paperswithcode_id": lambda s: _words(s.row.card.get("paperswithcode_id"))},
}
# `upload_large_folder` before 1.0 asks this, to choose how it sends.
_XET: dict[str, Callable[[Subject], Any]] = {"xetEnabled": lambda s: True}
_OF_KIND: dict[str, dict[str, Callable[[Subject], Any]]] = {
    Kind.MODEL.value: _MODEL,
    Kind.DATASET.value: _DATASET,
    Kind.SPACE.value: _SPACE,
}
FACTS = {kind: _EVERY | _OF_KIND.get(kind, {}) | _WHEN_ASKED.get(kind, {}) | _XET for kind in map(str, VERSIONED)}
# What of it is in the card, which lists do not load unless they need it.
CARD_FACTS = frozenset({"cardData", "model-index", "widgetData", "paperswithcode_id"})

# Known to the protocol, and not to this hub yet: asked for by name they stay out of the answer, which says "unknown".
_NOT_YET = {
    Kind.MODEL.value: "evalResults gguf inferenceProviderMapping mask_token resourceGroup",
    Kind.DATASET.value: "citation mainSize resourceGroup",
    Kind.SPACE.value: "region resourceGroup runtime subdomain",
    Kind.KERNEL.value: "resourceGroup",
}
# A line of a list, unless more is asked for.
BRIEF = {
    "author",
    "createdAt",
    "downloads",
    "gated",
    "lastModified",
    "library_name",
    "likes",
    "pipeline_tag",
    "private",
    "sdk",
    "sha",
    "tags",
}
FULL = set(_EVERY).union(*_OF_KIND.values())


def asked(query: QueryDict, kind: str) -> set[str]:
    """Return the facts named by `expand`. Raises Invalid for a name that the protocol does not have."""
    names = {part for value in query.getlist("expand") + query.getlist("expand[]") for part in value.split(",") if part}
    if unknown := names - FACTS[kind].keys() - set(_NOT_YET[kind].split()):
        known = ", ".join(sorted(FACTS[kind]))
        raise Invalid(f'expand does not know "{min(unknown)[:40]}". It takes {known}.', field="expand")
    return names


def describe(subject: Subject, names: set[str]) -> dict[str, Any]:
    """Return the JSON object with `id` and the named facts."""
    shape: dict[str, Any] = {"id": subject.repo.full_name}
    if subject.repo.kind == Kind.MODEL:
        # Clients before 1.0 read the id under this name.
        shape["modelId"] = subject.repo.full_name
    for name, fact in FACTS[subject.repo.kind].items():
        if name in names and (value := fact(subject)) is not None:
            shape[name] = value
    return shape
