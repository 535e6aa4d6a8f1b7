"""The rows of a push: objects as they are read, commits with their generation and authors, the listing of `main`."""

import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from allauth.account.models import EmailAddress
from django.utils.translation import gettext as _
from dulwich.objects import Commit

from hub.accounts.models import User
from hub.core.database import binary_cursor
from hub.repos.git.checking import message_of, person_of
from hub.repos.git.commits import MAX_TITLE, content_facts
from hub.repos.git.errors import PackRefused
from hub.repos.git.history import changes
from hub.repos.git.listing import Listed, put_paths
from hub.repos.git.objects import WRITTEN_AGAIN, Entry
from hub.repos.git.packs import Quarantine
from hub.repos.git.program import run, running
from hub.repos.models import GitCommit, GitPath, Repository
from hub.repos.models.git import ObjectType

# Seconds in which the last commits of changed paths are looked for, where the new commits do not tell.
LOOK_BACK_SECONDS = 20
_NOREPLY = re.compile(r"([^@]+)@users\.noreply\.grove", re.IGNORECASE)
_BATCH = 5000
_INSERT = """
INSERT INTO repos_gitobject (store_id, oid, type, size, body) SELECT %s, oid, type, size, body FROM pushed ORDER BY oid
"""


def insert_objects(store_id: int, objects: Iterable[tuple[str, ObjectType, bytes]]) -> None:
    """Insert objects as they come; those that are there already are left as they are. Memory: one object.

    Runs in the caller's transaction, and uses the connection alone until all have come.
    """
    with binary_cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE pushed (oid bytea, type int2, size int4, body bytea STORAGE EXTERNAL) ON COMMIT DROP"
        )
        with cursor.copy("COPY pushed FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["bytea", "int2", "int4", "bytea"])
            for oid, kind, content in objects:
                copy.write_row((bytes.fromhex(oid), int(kind), len(content), zlib.compress(content, 6)))
        # In one order, so that two pushes of the same objects wait for each other instead of locking each other out.
        cursor.execute(_INSERT + WRITTEN_AGAIN, [store_id])
        cursor.execute("DROP TABLE pushed")


def insert_commits(repo: Repository, actor: User, commits: Mapping[str, Commit]) -> None:
    """Insert the rows of new commits, whose parents are among them or known. Raises PackRefused."""
    generations = _generations(repo, commits)
    people = {oid: person_of(commit.author, commit.encoding) for oid, commit in commits.items()}
    authors = _authors(repo, actor, {email.lower() for _name, email in people.values()})
    rows = []
    for oid, commit in commits.items():
        title, description = message_of(commit)
        name, email = people[oid]
        rows.append(
            GitCommit(
                store_id=repo.store_id,
                oid=oid,
                tree=commit.tree.decode("ascii"),
                parents=[parent.decode("ascii") for parent in commit.parents],
                generation=generations[oid],
                author=authors.get(email.lower()),
                author_name=name[:200],
                author_email=email[:254],
                committed_at=datetime.fromtimestamp(commit.commit_time, UTC),
                title=title[:MAX_TITLE],
                description=description,
            )
        )
    GitCommit.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH)


def _generations(repo: Repository, commits: Mapping[str, Commit]) -> dict[str, int]:
    parents = {oid: [parent.decode("ascii") for parent in commit.parents] for oid, commit in commits.items()}
    outside = sorted({parent for each in parents.values() for parent in each} - parents.keys())
    known: dict[str, int] = {}
    for start in range(0, len(outside), _BATCH):
        rows = GitCommit.objects.filter(store=repo.store_id, oid__in=outside[start : start + _BATCH])
        known.update(rows.values_list("oid", "generation"))
    if len(known) < len(outside):
        raise PackRefused(_("A parent of a pushed commit is not in this repository. Fetch, then push again."))
    for oid in parents:
        waiting = [oid]
        while waiting:
            if inner := [parent for parent in parents.get(waiting[-1], ()) if parent not in known]:
                waiting += inner
            else:
                each = waiting.pop()
                known.setdefault(each, 1 + max((known[parent] for parent in parents.get(each, ())), default=0))
    return known


