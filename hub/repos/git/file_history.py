"""The history of one path: those commits that changed it."""

from collections.abc import Iterable

from hub.repos.git.history import history
from hub.repos.git.objects import TREE_MODE, Entry, parse_tree, read_objects
from hub.repos.models import GitCommit, Repository

# Commits that one request looks through, and how many of them at once.
MAX_COMMITS = 2000
BATCH = 250


def path_history(repo: Repository, commit: GitCommit, path: str, limit: int) -> list[GitCommit]:
    """Return up to `limit` commits that changed the file or folder at `path`, newest first.

    A commit counts where the path differs from that of its first parent. Looks back through MAX_COMMITS commits, with
    one query for each level of folders and each BATCH of them.
    """
    found: list[GitCommit] = []
    line = list(history(repo, commit)[:MAX_COMMITS])
    for start in range(0, len(line), BATCH):
        batch = line[start : start + BATCH]
        there = _entries_at(repo.store_id, batch, path)
        parents = {c.parents[0] for c in batch if c.parents} - there.keys()
        if parents:
            outside = GitCommit.objects.filter(store=repo.store_id, oid__in=list(parents))
            there |= _entries_at(repo.store_id, outside, path)
        for each in batch:
            before = there.get(each.parents[0]) if each.parents else None
            if there[each.oid] != before:
                found.append(each)
                if len(found) == limit:
                    return found
    return found


def _entries_at(store_id: int, commits: Iterable[GitCommit], path: str) -> dict[str, Entry | None]:
    """Return for each commit's id what is at `path`, None for nothing. One query for each part of the path."""
    at: dict[str, Entry | None] = {c.oid: Entry(TREE_MODE, c.tree) for c in commits}
    for segment in path.split("/"):
        folders = {entry.oid for entry in at.values() if entry and entry.is_tree}
        # Many commits share a tree; each is parsed once.
        inside = {oid: parse_tree(content).get(segment) for oid, content in read_objects(store_id, folders).items()}
        at = {oid: inside.get(entry.oid) if entry and entry.is_tree else None for oid, entry in at.items()}
    return at
