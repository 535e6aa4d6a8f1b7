"""Taking the changes of one line of commits onto another: file by file, and line by line where both have changed the same
file. What that cannot decide is a conflict for people to settle."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.cache import cache
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core.errors import StorageFull, Unavailable
from hub.repos.attributes import MAX_ATTRIBUTES_BYTES, read_attributes
from hub.repos.git.commits import finish_commit
from hub.repos.git.files import find_entries
from hub.repos.git.history import Change, changes, merge_bases
from hub.repos.git.line_merging import OURS, THEIRS, LineMerge, Point, Why, merge_lines
from hub.repos.git.objects import Entry, ObjectWriter
from hub.repos.git.tree_editor import TreeEditor
from hub.repos.models import GitCommit, GitRef, Repository
from hub.repos.models.git import ObjectType
from hub.repos.storage.quotas import SMALL, require_quota

# Lines that have taken each other in crosswise, at most so many times: more is for people to decide.
MAX_CROSSINGS = 4
# For so long it is known what became of two commits, and for so long that it could not be found out, in seconds.
KEEP, KEEP_FAILED = 24 * 3600, 1800
# How long a merge that is to be made waits for others; pages do not.
WAIT_SECONDS = 10


@dataclass(frozen=True)
class Merge:
    """What a side brings to a target since both lines parted.

    base: where they parted, None where they never met. brought: what the side has changed since. changes: what of it is yet to
    be done to the target. conflicts: the paths that cannot be decided. theirs: what the target has (None: nothing) at those of
    them where one of the two can simply stay; at the others a file is in the way of a folder. own: what the side has at all of
    them. lines: the files that both have changed, as git has merged them.
    """

    base: GitCommit | None
    brought: list[Change]
    changes: list[Change]
    conflicts: list[str]
    theirs: dict[str, Entry | None]
    own: dict[str, Entry | None] = field(default_factory=dict)
    lines: LineMerge = field(default_factory=LineMerge)

    def why(self, path: str) -> Why:
        """Say why people have to decide about a path."""
        return self.lines.conflicts.get(path, Why.WHOLE)


def compare_lines(
    repo: Repository,
    target: GitCommit,
    side: GitCommit,
    *,
    names: tuple[str, str] = (OURS, THEIRS),
    texts: bool = True,
    explain: bool = False,
) -> Merge:
    """Find what taking `side` into `target` would change there. A few queries for each level of folders.

    names: what the marks in conflicting texts call target and side. texts: whether the merged and the marked texts are wanted;
    without them it is answered from memory where it was asked before. explain: see merge_lines.
    """
    bases = merge_bases(repo, target, side)
    base = bases[0] if bases else None
    brought = changes(repo, base, side)
    if base == target:
        return Merge(base, brought, brought, [], {})
    brings = {change.path: change.new for change in brought}
    for other in bases[1:]:
        brings |= {change.path: change.new for change in changes(repo, other, side)}
    folders = {folder for path, new in brings.items() if new for folder in _folders_of(path)}
    there = find_entries(repo, target, brings.keys() | folders)
    was = [find_entries(repo, each, brings) for each in bases] or [{}]
    gone = {path for path, new in brings.items() if new is None}
    blocked = {path for path in folders if path in there and not there[path].is_tree and path not in gone}
    wanted: list[Change] = []
    conflicts: set[str] = set()
    disputed: list[str] = []
    theirs: dict[str, Entry | None] = {}
    for path, new in brings.items():
        present = there.get(path)
        if present == new:
            continue
        unchanged = all(present == entries.get(path) for entries in was)
        if new and blocked.intersection(_folders_of(path)):
            conflicts.add(path)
        elif unchanged:
            # A folder, too: what was in it goes by changes of their own.
            wanted.append(Change(path, present, new))
        elif present and present.is_tree:
            conflicts.add(path)
        else:
            theirs[path] = present
            crosswise = len({entries.get(path) for entries in was}) > 1
            (disputed.append if crosswise or (present and new) else conflicts.add)(path)
    lines = LineMerge()
    if disputed:
        ends = [{p: e for p in disputed if (e := there.get(p))}, {p: e for p in disputed if (e := brings[p])}]
        lines = _merged(repo, target, side, bases, disputed, ends, names=names, texts=texts, explain=explain)
        wanted += [Change(path, there.get(path), new) for path, new in lines.merged.items() if new != there.get(path)]
        conflicts |= lines.conflicts.keys()
    return Merge(
        base,
        brought,
        _in_order(wanted),
        sorted(conflicts, key=lambda path: path.split("/")),
        {path: present for path, present in theirs.items() if path in conflicts},
        {path: brings[path] for path in conflicts},
        lines,
    )


def _merged(
    repo: Repository,
    target: GitCommit,
    side: GitCommit,
    bases: list[GitCommit],
    paths: list[str],
    ends: list[dict[str, Entry]],
    *,
    names: tuple[str, str],
    texts: bool,
    explain: bool,
) -> LineMerge:
    """Merge by line the files that both sides have. ends: what the target and the side have at `paths`."""
    key, other_way = (
        f"line-merge:{repo.store_id}:{one.oid}:{two.oid}" for one, two in ((target, side), (side, target))
    )
    merged, conflicts, complete = cache.get(key) or ({}, {}, None)
    if complete is False:
        # What took too long is not tried again at once, whoever asks, and in whichever direction.
        return LineMerge(conflicts=dict.fromkeys(paths, Why.LARGE), complete=False)
    if complete and not texts:
        return LineMerge(
            {path: Entry(*entry) if entry else None for path, entry in merged.items()},
            {path: Why(why) for path, why in conflicts.items()},
        )
    earlier = _with_parents(repo, bases)
    if earlier is None:
        return LineMerge(conflicts=dict.fromkeys(paths, Why.WHOLE))
    place = {commit.oid: number for number, (commit, _parents) in enumerate(earlier)}
    points = [
        Point(
            {path: entry for path, entry in find_entries(repo, commit, paths).items() if not entry.is_tree},
            [place[parent.oid] for parent in parents],
            int(commit.committed_at.timestamp()),
        )
        for commit, parents in earlier
    ]
    parting = [place[commit.oid] for commit in bases]
    points += [
        Point(files, parting, int(commit.committed_at.timestamp()))
        for files, commit in zip(ends, (target, side), strict=True)
    ]
    attributes = read_attributes(repo, target)
    try:
        lines = merge_lines(
            repo.store_id,
            paths,
            points,
            attributes=attributes if len(attributes) <= MAX_ATTRIBUTES_BYTES else b"",
            names=names,
            explain=explain,
            wait_seconds=WAIT_SECONDS if texts and not explain else 0,
        )
    except (StorageFull, Unavailable):
        if texts:
            raise
        # Pages can be read all the same.
        return LineMerge(conflicts=dict.fromkeys(paths, Why.LARGE), complete=False)
    if lines.complete:
        cache.set(key, (lines.merged, lines.conflicts, True), KEEP)
    else:
        cache.set_many(dict.fromkeys((key, other_way), ({}, {}, False)), KEEP_FAILED)
    return lines


def _with_parents(
    repo: Repository, bases: list[GitCommit], depth: int = 0
) -> list[tuple[GitCommit, list[GitCommit]]] | None:
    """Return the commits where two lines parted, and those where these parted in their turn, each after its own; None where
    they met more often than is looked into."""
    if len(bases) < 2:
        return [(base, []) for base in bases]
    if len(bases) > 2 or depth == MAX_CROSSINGS:
        return None
    before = merge_bases(repo, *bases)
    found = _with_parents(repo, before, depth + 1)
    return None if found is None else found + [(base, before) for base in bases]


def apply_changes(
    *,
    repo: Repository,
    ref: GitRef,
    wanted: list[Change],
    actor: User,
    title: str,
    description: str,
    contents: Mapping[str, bytes],
    merged: GitCommit | None = None,
) -> GitCommit:
    """Make one commit of `wanted` on top of a locked ref, in the caller's transaction; the head where nothing changes.

    contents: object id -> content of those files of `wanted` that are not stored yet. merged: the head of the other line, which
    becomes the second parent: all its commits are then part of this line. Raises QuotaExceeded.
    """
    head = GitCommit.objects.get(store=repo.store_id, oid=ref.oid)
    writer = ObjectWriter(repo.store_id)
    editor = TreeEditor(repo.store_id, head.tree)
    new = {change.new.oid for change in wanted if change.new} & contents.keys()
    if (size := sum(len(contents[oid]) for oid in new)) > SMALL:
        require_quota(repo=repo, user=actor, new=size)
    for oid in sorted(new):
        writer.add(ObjectType.BLOB, contents[oid])
    # What goes makes room for what comes: a file may take the name of a folder.
    for change in wanted:
        if change.new is None:
            editor.remove(change.path)
    for change in wanted:
        if change.new is not None:
            editor.put(change.path, change.new)
    return finish_commit(
        repo=repo,
        ref=ref,
        head=head,
        editor=editor,
        writer=writer,
        actor=actor,
        title=title or _("Take in changes"),
        description=description,
        merged=merged,
    )


def _in_order(found: list[Change]) -> list[Change]:
    return sorted(found, key=lambda change: change.path.split("/"))


def _folders_of(path: str) -> list[str]:
    """Return the folders on the way to a path, the root left out."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