def _authors(repo: Repository, actor: User, emails: set[str]) -> dict[str, User]:
    """Return e-mail address -> account: this hub's own addresses for everybody, confirmed ones for those at work here.

    Whoever could have any address matched could ask which account a stranger's belongs to.
    """
    named = {found[1].lower(): email for email in emails if (found := _NOREPLY.fullmatch(email))}
    people = {user.username.lower(): user for user in User.objects.filter(username__in=[*named])}
    found_people = {email: people[name] for name, email in named.items() if name in people}
    owner = repo.namespace
    at_work = {actor.pk, owner.user_id}
    if owner.organization is not None:
        at_work |= set(owner.organization.memberships.values_list("user", flat=True))
    confirmed = EmailAddress.objects.filter(user__in=at_work - {None}, verified=True).select_related("user")
    return {address.email.lower(): address.user for address in confirmed} | found_people


def update_listing(repo: Repository, pushed: Quarantine, old: str | None, new: str) -> None:
    """Bring the rows of `main` from commit `old` to `new`, whose rows are there by now."""
    commits = {
        c.oid: c for c in GitCommit.objects.filter(store=repo.store_id, oid__in=[each for each in (old, new) if each])
    }
    head = commits[new]
    changed = {change.path: change.new for change in changes(repo, commits.get(old or ""), head)}
    if old:
        # What names a commit that is history no more has been changed by another one, as of now.
        lost = run(pushed.folder, "rev-list", old, f"^{new}", "--", env=pushed.with_cache).decode("ascii").split()
        for start in range(0, len(lost), _BATCH):
            for row in GitPath.objects.filter(repository=repo, last_commit__in=lost[start : start + _BATCH]):
                changed.setdefault(row.path, Entry(row.mode, row.oid))
    gone = [path for path, entry in changed.items() if entry is None]
    for start in range(0, len(gone), _BATCH):
        GitPath.objects.filter(repository=repo, path__in=gone[start : start + _BATCH]).delete()
    kept = {path: entry for path, entry in changed.items() if entry is not None}
    last = _last_commits(pushed, old, new, set(kept))
    times = dict(
        GitCommit.objects.filter(store=repo.store_id, oid__in=set(last.values())).values_list("oid", "committed_at")
    )
    paths = list(kept)
    for start in range(0, len(paths), _BATCH):
        batch = {path: kept[path] for path in paths[start : start + _BATCH]}
        facts = content_facts(repo.store_id, batch)
        rows = (
            Listed(
                path, batch[path], size, sha256, last.get(path, new), times.get(last.get(path, new), head.committed_at)
            )
            for path, (size, sha256) in facts.items()
        )
        put_paths(repo, list(rows))


def _last_commits(pushed: Quarantine, old: str | None, new: str, paths: set[str]) -> dict[str, str]:
    """Return path -> the commit that last changed it: among the new ones, else, for a while, among all."""
    found: dict[str, str] = {}
    for range_ in ([new, f"^{old}"] if old else [new], [new]):
        if paths - found.keys():
            _read_log(pushed, range_, paths, found)
    return found


def _read_log(pushed: Quarantine, range_: list[str], paths: set[str], found: dict[str, str]) -> None:
    arguments = (
        "log",
        "--format=%x01%H",
        "--name-only",
        "-z",
        "-c",
        "--no-renames",
        "--topo-order",
        "--root",
        *range_,
        "--",
    )
    left = len(paths - found.keys())
    with running(pushed.folder, *arguments, seconds=LOOK_BACK_SECONDS, env=pushed.with_cache) as process:
        assert process.stdout is not None
        commit, rest = "", b""
        while left and (piece := process.stdout.read(256 * 1024)):
            *words, rest = (rest + piece).split(b"\0")
            for word in words:
                text = word.lstrip(b"\n")
                if text.startswith(b"\1"):
                    commit = text[1:41].decode("ascii")
                elif text and (path := text.decode("utf-8", "surrogateescape")) in paths and path not in found:
                    found[path] = commit
                    left -= 1
