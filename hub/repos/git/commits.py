"""Writing commits: stage the content first, then move the ref in one short transaction.

Order, and never another: large bytes durable in the store, object rows, then the ref. Whatever dies on the way leaves
objects that nothing refers to, never a ref to something that is not there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from dulwich.objects import Commit, ObjectID

from hub.accounts.models import User
from hub.repos.errors import BlobMissing, EntryNotFound, FilesExpired, RevisionNotFound, StaleParent
from hub.repos.git.listing import Listed, put_paths
from hub.repos.git.locks import hold_history
from hub.repos.git.objects import (
    FILE_MODE,
    MAX_POINTER_BYTES,
    Entry,
    ObjectWriter,
    format_pointer,
    parse_pointer,
    read_objects,
)
from hub.repos.git.tree_editor import TreeEditor
from hub.repos.models import Blob, GitCommit, GitPath, GitRef, RefUpdate, Repository
from hub.repos.models.git import BRANCH_PREFIX, MAIN, TAG_PREFIX, GitObject, ObjectType
from hub.repos.names import FULL_ID, check_path
from hub.repos.permissions import check_may_move
from hub.repos.signals import ref_updated
from hub.repos.storage.accounting import hold_blobs
from hub.repos.storage.keys import touch_blobs
from hub.repos.storage.quotas import SMALL, check_held, require_quota

MAX_TITLE = 500


@dataclass(frozen=True)
class PutFile:
    """Put a small file, whose content `stage_file` has written already, at `path`."""

    path: str
    oid: str


@dataclass(frozen=True)
class PutBlob:
    """Put large content, named by its sha256, at `path`. `size` in bytes is checked where it is known."""

    path: str
    sha256: str
    size: int | None = None


@dataclass(frozen=True)
class Delete:
    """Take the file at `path` away, or, where it ends in a slash, the folder."""

    path: str


Operation = PutFile | PutBlob | Delete


class Stage:
    """Takes the small files of one commit as they arrive, so that a large request never lies in memory as a whole."""

    def __init__(self, repo: Repository) -> None:
        self._writer = ObjectWriter(repo.store_id)

    def file(self, path: str, content: bytes) -> PutFile | PutBlob:
        """Stage a small file. A pointer to large content is taken as that content, so that the right to it is checked."""
        check_path(path)
        if pointer := parse_pointer(content):
            return PutBlob(path, *pointer)
        return PutFile(path, self._writer.add(ObjectType.BLOB, content))

    def finish(self) -> None:
        self._writer.flush()


def create_commit(
    *,
    repo: Repository,
    actor: User,
    operations: Iterable[Operation],
    title: str,
    description: str = "",
    ref_name: str = MAIN,
    parent: str | None = None,
) -> GitCommit:
    """Commit `operations`, in their order, to a ref; return the new commit, or the head where nothing changes.

    ref_name: `refs/heads/main`, `refs/pr/3`. The caller has seen that `actor` may move it.

    parent: the commit that the caller builds on. With it, a branch that has moved raises StaleParent; without it the
    commit goes on top of whatever is there, one writer after the other.
    Raises also RefProtected, RevisionNotFound, PathInvalid, EntryNotFound (nothing to delete), BlobMissing, FilesExpired,
    QuotaExceeded.
    """
    operations = list(operations)
    for operation in operations:
        check_path(operation.path.rstrip("/") if isinstance(operation, Delete) else operation.path)
    check_may_move(actor, repo, ref_name)
    with transaction.atomic():
        hold_history(repo)
        ref = GitRef.objects.select_for_update().filter(repository=repo, name=ref_name).first()
        branch = ref_name.removeprefix(BRANCH_PREFIX)
        if ref is None or ref_name.startswith(TAG_PREFIX):
            raise no_branch(repo, ref_name)
        if parent is not None and parent != ref.oid:
            raise StaleParent(
                _("“%(branch)s” has moved on to %(head)s since %(parent)s. Load it again, then repeat your change.")
                % {"branch": branch, "head": ref.oid[:7], "parent": parent[:7]}
            )
        staged = _require_staged(repo, operations)
        if staged > SMALL:
            require_quota(repo=repo, user=actor, new=staged)
        head = GitCommit.objects.get(store=repo.store_id, oid=ref.oid)
        writer = ObjectWriter(repo.store_id)
        editor = TreeEditor(repo.store_id, head.tree)
        pointers = _usable_blobs(repo, actor, operations)
        for operation in operations:
            _apply(operation, editor, writer, pointers)
        # Before the ref moves, so that nobody finds a file whose content they may not fetch.
        added = hold_blobs(repo=repo, sha256s=pointers)
        commit = finish_commit(
            repo=repo,
            ref=ref,
            head=head,
            editor=editor,
            writer=writer,
            actor=actor,
            title=title,
            description=description,
        )
        if added:
            check_held(repo)
        return commit


def get_target(repo: Repository, ref_name: str, *, branches_only: bool = False) -> GitCommit:
    """Return the head of a ref that commits can go to, by its full name. Raises RevisionNotFound, for tags as well."""
    ref = GitRef.objects.filter(repository=repo, name=ref_name).first()
    is_branch = ref_name.startswith(BRANCH_PREFIX)
    if ref is None or ref_name.startswith(TAG_PREFIX) or (branches_only and not is_branch):
        raise no_branch(repo, ref_name)
    return GitCommit.objects.get(store=repo.store_id, oid=ref.oid)


def no_branch(repo: Repository, ref_name: str) -> RevisionNotFound:
    """Return why nothing can be committed to `ref_name`."""
    name = ref_name.removeprefix(BRANCH_PREFIX).removeprefix(TAG_PREFIX)
    if GitRef.objects.filter(repository=repo, name=TAG_PREFIX + name).exists():
        text = _("“%(name)s” is a tag, and tags stay where they are. Commit to a branch.")
    elif FULL_ID.fullmatch(name):
        text = _("“%(name)s” is a commit. Commit to a branch, with this one as parentCommit if you build on it.")
    else:
        text = _("There is no branch “%(name)s” in this repository.")
    return RevisionNotFound(text % {"name": name[:120]})


def finish_commit(
    *,
    repo: Repository,
    ref: GitRef,
    head: GitCommit,
    editor: TreeEditor,
    writer: ObjectWriter,
    actor: User,
    title: str,
    description: str,
    merged: GitCommit | None = None,
) -> GitCommit:
    """Commit what `editor` has made of the tree of `head`, to a locked ref, in the caller's transaction.

    merged: the second parent of a merge, which is made even where it changes no file. Returns the new commit, or the head
    where nothing has changed.
    """
    tree = editor.write(writer)
    if tree == head.tree and merged is None:
        return head
    commit = write_commit(
        repo=repo,
        writer=writer,
        tree=tree,
        parents=[head] if merged is None else [head, merged],
        actor=actor,
        title=title,
        description=description,
    )
    if ref.name == MAIN:
        _update_paths(repo, commit, editor.changed)
    move_ref(repo=repo, ref=ref, new=commit.oid, actor=actor)
    return commit


def write_commit(
    *,
    repo: Repository,
    writer: ObjectWriter,
    tree: str,
    parents: list[GitCommit],
    actor: User,
    title: str,
    description: str = "",
) -> GitCommit:
    """Write a commit object and its row, in the caller's transaction, together with what `writer` still holds."""
    now = timezone.now().replace(microsecond=0)
    # Some tools send a whole message as the title: its first line is the title, as in git.
    first_line, _newline, rest = title.strip().partition("\n")
    title = " ".join(first_line.split())[:MAX_TITLE] or _("Update files")
    description = "\n\n".join(part for part in (rest.strip(), description) if part)
    message = f"{title}\n\n{description}" if description else title
    # Mail addresses stay out of history, which everybody can read and nobody can take back.
    email = f"{actor.username}@users.noreply.grove"
    raw = Commit()
    raw.tree = tree.encode("ascii")
    raw.parents = [ObjectID(p.oid.encode("ascii")) for p in parents]
    raw.author = raw.committer = f"{actor.username} <{email}>".encode()
    raw.author_time = raw.commit_time = int(now.timestamp())
    raw.author_timezone = raw.commit_timezone = 0
    raw.encoding = b"UTF-8"
    raw.message = message.encode()
    oid = writer.add(ObjectType.COMMIT, raw.as_raw_string())
    writer.flush()
    # The same change by the same person within one second gives the same commit; that is fine.
    commit, _created = GitCommit.objects.get_or_create(
        store_id=repo.store_id,
        oid=oid,
        defaults={
            "tree": tree,
            "parents": [p.oid for p in parents],
            "generation": 1 + max((p.generation for p in parents), default=0),
            "author": actor,
            "author_name": actor.username,
            "author_email": email,
            "committed_at": now,
            "title": title,
            "description": description,
        },
    )
    return commit


