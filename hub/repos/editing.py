"""Writing one text file as somebody edits it: what they have seen may not change under them unnoticed."""

from django.utils.translation import gettext as _

from hub.core.errors import Conflict
from hub.repos.errors import EntryNotFound, RevisionNotFound, StaleParent
from hub.repos.git.commits import Delete, Operation, Stage
from hub.repos.git.files import find_entry, resolve_revision
from hub.repos.models import GitCommit, Repository


def edit_file(
    *, repo: Repository, head: GitCommit, seen: str, path: str, target: str, before: str, text: str
) -> list[Operation]:
    """Stage `text` for `target`; return the operations of a commit on top of `head`, the revision as it is now.

    path: the file that was opened, "" for a new one; where `target` differs, it moves there. before: its text at `head`.
    seen: the commit that the writer opened. Others may have committed since, as long as they left these paths alone.
    Raises StaleParent where they did not, Conflict where `target` is taken, PathInvalid.
    """
    _check_unchanged(repo, head, seen, {path, target} - {""})
    if target != path and _oid_at(repo, head, target):
        raise Conflict(
            _("There is a “%(path)s” already. Choose another path, or edit that file.") % {"path": target}, field="path"
        )
    # Browsers send line ends as CR LF; the file keeps those that it had.
    text = text.replace("\r\n", "\n")
    if "\r\n" in before:
        text = text.replace("\n", "\r\n")
    stage = Stage(repo)
    operations: list[Operation] = [stage.file(target, text.encode())]
    if path and target != path:
        operations.insert(0, Delete(path))
    stage.finish()
    return operations


def title_of_edit(path: str, target: str) -> str:
    """Return what the commit of an edit is called, where its writer says nothing."""
    if not path:
        return _("Add %(path)s") % {"path": target}
    if path != target:
        return _("Move %(path)s to %(target)s") % {"path": path, "target": target}
    return _("Edit %(path)s") % {"path": target}


def _check_unchanged(repo: Repository, head: GitCommit, seen: str, paths: set[str]) -> None:
    if seen == head.oid:
        return
    try:
        opened = resolve_revision(repo, seen)
    except RevisionNotFound:
        opened = None
    if opened is None or any(_oid_at(repo, opened, path) != _oid_at(repo, head, path) for path in paths):
        raise StaleParent(
            _(
                "Somebody has changed this file since you opened it. Your text is kept below. Compare it with theirs; "
                "if you commit again, yours takes the place of theirs."
            )
        )


def _oid_at(repo: Repository, commit: GitCommit, path: str) -> str | None:
    try:
        return find_entry(repo, commit, path).oid
    except EntryNotFound:
        return None
