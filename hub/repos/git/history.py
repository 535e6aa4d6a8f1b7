"""How a repository came to be: its commits, those that changed one path, and what one commit changed."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from hub.repos.git.objects import EMPTY_TREE, TREE_MODE, Entry, parse_tree, read_objects
from hub.repos.models import GitCommit, Repository

# Commits that are looked through for the last change of a path, where no row knows it.
MAX_LOOK_BACK = 200
# Commits that the history of one path looks through, and how many of them at once.
MAX_COMMITS = 2000
BATCH = 250


def history(repo: Repository, commit: GitCommit) -> QuerySet[GitCommit]:
    """Return the commit and all its ancestors, newest first: greater generation first, then the later time."""
    return (
        GitCommit.objects.filter(store=repo.store_id)
        .extra(
            where=[
                """oid IN (WITH RECURSIVE line(oid) AS (
                    SELECT %s::bytea
                    UNION SELECT parent FROM line JOIN repos_gitcommit c ON c.store_id = %s AND c.oid = line.oid,
                        unnest(c.parents) AS parent
                ) SELECT oid FROM line)"""
            ],
            params=[bytes.fromhex(commit.oid), repo.store_id],
        )
        .select_related("author")
        .order_by("-generation", "-committed_at", "oid")
    )


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


def merge_bases(repo: Repository, one: GitCommit, other: GitCommit) -> list[GitCommit]:
    """Return the commits where two lines parted, newest first: those that both have, and that no other such commit has among
    its ancestors. Several where each line has taken the other one in, none where their histories never met. One query."""
    values = [bytes.fromhex(one.oid), repo.store_id, bytes.fromhex(other.oid), repo.store_id, repo.store_id]
    found = GitCommit.objects.filter(store=repo.store_id).extra(
        where=[
            """oid IN (WITH RECURSIVE mine(oid) AS (
                    SELECT %s::bytea
                    UNION SELECT parent FROM mine JOIN repos_gitcommit c ON c.store_id = %s AND c.oid = mine.oid,
                        unnest(c.parents) AS parent
                ), theirs(oid) AS (
                    SELECT %s::bytea
                    UNION SELECT parent FROM theirs JOIN repos_gitcommit c ON c.store_id = %s AND c.oid = theirs.oid,
                        unnest(c.parents) AS parent
                ), shared AS (SELECT oid FROM mine INTERSECT SELECT oid FROM theirs)
                SELECT oid FROM shared
                EXCEPT SELECT parent FROM shared JOIN repos_gitcommit c ON c.store_id = %s AND c.oid = shared.oid,
                    unnest(c.parents) AS parent)"""
        ],
        params=values,
    )
    return list(found.order_by("-generation", "-committed_at", "oid"))


@dataclass(frozen=True)
class Change:
    """What happened to one file between two commits; `old` or `new` is None where it was added or deleted.

    source: the path that the file had before, where `join_renames` found that it was moved; "" otherwise.
    """

    path: str
    old: Entry | None
    new: Entry | None
    source: str = ""


def changes(repo: Repository, old: GitCommit | None, new: GitCommit) -> list[Change]:
    """Return each file that differs between two commits (None: the empty tree), by path.

    Equal folders are not read; the others in a few queries for each level, however many they are.
    """
    found: list[Change] = []
    level = [("", old.tree if old else EMPTY_TREE, new.tree)]
    while level:
        deeper: list[tuple[str, str, str]] = []
        for start in range(0, len(level), BATCH):
            batch = level[start : start + BATCH]
            contents = read_objects(repo.store_id, (oid for _prefix, *both in batch for oid in both))
            for prefix, was, now in batch:
                before, after = parse_tree(contents.get(was, b"")), parse_tree(contents.get(now, b""))
                for name in before.keys() | after.keys():
                    _compare(prefix + name, before.get(name), after.get(name), found, deeper)
        level = deeper
    return sorted(found, key=lambda change: change.path.split("/"))


def join_renames(changed: list[Change]) -> list[Change]:
    """Tell of files that were moved as they are in one change: a path that has gone and one that has come with the same
    content. A file that was moved and edited stays two changes."""
    gone: dict[Entry, list[str]] = {}
    for change in reversed(changed):
        if change.old is not None and change.new is None:
            gone.setdefault(change.old, []).append(change.path)
    sources: dict[str, str] = {}
    for change in changed:
        if change.old is None and change.new is not None and gone.get(change.new):
            sources[change.path] = gone[change.new].pop()
    moved = set(sources.values())
    return [
        Change(change.path, change.new, change.new, sources[change.path]) if change.path in sources else change
        for change in changed
        if change.path not in moved
    ]


def _compare(
    path: str, was: Entry | None, now: Entry | None, found: list[Change], deeper: list[tuple[str, str, str]]
) -> None:
    """Note the change at `path`, and the folders there that have to be looked into."""
    was_tree = was.oid if was and was.is_tree else EMPTY_TREE
    now_tree = now.oid if now and now.is_tree else EMPTY_TREE
    if was_tree != now_tree:
        deeper.append((f"{path}/", was_tree, now_tree))
    was_file = was if was and not was.is_tree else None
    now_file = now if now and not now.is_tree else None
    if was_file != now_file:
        found.append(Change(path, was_file, now_file))


def last_commits(repo: Repository, commit: GitCommit, paths: Iterable[str]) -> dict[str, GitCommit]:
    """Return path -> the commit that last changed that file, or anything in that folder, as of `commit`.

    Looks back over MAX_LOOK_BACK commits; paths that none of them changed are left out. A few queries for each commit.
    """
    missing = set(paths)
    found: dict[str, GitCommit] = {}
    rows = list(history(repo, commit)[: MAX_LOOK_BACK + 1])
    known = {row.oid: row for row in rows}
    for row in rows[:MAX_LOOK_BACK]:
        if not missing:
            break
        parent = known.get(row.parents[0]) if row.parents else None
        if row.parents and parent is None:
            break
        for change in changes(repo, parent, row):
            path = change.path
            while path:
                if path in missing:
                    missing.remove(path)
                    found[path] = row
                path = path.rpartition("/")[0]
    return found


def parent_of(repo: Repository, commit: GitCommit) -> GitCommit | None:
    """Return the first parent, None for a first commit."""
    if not commit.parents:
        return None
    return GitCommit.objects.filter(store=repo.store_id, oid=commit.parents[0]).first()
