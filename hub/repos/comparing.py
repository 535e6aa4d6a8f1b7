"""What is different between two revisions: commits, files, what the card states, the weights. Bounded: it is for reading."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hub.repos import cards
from hub.repos.diffs import FileDiff, diff_changes
from hub.repos.errors import EntryNotFound
from hub.repos.git.commits import content_facts
from hub.repos.git.files import FileEntry, list_folder
from hub.repos.git.history import Change, changes
from hub.repos.git.reachable import reachable_commits
from hub.repos.models import GitCommit, Repository
from hub.repos.safetensors import HeaderInvalid, read_header

# Stands between the two revisions of a comparison: no name of a branch or tag has two dots in a row.
BETWEEN = "..."
MAX_COMMITS = 100  # that are named; all are counted
MAX_DIFFS = 200  # files whose lines are compared; all are counted
MAX_FIELDS = 100  # of the card
MAX_VALUE = 300  # characters of a field's value
# Beside it, other files hold the same weights in other forms.
WHOLE_MODEL = "model.safetensors"
MAX_WEIGHT_FILES = 64
MAX_WEIGHT_HEADERS = 8 * 1024 * 1024  # bytes that the headers of one revision may have


@dataclass(frozen=True)
class FieldChange:
    """One field of the card's metadata; None on the side where it is not. Values that are no text are JSON."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Weights:
    """The weights of one revision: dtype (BF16, F32, …) -> number of parameters, the most first."""

    by_dtype: dict[str, int]

    @property
    def parameters(self) -> int:
        return sum(self.by_dtype.values())


@dataclass(frozen=True)
class Comparison:
    """What `new` has that `old` has not, and the other way round. The files compared are those of the two commits
    themselves, wherever their histories parted.

    ahead, behind: commits that only `new`, or only `old`, reaches; `commits` are the newest of the former.
    counts: "added", "modified", "deleted" -> files. grown: bytes by which all files together have grown.
    old_weights, new_weights: None where a revision has no safetensors files in its root folder, or they cannot be read;
    weights_changed tells whether any of those files is different.
    """

    old: GitCommit
    new: GitCommit
    commits: list[GitCommit]
    ahead: int
    behind: int
    diffs: list[FileDiff]
    counts: dict[str, int]
    grown: int
    fields: list[FieldChange]
    weights_changed: bool
    old_weights: Weights | None = field(default=None)
    new_weights: Weights | None = field(default=None)

    @property
    def changed(self) -> int:
        """How many files differ."""
        return sum(self.counts.values())


def compare_revisions(repo: Repository, old: GitCommit, new: GitCommit) -> Comparison:
    """Compare two commits of a repository whose files the caller may fetch (get_repo_for_content).

    Time: a few queries for each level of folders that differ, one for each history, and the headers of changed weights.
    """
    changed = changes(repo, old, new)
    old_facts = content_facts(repo.store_id, {c.path: c.old for c in changed if c.old is not None})
    new_facts = content_facts(repo.store_id, {c.path: c.new for c in changed if c.new is not None})
    ahead = reachable_commits(repo.store_id, [bytes.fromhex(new.oid)], [bytes.fromhex(old.oid)])
    behind = reachable_commits(repo.store_id, [bytes.fromhex(old.oid)], [bytes.fromhex(new.oid)])
    named = GitCommit.objects.filter(store=repo.store_id, oid__in=[c.oid.hex() for c in ahead[:MAX_COMMITS]])
    old_files, new_files = _weight_files(repo, old), _weight_files(repo, new)
    weights_changed = {(f.path, f.oid) for f in old_files} != {(f.path, f.oid) for f in new_files}
    return Comparison(
        old=old,
        new=new,
        commits=list(named.select_related("author").order_by("-generation", "-committed_at", "oid")),
        ahead=len(ahead),
        behind=len(behind),
        diffs=diff_changes(repo, changed[:MAX_DIFFS]),
        counts={
            "added": sum(c.old is None for c in changed),
            "modified": sum(c.old is not None and c.new is not None for c in changed),
            "deleted": sum(c.new is None for c in changed),
        },
        grown=sum(size for size, _sha256 in new_facts.values()) - sum(size for size, _sha256 in old_facts.values()),
        fields=_compare_cards(cards.card_at(repo, old), cards.card_at(repo, new)) if _touches_card(changed) else [],
        weights_changed=weights_changed,
        old_weights=_weights(repo, old_files) if weights_changed else None,
        new_weights=_weights(repo, new_files) if weights_changed else None,
    )


def _touches_card(changed: list[Change]) -> bool:
    return any(change.path == cards.CARD_FILE for change in changed)


def _compare_cards(old_card: cards.Card, new_card: cards.Card) -> list[FieldChange]:
    old, new = old_card.metadata, new_card.metadata
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return [FieldChange(name[:MAX_VALUE], _said(old, name), _said(new, name)) for name in names[:MAX_FIELDS]]


def _said(card: dict[str, Any], name: str) -> str | None:
    """Return a field's value in words: a list of words with commas, anything else that is no text as JSON."""
    if name not in card:
        return None
    value = card[name]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = ", ".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"


def _weight_files(repo: Repository, commit: GitCommit) -> list[FileEntry]:
    """Return the safetensors files of the root folder; where the whole model is in one, that one."""
    found = [file for file in list_folder(repo, commit) if not file.is_folder and file.name.endswith(".safetensors")]
    return [file for file in found if file.name == WHOLE_MODEL] or found


def _weights(repo: Repository, files: list[FileEntry]) -> Weights | None:
    if not files or len(files) > MAX_WEIGHT_FILES:
        return None
    total: Counter[str] = Counter()
    room = MAX_WEIGHT_HEADERS
    for file in files:
        try:
            header = read_header(repo, file, limit=room)
        except (HeaderInvalid, EntryNotFound):
            return None
        room -= header.length
        total.update(header.by_dtype)
    return Weights(dict(total.most_common()))