def move_ref(*, repo: Repository, ref: GitRef, new: str, actor: User | None) -> None:
    """Point a locked ref at `new`, note it in the record of updates, and tell the apps above."""
    old, ref.oid = ref.oid, new
    ref.save(update_fields=["oid", "updated_at"])
    note_update(repo=repo, name=ref.name, old=old, new=new, actor=actor)


def note_update(*, repo: Repository, name: str, old: str | None, new: str | None, actor: User | None) -> None:
    """Record that a ref was made, moved or deleted, in the caller's transaction."""
    RefUpdate.objects.create(repository=repo, name=name, old=old, new=new, actor=actor)
    if name.startswith((BRANCH_PREFIX, TAG_PREFIX)):
        # What somebody proposes is no news of the repository itself.
        repo.updated_at = timezone.now()
        repo.save(update_fields=["updated_at"])
    ref_updated.send(sender=Repository, repository=repo, name=name, old=old, new=new, actor=actor)


def _require_staged(repo: Repository, operations: list[Operation]) -> int:
    """Return the bytes of the small files. Raises FilesExpired where one is not there any more: what no commit took within a
    week is deleted. What is there now stays, since the caller holds the history."""
    staged = {o.oid: o.path for o in operations if isinstance(o, PutFile)}
    if not staged:
        return 0
    there = dict(GitObject.objects.filter(store=repo.store_id, oid__in=list(staged)).values_list("oid", "size"))
    for oid in staged.keys() - there.keys():
        raise FilesExpired(
            _("“%(path)s” was sent too long ago and has been deleted. Send it again.") % {"path": staged[oid][:300]},
            field="path",
        )
    return sum(there.values())


