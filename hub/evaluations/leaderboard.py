"""The leaderboard of a dataset: one row a model, for one group of settings.

Bits per byte ranks, as it counts what the model makes of the text, whatever its tokenizer cuts it into; perplexity is per
token, so two numbers compare only under one tokenizer. A rank is a range: models whose 95 % intervals overlap share it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from django.core.cache import cache

from hub.accounts.models import Someone
from hub.evaluations.models import GROUP, Run
from hub.evaluations.plans import data_files
from hub.repos.git.files import resolve_revision
from hub.repos.models import GitCommit, GitRef, Repository
from hub.repos.models.git import MAIN

MAX_GROUPS = 50
# Results of one group that are looked at, the newest first.
MAX_RUNS = 2000
REMEMBERED_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Group:
    """The settings that results must share to be compared. count: how many results have them."""

    config: str
    split: str
    column: str
    context: int
    stride: int
    max_tokens: int
    count: int = field(default=0, compare=False)

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in GROUP}

    @classmethod
    def of(cls, run: Run) -> Self:
        return cls(**{name: getattr(run, name) for name in GROUP})


@dataclass
class Row:
    """A model's place. ranks: (best, worst) of what its interval allows; None where the dataset has other data by now.

    older: how many more results the model has in this group. current: `commit` is the head of the model's main.
    """

    run: Run
    older: int
    current: bool
    stale: bool
    ranks: tuple[int, int] | None = None

    @property
    def score(self) -> float:
        return float(self.run.result.metrics["bits_per_byte"])

    @property
    def margin(self) -> float:
        return float(self.run.result.metrics.get("bits_per_byte_margin") or 0)

    def to_json(self) -> dict[str, Any]:
        metrics, record = self.run.result.metrics, self.run.result.record
        return {
            "rank": self.ranks[0] if self.ranks else None,
            "rank_worst": self.ranks[1] if self.ranks else None,
            "model": self.run.model.full_name,
            "model_commit": self.run.model_commit,
            "model_commit_is_current": self.current,
            "dataset_commit": self.run.dataset_commit,
            "dataset_is_current": not self.stale,
            **{
                name: metrics.get(name)
                for name in ("bits_per_byte", "bits_per_byte_margin", "perplexity", "tokens", "bytes")
            },
            "parameters": record.get("parameters"),
            "evaluation": self.run.pk,
            "evaluated_at": self.run.result.created_at.isoformat(timespec="seconds"),
            "evaluated_by": self.run.user.username if self.run.user else None,
        }


def groups_of(dataset: Repository, user: Someone) -> list[Group]:
    """Return the groups in which the dataset has results that `user` may see, the one with most models first."""
    runs = Run.objects.visible_to(user).filter(dataset=dataset).done()
    rows = runs.order_by().values_list("model", *GROUP).distinct()[: MAX_RUNS * 4]
    counted = Counter(row[1:] for row in rows)
    found = [Group(**dict(zip(GROUP, settings, strict=True)), count=count) for settings, count in counted.items()]
    return sorted(found, key=lambda group: (-group.count, -group.max_tokens, group.split, group.column))[:MAX_GROUPS]


def choose_group(groups: list[Group], query: Mapping[str, str]) -> Group | None:
    """Return the first group that fits what an address says of its settings."""
    asked = {name: query[name] for name in GROUP if name in query}
    fitting = (group for group in groups if all(str(getattr(group, name)) == value for name, value in asked.items()))
    return next(fitting, None)


def rows_of(dataset: Repository, group: Group, user: Someone) -> list[Row]:
    """Return a row for each model that `user` may see: ranked ones first, best first, then those on older data."""
    found = Run.objects.visible_to(user).filter(dataset=dataset, **group.to_json()).done().with_names()
    runs = list(found.select_related("model__search_row").newest_first()[:MAX_RUNS])
    heads = dict(
        GitRef.objects.filter(repository__in={run.model_id for run in runs}, name=MAIN).values_list("repository", "oid")
    )
    fresh = _commits_with_data_of_now(dataset, {run.dataset_commit for run in runs})
    by_model: dict[int, list[Run]] = {}
    for run in runs:
        by_model.setdefault(run.model_id, []).append(run)
    generations = _generations(runs)
    rows = []
    for model, its in by_model.items():
        best = max(its, key=lambda run: (run.dataset_commit in fresh, generations.get(run.model_commit, 0), run.pk))
        current = heads.get(model) == best.model_commit
        rows.append(Row(best, len(its) - 1, current, best.dataset_commit not in fresh))
    _rank([row for row in rows if not row.stale])
    return sorted(rows, key=lambda row: (row.stale, row.score))


def _rank(rows: list[Row]) -> None:
    for row in rows:
        low, high = row.score - row.margin, row.score + row.margin
        better = sum(other.score + other.margin < low for other in rows)
        not_worse = sum(other.score - other.margin <= high for other in rows)
        row.ranks = (better + 1, not_worse)


def _generations(runs: Iterable[Run]) -> dict[str, int]:
    """Return commit -> how far it is from the first one. A commit that is gone from the history has none."""
    wanted = list(runs)
    commits = GitCommit.objects.filter(
        store__in={run.model.store_id for run in wanted}, oid__in={run.model_commit for run in wanted}
    )
    return dict(commits.values_list("oid", "generation"))


def _commits_with_data_of_now(dataset: Repository, commits: set[str]) -> set[str]:
    """Return those of the dataset's commits that hold the same rows as main does now: a new card changes no result."""
    head = resolve_revision(dataset, "main")
    now = _data_digest(dataset, head)
    there = GitCommit.objects.filter(store=dataset.store_id, oid__in=commits)
    return {commit.oid for commit in there if commit.oid == head.oid or _data_digest(dataset, commit) == now}


def _data_digest(dataset: Repository, commit: GitCommit) -> str:
    """Return a digest of the files that hold a commit's rows. It never changes, so it is remembered."""
    key = f"dataset-rows:{dataset.store_id}:{commit.oid}"
    known = cache.get(key)
    if known is None:
        files = sorted((file.path, file.oid) for file in data_files(dataset, commit))
        known = hashlib.sha256(json.dumps(files).encode()).hexdigest()
        cache.set(key, known, REMEMBERED_SECONDS)
    return str(known)
