"""Taking the changes of one line of commits onto another, file by file. Contents are never merged: a file that both sides
have changed, each in its own way, is a conflict for people to settle."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.repos.git.commits import finish_commit
from hub.repos.git.files import find_entries
from hub.repos.git.history import Change, changes, merge_base
from hub.repos.git.objects import ObjectWriter
from hub.repos.git.tree_editor import TreeEditor
from hub.repos.models import GitCommit, GitRef, Repository


@dataclass(frozen=True)
class Merge:
    """What a side brings since both lines parted: what is to be done to the target, and the paths that cannot be decided."""

    changes: list[Change]
    conflicts: list[str]


def compare_lines(repo: Repository, target: GitCommit, side: GitCommit) -> Merge:
    """Find what taking `side` into `target` would change there. A few queries for each level of folders."""
    base = merge_base(repo, target, side)
    brought = changes(repo, base, side)
    if base == target:
        return Merge(brought, [])
    folders = {folder for change in brought if change.new for folder in _folders_of(change.path)}
    paths = {change.path for change in brought}
    there = find_entries(repo, target, paths | folders)
    was = find_entries(repo, base, paths) if base else {}
    gone = {change.path for change in brought if change.new is None}
    blocked = {path for path in folders if path in there and not there[path].is_tree and path not in gone}
    wanted, conflicts = [], []
    for change in brought:
        present = there.get(change.path)
        if present == change.new:
            continue
        if present != was.get(change.path) or (change.new and blocked.intersection(_folders_of(change.path))):
            conflicts.append(change.path)
        else:
            wanted.append(change)
    return Merge(wanted, conflicts)


def apply_changes(
    *, repo: Repository, ref: GitRef, wanted: list[Change], actor: User, title: str, description: str
) -> GitCommit:
    """Make one commit of `wanted` on top of a locked ref, in the caller's transaction; the head where nothing changes."""
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
    )


def _folders_of(path: str) -> list[str]:
    """Return the folders on the way to a path, the root left out."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
