"""Copies of repositories: the history of a repository's branches and tags under a new name. Large content is shared."""

import re

from django.db import connection, transaction
from django.utils.translation import gettext as _

from hub.accounts.models import Namespace, User
from hub.core.database import binary_cursor
from hub.core.errors import TooLarge
from hub.core.models import record
from hub.repos import cards
from hub.repos.errors import EntryNotFound
from hub.repos.git.commits import Stage, create_commit, note_update
from hub.repos.git.files import find_file, read_file, resolve_revision
from hub.repos.git.locks import hold_history
from hub.repos.git.reachable import pointers_among, reachable_objects, tips_of
from hub.repos.models import GitRef, RefUpdate, RepoBlob, Repository, Visibility
from hub.repos.models.git import BRANCH_PREFIX, MAIN, TAG_PREFIX
from hub.repos.services import register_repo
from hub.repos.signals import repository_created
from hub.repos.storage.accounting import hold_blobs, usage_of
from hub.repos.storage.keys import touch_blobs
from hub.repos.storage.quotas import check_held, require_quota_of

# A copy is one transaction, which remembers the name of each object: about 100 bytes for each.
MAX_OBJECTS = 2_000_000

# The field of a copy's card that names what it is a copy of.
ORIGIN_FIELD = "duplicated_from"
_ORIGIN_LINE = re.compile(rf"^{ORIGIN_FIELD}[ \t]*:.*(?:\n[ \t]+.*)*\n?", re.MULTILINE)
_FRONT_END = re.compile(r"(?<=\n)---[ \t]*\r?(?:\n|\Z)")

# Bodies go from row to row in the database; only names come here.
_OBJECTS = """
INSERT INTO repos_gitobject (store_id, oid, type, size, body)
SELECT %(new)s, oid, type, size, body FROM repos_gitobject WHERE store_id = %(old)s AND oid = ANY(%(oids)s)
"""
_COMMITS = """
INSERT INTO repos_gitcommit (store_id, oid, tree, parents, generation, author_id, author_name, author_email,
    committed_at, title, description)
SELECT %(new)s, oid, tree, parents, generation, author_id, author_name, author_email, committed_at, title, description
FROM repos_gitcommit WHERE store_id = %(old)s AND oid = ANY(%(oids)s)
"""
_PATHS = """
INSERT INTO repos_gitpath (repository_id, path, mode, oid, size, sha256, last_commit, last_at)
SELECT %(new)s, path, mode, oid, size, sha256, last_commit, last_at FROM repos_gitpath WHERE repository_id = %(old)s
"""


@transaction.atomic
def duplicate_repo(
    *, source: Repository, actor: User, namespace: Namespace, name: str, visibility: str | None = None
) -> Repository:
    """Copy the branches and tags of `source`, with their history, into a new repository of the same kind.

    The caller has passed get_repo_for_content for the source and get_namespace_for_create for `namespace`. visibility: that
    of the source unless given. Gates are copied, so that a copy does not open what its source closed; pull requests,
    releases, discussions and settings are not. The copy's card names its source.
    Memory: about 100 bytes for each object; no body and no file passes through here.
    Raises RepoNameInvalid, RepoExists, TooLarge, QuotaExceeded.
    """
    require_quota_of(namespace=namespace, new=usage_of(source).held)
    repo = register_repo(
        actor=actor,
        namespace=namespace,
        kind=source.kind,
        name=name,
        visibility=visibility or source.visibility,
        gate=source.gate,
    )
    hold_history(source)
    refs = _refs_to_copy(source)
    _copy_objects(source, repo, refs)
    GitRef.objects.bulk_create(
        GitRef(repository=repo, name=ref.name, oid=ref.oid, peeled=ref.peeled, message=ref.message) for ref in refs
    )
    _execute(_PATHS, new=repo.pk, old=source.pk)
    record(
        actor=actor,
        verb="repo.duplicate",
        target=repo.audit_name,
        source=source.full_name,
        visibility=repo.visibility,
    )
    _note_updates(repo, refs, actor)
    if source.visibility == Visibility.PUBLIC or repo.visibility == Visibility.PRIVATE:
        # The name of what only members may know of does not go into what everybody reads.
        _name_source(repo, actor, source.full_name)
    check_held(repo)
    repository_created.send(sender=Repository, repository=repo, actor=actor)
    return repo