def _usable_blobs(repo: Repository, actor: User, operations: list[Operation]) -> dict[str, Blob]:
    """Return sha256 -> blob for all large content that is named. Raises BlobMissing for what the caller has not shown."""
    wanted = {o.sha256: o for o in operations if isinstance(o, PutBlob)}
    if not wanted:
        return {}
    there = touch_blobs(wanted)
    found = {b.sha256: b for b in Blob.objects.usable_in(repo, actor).filter(pk__in=there)}
    for sha256, operation in wanted.items():
        if sha256 not in found:
            raise BlobMissing(
                _(
                    "The content of “%(path)s” (sha256 %(sha256)s) has not been uploaded to this repository. Upload it first."
                )
                % {"path": operation.path, "sha256": sha256[:12]},
                field="oid",
            )
        if operation.size is not None and operation.size != found[sha256].size:
            raise BlobMissing(
                _("“%(path)s” is said to have %(said)d bytes, but its content has %(real)d.")
                % {"path": operation.path, "said": operation.size, "real": found[sha256].size},
                field="size",
            )
    return found


def _apply(operation: Operation, editor: TreeEditor, writer: ObjectWriter, blobs: dict[str, Blob]) -> None:
    if isinstance(operation, Delete):
        path = operation.path.rstrip("/")
        if operation.path.endswith("/") and not ((there := editor.get(path)) and there.is_tree):
            raise EntryNotFound(_("There is no folder “%(path)s” to delete.") % {"path": path}, field="path")
        if operation.path == path and (there := editor.get(path)) and there.is_tree:
            # The first words are those by which the client family tells that a folder was meant.
            raise EntryNotFound(
                _("A file with this name doesn't exist: “%(path)s” is a folder. Say so, with “%(path)s/”.")
                % {"path": path},
                field="path",
            )
        editor.remove(path)
        return
    if isinstance(operation, PutBlob):
        pointer = format_pointer(operation.sha256, blobs[operation.sha256].size)
        oid = writer.add(ObjectType.BLOB, pointer)
    else:
        oid = operation.oid
    present = editor.get(operation.path)
    # An executable stays one when its content changes.
    mode = present.mode if present and not present.is_tree else FILE_MODE
    editor.put(operation.path, Entry(mode, oid))


def _update_paths(repo: Repository, commit: GitCommit, changed: dict[str, Entry | None]) -> None:
    """Bring the listing of `main` up to date."""
    gone = [path for path, entry in changed.items() if entry is None]
    if gone:
        GitPath.objects.filter(repository=repo, path__in=gone).delete()
    kept = {path: entry for path, entry in changed.items() if entry is not None}
    # Git's times are whole seconds, in which several commits may fall; under the ref's lock the clock tells which is last.
    now = timezone.now()
    facts = content_facts(repo.store_id, kept)
    put_paths(repo, [Listed(path, kept[path], size, sha256, commit.oid, now) for path, (size, sha256) in facts.items()])


def content_facts(store_id: int, entries: dict[str, Entry]) -> dict[str, tuple[int, str | None]]:
    """Return path -> (bytes of the content, sha256 where it is large content behind a pointer). Two queries."""
    sizes = dict(
        GitObject.objects.filter(store_id=store_id, oid__in={e.oid for e in entries.values()}).values_list(
            "oid", "size"
        )
    )
    small = read_objects(store_id, (oid for oid, size in sizes.items() if size <= MAX_POINTER_BYTES))
    pointers = {oid: parse_pointer(content) for oid, content in small.items()}
    facts: dict[str, tuple[int, str | None]] = {}
    for path, entry in entries.items():
        pointer = pointers.get(entry.oid)
        facts[path] = (pointer[1], pointer[0]) if pointer else (sizes.get(entry.oid, 0), None)
    return facts
