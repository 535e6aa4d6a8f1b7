"""Taking large files out of all of history: every commit that has them is written again without them.

Trees and commits that had nothing of it keep their ids. Commits get new ids from the first change on; their authors, times and
messages stay, signatures go, since they vouch for something else.
"""

from collections.abc import Iterable

from django.db import connection, models
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core.errors import TooLarge
from hub.repos.git.commits import note_update
from hub.repos.git.objects import EMPTY_TREE, TREE_ENTRY, TREE_MODES, ObjectWriter, read_object
from hub.repos.git.reachable import (
    ReachedCommit,
    contents_of,
    pointers_among,
    reachable_commits,
    reachable_objects,
    tips_of,
)
from hub.repos.models import CommitReceipt, GitCommit, GitPath, GitRef, RefUpdate, Release, Repository
from hub.repos.models.git import BRANCH_PREFIX, TAG_PREFIX, ObjectType
from hub.repos.permissions import check_may_move
from hub.repos.signals import commits_renamed
from hub.repos.uses import follow_uses

MAX_COMMITS = 50_000
COMMITS_AT_ONCE = 200
# Trees whose content is in memory at once; one of 25,000 files has a megabyte.
TREES_AT_ONCE = 20

_EMPTY = bytes.fromhex(EMPTY_TREE)
# What a commit says of others, or of itself as it was.
_REPLACED = (b"tree", b"parent", b"gpgsig", b"gpgsig-sha256", b"mergetag")
_SIGNATURES = (b"-----BEGIN PGP SIGNATURE-----", b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN SIGNED MESSAGE-----")

_FOLLOW = """
UPDATE {table} SET {column} = renamed.new FROM unnest(%(old)s::bytea[], %(new)s::bytea[]) AS renamed(old, new)
WHERE {table}.{column} = renamed.old AND {table}.{owner} = %(repo)s
"""


def rewrite_without(*, repo: Repository, actor: User, sha256s: Iterable[str]) -> dict[str, str]:
    """Write the history of all refs again without the large files `sha256s`; return old commit id -> new one.

    Runs in the caller's transaction, which took `lock_history` before anything else, and which forgets what is unreachable
    afterwards. Branches, tags, releases, pull requests and the listing of `main` follow. Time: each tree is opened once, and
    those that change once more. Raises RefProtected, and TooLarge above MAX_COMMITS commits.
    """
    tips = tips_of(repo).commits
    doomed = _pointers(repo, tips, set(sha256s))
    if not doomed:
        return {}
    commits = reachable_commits(repo.store_id, tips)
    if len(commits) > MAX_COMMITS:
        raise TooLarge(
            _(
                "This repository has %(count)d commits; history is rewritten for up to %(max)d. Delete the files without "
                "rewriting history: their content goes, and the commits stay."
            )
            % {"count": len(commits), "max": MAX_COMMITS}
        )
    writer = ObjectWriter(repo.store_id)
    trees = _Trees(repo.store_id, doomed, writer)
    names: dict[str, str] = {}
    commits.reverse()
    for start in range(0, len(commits), COMMITS_AT_ONCE):
        _rewrite_commits(repo, commits[start : start + COMMITS_AT_ONCE], trees, writer, names)
    _move_refs(repo, actor, writer, names)
    GitPath.objects.filter(repository=repo, sha256__in=list(sha256s)).delete()
    for rows, column in ((GitPath, "last_commit"), (Release, "commit"), (CommitReceipt, "commit")):
        follow_commits(rows, column, repo, names)
    follow_uses(repo=repo, names=names)
    commits_renamed.send(sender=Repository, repository=repo, names=names)
    return names


def follow_commits(
    rows: type[models.Model], column: str, repo: Repository, names: dict[str, str], owner: str = "repository_id"
) -> None:
    """Put the new ids of commits in place of the old ones in a column of all rows of `repo`. One statement."""
    statement = _FOLLOW.format(table=rows._meta.db_table, column=column, owner=owner)
    old, new = ([bytes.fromhex(oid) for oid in oids] for oids in (names.keys(), names.values()))
    with connection.cursor() as cursor:
        cursor.execute(statement, {"old": old, "new": new, "repo": repo.pk})


def _pointers(repo: Repository, tips: list[bytes], sha256s: set[str]) -> set[bytes]:
    """Return the names of the git objects that point at the content, in one way or another of writing it."""
    found: set[bytes] = set()
    for batch in reachable_objects(repo.store_id, tips):
        pointers = pointers_among(repo.store_id, batch)
        found.update(oid for oid, (sha256, _size) in pointers.items() if sha256 in sha256s)
    return found


class _Trees:
    """What becomes of trees without certain objects in them. Each tree is looked into once."""

    def __init__(self, store_id: int, doomed: set[bytes], writer: ObjectWriter) -> None:
        self._store_id = store_id
        self._doomed = doomed
        self._writer = writer
        self._seen: set[bytes] = set()
        self._new: dict[bytes, bytes] = {}  # those that change

    def __getitem__(self, tree: bytes) -> bytes:
        return self._new.get(tree, tree)

    def learn(self, roots: Iterable[bytes]) -> None:
        """Find what becomes of these trees, and of all in them, and write those that change."""
        inside, touched = self._look_into(roots)
        holders: dict[bytes, list[bytes]] = {}
        for tree, inner in inside.items():
            for each in inner:
                holders.setdefault(each, []).append(tree)
        # A folder changes where one in it does.
        spreading = list(touched)
        while spreading:
            for holder in holders.get(spreading.pop(), ()):
                if holder not in touched:
                    touched.add(holder)
                    spreading.append(holder)
        order = _inner_first(touched, inside)
        for start in range(0, len(order), TREES_AT_ONCE):
            batch = order[start : start + TREES_AT_ONCE]
            contents = dict(contents_of(self._store_id, batch, ObjectType.TREE))
            for tree in batch:
                self._new[tree] = bytes.fromhex(self._writer.add(ObjectType.TREE, self._without(contents[tree])))

    def _look_into(self, roots: Iterable[bytes]) -> tuple[dict[bytes, list[bytes]], set[bytes]]:
        """Return (tree -> the folders in it, trees that change by themselves), for those that are new here."""
        inside: dict[bytes, list[bytes]] = {}
        touched: set[bytes] = set()
        waiting = list(set(roots) - self._seen)
        self._seen.update(waiting)
        while waiting:
            batch, waiting = waiting[-COMMITS_AT_ONCE:], waiting[:-COMMITS_AT_ONCE]
            for tree, content in contents_of(self._store_id, batch, ObjectType.TREE):
                entries = TREE_ENTRY.findall(content)
                inside[tree] = [oid for mode, _name, oid in entries if mode in TREE_MODES]
                if any(oid in self._doomed or oid in self._new for _mode, _name, oid in entries):
                    touched.add(tree)
                fresh = set(inside[tree]) - self._seen
                self._seen.update(fresh)
                waiting += fresh
        return inside, touched

    def _without(self, content: bytes) -> bytes:
        kept = []
        for line in TREE_ENTRY.finditer(content):
            oid = line[3]
            new = self[oid]
            # Git has no empty folders.
            if oid in self._doomed or (new == _EMPTY and oid != _EMPTY):
                continue
            kept.append(line[0][:-20] + new)
        return b"".join(kept)


def _inner_first(trees: set[bytes], inside: dict[bytes, list[bytes]]) -> list[bytes]:
    """Return `trees` in an order in which each comes after those in it."""
    order: list[bytes] = []
    opened: set[bytes] = set()
    done: set[bytes] = set()
    stack = list(trees)
    while stack:
        tree = stack[-1]
        if tree in opened:
            stack.pop()
            if tree not in done:
                done.add(tree)
                order.append(tree)
        else:
            opened.add(tree)
            stack += [inner for inner in inside[tree] if inner in trees and inner not in opened]
    return order


def _rewrite_commits(
    repo: Repository, batch: list[ReachedCommit], trees: _Trees, writer: ObjectWriter, names: dict[str, str]
) -> None:
    """Write those commits of a batch again that change, parents before children, and note their new names."""
    trees.learn(commit.tree for commit in batch)
    changed = [commit for commit in batch if trees[commit.tree] != commit.tree or _moved(commit, names)]
    # Parents in the same batch change with the commits before them, so all of the batch may be needed.
    later = batch[batch.index(changed[0]) :] if changed else []
    rows = {row.oid: row for row in GitCommit.objects.filter(store=repo.store_id, oid__in=[c.oid.hex() for c in later])}
    contents = dict(contents_of(repo.store_id, [commit.oid for commit in later], ObjectType.COMMIT))
    written = []
    for commit in later:
        tree = trees[commit.tree]
        if tree == commit.tree and not _moved(commit, names):
            continue
        parents = [names.get(parent.hex(), parent.hex()) for parent in commit.parents]
        oid = writer.add(ObjectType.COMMIT, _commit_with(contents[commit.oid], tree.hex(), parents))
        names[commit.oid.hex()] = oid
        row = rows[commit.oid.hex()]
        row.pk, row.oid, row.tree, row.parents = None, oid, tree.hex(), parents
        row._state.adding = True
        written.append(row)
    writer.flush()
    GitCommit.objects.bulk_create(written, ignore_conflicts=True)


def _moved(commit: ReachedCommit, names: dict[str, str]) -> bool:
    return any(parent.hex() in names for parent in commit.parents)


def _commit_with(content: bytes, tree: str, parents: list[str]) -> bytes:
    """Return a commit's content with another tree and other parents, unsigned."""
    head, gap, message = content.partition(b"\n\n")
    lines = [b"tree " + tree.encode(), *(b"parent " + parent.encode() for parent in parents)]
    dropping = False
    for line in head.split(b"\n"):
        # A line that begins with a space goes on with the one before.
        if not line.startswith(b" "):
            dropping = line.partition(b" ")[0] in _REPLACED
        if not dropping:
            lines.append(line)
    return b"\n".join(lines) + gap + message


def _move_refs(repo: Repository, actor: User, writer: ObjectWriter, names: dict[str, str]) -> None:
    for ref in GitRef.objects.select_for_update().filter(repository=repo).order_by("name"):
        if ref.commit not in names:
            continue
        check_may_move(actor, repo, ref.name, takes_away=True)
        old = ref.oid
        if ref.peeled is None:
            ref.oid = names[ref.oid]
        else:
            ref.oid, ref.peeled = _tag_of(repo, ref.oid, names, writer), names[ref.peeled]
        ref.save(update_fields=["oid", "peeled", "updated_at"])
        if ref.name.startswith((BRANCH_PREFIX, TAG_PREFIX)):
            note_update(repo=repo, name=ref.name, old=old, new=ref.oid, actor=actor)
        else:
            # Nobody has pushed to a pull request: its commits have other names, which `commits_renamed` tells.
            RefUpdate.objects.create(repository=repo, name=ref.name, old=old, new=ref.oid, actor=actor)
    writer.flush()


def _tag_of(repo: Repository, oid: str, names: dict[str, str], writer: ObjectWriter) -> str:
    """Return an annotated tag (or a tag of one) written again for the new commit, unsigned."""
    content = read_object(repo.store_id, oid, ObjectType.TAG)
    first, _newline, rest = content.partition(b"\n")
    target = first.removeprefix(b"object ").decode()
    new = names.get(target) or _tag_of(repo, target, names, writer)
    for signature in _SIGNATURES:
        rest = rest.partition(signature)[0]
    return writer.add(ObjectType.TAG, b"object " + new.encode() + b"\n" + rest)