def _refs_to_copy(source: Repository) -> list[GitRef]:
    # Locked, so that the listing of `main` is that of the commit which is copied.
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM repos_gitref WHERE repository_id = %s AND name = %s FOR SHARE", [source.pk, MAIN])
    found = GitRef.objects.filter(repository=source).order_by("name")
    return [ref for ref in found if ref.name.startswith((BRANCH_PREFIX, TAG_PREFIX))]


def _copy_objects(source: Repository, repo: Repository, refs: list[GitRef]) -> None:
    # Only tags are annotated, and all tags are copied.
    _execute(_OBJECTS, new=repo.store_id, old=source.store_id, oids=tips_of(source).tags)
    copied = 0
    for batch in reachable_objects(source.store_id, {bytes.fromhex(ref.commit) for ref in refs}):
        copied += len(batch)
        if copied > MAX_OBJECTS:
            raise TooLarge(
                _(
                    "“%(name)s” has more than %(max)d objects, which is too much for a copy. Clone it with git, then push it."
                )
                % {"name": source.full_name, "max": MAX_OBJECTS}
            )
        for statement in (_OBJECTS, _COMMITS):
            _execute(statement, new=repo.store_id, old=source.store_id, oids=batch)
        named = {sha256 for sha256, _size in pointers_among(source.store_id, batch).values()}
        held = RepoBlob.objects.filter(repository=source, blob__in=named).values_list("blob_id", flat=True)
        # The source holds them, but may forget them at this moment: not before this transaction has ended.
        kept = touch_blobs(held)
        hold_blobs(repo=repo, sha256s=kept)


def _execute(statement: str, **values: object) -> None:
    with binary_cursor() as cursor:
        cursor.execute(statement, values)


def _note_updates(repo: Repository, refs: list[GitRef], actor: User) -> None:
    RefUpdate.objects.bulk_create(
        RefUpdate(repository=repo, name=ref.name, old=None, new=ref.oid, actor=actor)
        for ref in refs
        if ref.name != MAIN
    )
    (main,) = (ref for ref in refs if ref.name == MAIN)
    note_update(repo=repo, name=MAIN, old=None, new=main.oid, actor=actor)


def _name_source(repo: Repository, actor: User, origin: str) -> None:
    """Commit a card that names the source; leave one alone that is too long, or cannot be read as a card."""
    head = resolve_revision(repo, "main")
    try:
        file = find_file(repo, head, cards.CARD_FILE)
    except EntryNotFound:
        content = ""
    else:
        if file.sha256 or file.size > cards.MAX_CARD_FILE:
            return
        try:
            content = read_file(repo, file).decode()
        except UnicodeDecodeError:
            return
    named = with_origin(content, origin)
    if named is None:
        return
    stage = Stage(repo)
    put = stage.file(cards.CARD_FILE, named.encode())
    stage.finish()
    create_commit(repo=repo, actor=actor, operations=[put], title=f"Duplicate {origin}")


def with_origin(content: str, origin: str) -> str | None:
    """Return a card's text with `duplicated_from: origin` in its metadata and nothing else changed; None where its
    metadata cannot be read."""
    line = f"{ORIGIN_FIELD}: {origin}\n"
    before = cards.parse(content)
    if before.errors:
        return None
    if before.body == content.removeprefix("\ufeff"):
        named = f"---\n{line}---\n\n{content}" if content else f"---\n{line}---\n"
    else:
        front, body = content[: len(content) - len(before.body)], before.body
        front = _ORIGIN_LINE.sub("", front)
        end = list(_FRONT_END.finditer(front))[-1].start()
        named = front[:end] + line + front[end:] + body
    after = cards.parse(named)
    # Where the text was put together in a way that this did not foresee, the card stays as it is.
    return named if after.metadata == {**before.metadata, ORIGIN_FIELD: origin} else None
