"""Taking the changes of one line of commits onto another, file by file. Contents are never merged: a file that both sides
have changed, each in its own way, is a conflict for people to settle."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.repos.git.commits import finish_commit
from hub.repos.git.files import find_entries
from hub.repos.git.history import Change, changes, merge_base
from hub.repos.git.objects import Entry, ObjectWriter
from hub.repos.git.tree_editor import TreeEditor
from hub.repos.models import GitCommit, GitRef, Repository


@dataclass(frozen=True)
class Merge:
    """What a side brings to a target since both lines parted.

    base: where they parted, None where they never met. brought: what the side has changed since. changes: what of it is yet to
    be done to the target. conflicts: the paths that cannot be decided. theirs: what the target has (None: nothing) at those of
    them where one of the two can simply stay; at the others a file is in the way of a folder.
    """

    base: GitCommit | None
    brought: list[Change]
    changes: list[Change]
    conflicts: list[str]
    theirs: dict[str, Entry | None]


def compare_lines(repo: Repository, target: GitCommit, side: GitCommit) -> Merge:
    """Find what taking `side` into `target` would change there. A few queries for each level of folders."""
    base = merge_base(repo, target, side)
    brought = changes(repo, base, side)
    if base == target:
        return Merge(base, brought, brought, [], {})
    folders = {folder for change in brought if change.new for folder in _folders_of(change.path)}
    paths = {change.path for change in brought}
    there = find_entries(repo, target, paths | folders)
    was = find_entries(repo, base, paths) if base else {}
    gone = {change.path for change in brought if change.new is None}
    blocked = {path for path in folders if path in there and not there[path].is_tree and path not in gone}
    wanted, conflicts = [], []
    theirs: dict[str, Entry | None] = {}
    for change in brought:
        present = there.get(change.path)
        if present == change.new:
            continue
        if (change.new and blocked.intersection(_folders_of(change.path))) or (present and present.is_tree):
            conflicts.append(change.path)
        elif present != was.get(change.path):
            conflicts.append(change.path)
            theirs[change.path] = present
        else:
            wanted.append(change)
    return Merge(base, brought, wanted, conflicts, theirs)


def apply_changes(
    *,
    repo: Repository,
    ref: GitRef,
    wanted: list[Change],
    actor: User,
    title: str,
    description: str,
    merged: GitCommit | None = None,
) -> GitCommit:
    """Make one commit of `wanted` on top of a locked ref, in the caller's transaction; the head where nothing changes.

    merged: the head of the other line, which becomes the second parent: all its commits are then part of this line.
    """
    head = GitCommit.objects.get(store=repo.store_id, oid=ref.oid)
    writer = ObjectWriter(repo.store_id)
    editor = TreeEditor(repo.store_id, head.tree)
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


def _folders_of(path: str) -> list[str]:
    """Return the folders on the way to a path, the root left out."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
