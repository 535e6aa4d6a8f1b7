"""What a revision holds: which commit its name means, folders, files. The caller holds a repository that it may read."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.db import connection
from django.db.models import Exists, Func, OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, Substr
from django.utils.translation import gettext as _

from hub.core.statements import Given, Statement
from hub.core.text import UNSTORABLE
from hub.repos.errors import EntryNotFound, RevisionNotFound
from hub.repos.git.commits import content_facts
from hub.repos.git.objects import FILE_MODE, TREE_MODE, Entry, parse_tree, read_object, read_objects
from hub.repos.models import Blob, GitCommit, GitPath, GitRef, GitStore, RepoBlob, Repository
from hub.repos.models.git import BRANCH_PREFIX, MAIN, TAG_PREFIX, GitPathQuerySet, ObjectType
from hub.repos.names import FULL_ID


class FileEntry(NamedTuple):
    """A file or folder of a listing. `size` in bytes, of the real content; `sha256` where that is large content."""

    path: str
    oid: str
    is_folder: bool
    size: int = 0
    sha256: str | None = None
    last_commit: str | None = None
    last_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @classmethod
    def of_row(cls, row: GitPath) -> Self:
        return cls(row.path, row.oid, False, row.size, row.sha256, row.last_commit, row.last_at)


_STORE, _REPOSITORY = Given("store", GitStore._meta.pk), Given("repository", Repository._meta.pk)
_COMMIT_OF_ID = Statement(
    lambda: GitCommit.objects.filter(store=_STORE, oid=Given("oid", GitCommit._meta.get_field("oid")))
)


def _commits_of_names() -> QuerySet[GitCommit]:
    names = [Given(name, GitRef._meta.get_field("name")) for name in ("branch", "tag", "ref")]
    refs = GitRef.objects.filter(repository=_REPOSITORY, name__in=names).order_by("name")
    return GitCommit.objects.filter(store=_STORE, oid__in=refs.values(commit=Coalesce("peeled", "oid"))[:1])


_COMMIT_OF_NAME = Statement(_commits_of_names)
# As `_rows_at` says it.
_FILES_AT_HEAD = """
SELECT p.path, p.oid, p.size, p.sha256, p.last_commit, p.last_at
FROM repos_gitref r JOIN repos_gitpath p ON p.repository_id = r.repository_id
WHERE r.repository_id = %s AND r.name = %s AND r.oid = %s
"""


def resolve_revision(repo: Repository, revision: str) -> GitCommit:
    """Return the commit that a branch, tag, full ref name or full commit id means. Raises RevisionNotFound.

    Only commits that a ref of the store reaches have rows, so nothing that was deleted or squashed away resolves.
    """
    # What a form sends can hold what the database refuses to look for. A blank is in no name either.
    revision = UNSTORABLE.sub(" ", revision)
    if FULL_ID.fullmatch(revision):
        # No branch or tag has such a name.
        commit = _COMMIT_OF_ID.first(store=repo.store_id, oid=revision)
    else:
        branch, tag = BRANCH_PREFIX + revision, TAG_PREFIX + revision
        ref = revision if revision.startswith("refs/") else None
        commit = _COMMIT_OF_NAME.first(store=repo.store_id, repository=repo.pk, branch=branch, tag=tag, ref=ref)
    if commit is None:
        raise RevisionNotFound(
            _("There is no revision “%(revision)s” in %(name)s.") % {"revision": revision[:120], "name": repo.full_name}
        )
    return commit


def is_main_head(repo: Repository, commit: GitCommit) -> bool:
    return GitRef.objects.filter(repository=repo, name=MAIN, oid=commit.oid).exists()


def _rows_at(repo: Repository, commit: GitCommit) -> GitPathQuerySet:
    """Return the rows of `main` while `commit` is its head, else none.

    The condition is part of the statement, so the rows are those of this commit even while another one arrives.
    """
    at_head = GitRef.objects.filter(repository=repo, name=MAIN, oid=commit.oid)
    return GitPath.objects.filter(Exists(at_head), repository=repo)


def _files_at_head(repo: Repository, commit: GitCommit, rest: str, values: Iterable[Any] = ()) -> list[FileEntry]:
    """Return the files of `main` while `commit` is its head, else none. `rest` ends the statement, with `values`."""
    with connection.cursor() as cursor:
        cursor.execute(_FILES_AT_HEAD + rest, [repo.pk, MAIN, bytes.fromhex(commit.oid), *values])
        return [
            FileEntry(path, oid.hex(), False, size, sha256 and sha256.hex(), last.hex(), at)
            for path, oid, size, sha256, last, at in cursor
        ]


def list_folder(
    repo: Repository,
    commit: GitCommit,
    path: str = "",
    *,
    recursive: bool = False,
    start: int = 0,
    stop: int | None = None,
    last: bool = True,
) -> list[FileEntry]:
    """Return what is in a folder ("" for the root), folders first, by name; with `recursive`, everything below it.

    start, stop: the part that is wanted, as in a slice; the sizes and commits of nothing else are looked up. last: with last
    commits; they are known for the head of `main`, elsewhere they are None. Raises EntryNotFound.
    """
    root = find_entry(repo, commit, path)
    if not root.is_tree:
        raise _no_entry(path, commit)
    folders, files = _walk(repo.store_id, path, root.oid, recursive)
    shown_folders = sorted(folders)[start:stop]
    before = len(folders)
    shown_files = sorted(files)[max(start - before, 0) : None if stop is None else max(stop - before, 0)]
    below = _rows_at(repo, commit).under(path)
    rows = _rows_between(below, path, shown_files, recursive)
    newest = _newest(below, path, recursive) if last and shown_folders else {}
    # The trees say what is there. Where `main` has another head, or gets one meanwhile, they say the rest, too.
    unknown = {name: oid for name in shown_files if (oid := files[name]) != (rows[name].oid if name in rows else None)}
    # The kind of file makes no difference to its size.
    facts = content_facts(repo.store_id, {name: Entry(FILE_MODE, oid) for name, oid in unknown.items()})
    return [
        *(FileEntry(name, folders[name], True, 0, None, *newest.get(name, (None, None))) for name in shown_folders),
        *(FileEntry(name, files[name], False, *facts[name]) if name in facts else rows[name] for name in shown_files),
    ]


def list_files(repo: Repository, commit: GitCommit, *, sizes: bool = True) -> list[FileEntry]:
    """Return all files of a revision, by path. At the head of `main` one query tells them, and no folder is read.

    sizes: elsewhere the sizes of files, and what is large content, are looked up in each; where nobody asks they may be 0.
    """
    if found := _files_at_head(repo, commit, "ORDER BY p.path"):
        return found
    if sizes:
        return [entry for entry in list_folder(repo, commit, recursive=True, last=False) if not entry.is_folder]
    _folders, files = _walk(repo.store_id, "", commit.tree, recursive=True)
    return [FileEntry(path, files[path], False) for path in sorted(files)]


def _walk(store_id: int, path: str, root: str, recursive: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Return (folder path -> oid, file path -> oid) below a tree; one query for each level.

    Texts only: an object of our own for each of very many files would have Python look through all that it holds.
    """
    folders: dict[str, str] = {}
    files: dict[str, str] = {}
    level = {path: root}
    while level:
        contents = read_objects(store_id, level.values())
        deeper = {}
        for folder, oid in level.items():
            for name, entry in parse_tree(contents.get(oid, b"")).items():
                inner = f"{folder}/{name}" if folder else name
                if entry.is_tree:
                    folders[inner] = deeper[inner] = entry.oid
                else:
                    files[inner] = entry.oid
        level = deeper if recursive else {}
    return folders, files


def _entries(rows: GitPathQuerySet) -> list[FileEntry]:
    """Return rows as files. No model is built for each: a large listing would take three times as long."""
    facts = rows.values_list("path", "oid", "size", "sha256", "last_commit", "last_at")
    return [FileEntry(path, oid, False, size, sha256, commit, at) for path, oid, size, sha256, commit, at in facts]


def _rows_between(below: GitPathQuerySet, path: str, files: list[str], recursive: bool) -> dict[str, FileEntry]:
    """Return path -> what the rows below the folder `path` say of `files`, which are sorted."""
    if not files:
        return {}
    found = below.filter(path__gte=files[0], path__lte=files[-1])
    if not recursive:
        found = found.annotate(inner=_inner(path)).exclude(inner__contains="/")
    return {entry.path: entry for entry in _entries(found)}


def _inner(path: str) -> Substr:
    """Return the part of a row's path below the folder `path` (SQL counts from 1)."""
    return Substr("path", len(path) + 2 if path else 1)


def _newest(below: GitPathQuerySet, path: str, recursive: bool) -> dict[str, tuple[str, datetime]]:
    """Return folder -> (commit, time) of the last change of anything in it, for the folders in the folder `path`."""
    facts = ("folder", "last_commit", "last_at")
    deeper = below.annotate(inner=_inner(path)).filter(inner__contains="/")
    if not recursive:
        head = Func("inner", Value("/"), Value(1), function="split_part", output_field=TextField())
        heads = deeper.annotate(folder=head).order_by("folder", "-last_at").distinct("folder").values_list(*facts)
        return {f"{path}/{name}" if path else name: (commit, at) for name, commit, at in heads}
    parent = Func("path", Value("/[^/]*$"), Value(""), function="regexp_replace", output_field=TextField())
    parents = deeper.annotate(folder=parent).order_by("folder", "-last_at").distinct("folder").values_list(*facts)
    newest: dict[str, tuple[str, datetime]] = {}
    for folder, commit, at in parents:
        while len(folder) > len(path):
            if folder not in newest or newest[folder][1] < at:
                newest[folder] = (commit, at)
            folder = folder.rpartition("/")[0]
    return newest


def find_entry(repo: Repository, commit: GitCommit, path: str) -> Entry:
    """Return the tree entry at `path` ("" for the root folder). Raises EntryNotFound."""
    found = find_entries(repo, commit, [path])
    if not found:
        raise _no_entry(path, commit)
    return found[path]


def find_entries(repo: Repository, commit: GitCommit, paths: Iterable[str]) -> dict[str, Entry]:
    """Return path -> tree entry for those of `paths` ("" for the root folder) that are there.

    One query for each level of folders, and each folder parsed once: asking for many paths costs little more than one.
    """
    wanted = dict.fromkeys(paths)
    found = {"": Entry(TREE_MODE, commit.tree)} if "" in wanted else {}
    below_root = [(path, path.split("/")) for path in wanted if path]
    # Folder -> the paths that lead through it.
    level = {commit.tree: below_root} if below_root else {}
    depth = 0
    while level:
        deeper: dict[str, list[tuple[str, list[str]]]] = {}
        for oid, content in read_objects(repo.store_id, level).items():
            entries = parse_tree(content)
            for path, segments in level[oid]:
                entry = entries.get(segments[depth])
                if entry is not None and len(segments) == depth + 1:
                    found[path] = entry
                elif entry is not None and entry.is_tree:
                    deeper.setdefault(entry.oid, []).append((path, segments))
        level, depth = deeper, depth + 1
    return found


def find_files(repo: Repository, commit: GitCommit, paths: list[str]) -> list[FileEntry]:
    """Return those of `paths` that are there, files and folders, in the given order."""
    rows = {file.path: file for file in _files_at_head(repo, commit, "AND p.path = ANY(%s)", [paths])}
    if len(rows) == len(paths):
        return [rows[path] for path in paths]
    entries = find_entries(repo, commit, [path for path in paths if path not in rows])
    files = {path: entry for path, entry in entries.items() if not entry.is_tree}
    facts = content_facts(repo.store_id, files) if files else {}
    found = []
    for path in dict.fromkeys(paths):
        if path in rows:
            found.append(rows[path])
        elif path in facts:
            found.append(FileEntry(path, entries[path].oid, False, *facts[path]))
        elif path in entries:
            found.append(FileEntry(path, entries[path].oid, True))
    return found


def find_file(repo: Repository, commit: GitCommit, path: str) -> FileEntry:
    """Return the file at `path`. Raises EntryNotFound where there is none, or a folder."""
    found = find_files(repo, commit, [path])
    if not found or found[0].is_folder:
        raise _no_entry(path, commit)
    return found[0]


def read_file(repo: Repository, file: FileEntry) -> bytes:
    """Return the content of a small file (a pointer's own text for large content)."""
    return read_object(repo.store_id, file.oid, ObjectType.BLOB)


def blob_of(repo: Repository, file: FileEntry) -> Blob | None:
    """Return the stored large content behind a file; None for small files, and for content that this repository was never
    sent or has deleted."""
    if file.sha256 is None:
        return None
    held = RepoBlob.objects.filter(repository=repo, blob=OuterRef("pk"))
    return Blob.objects.select_related("xet_file").filter(Exists(held), pk=file.sha256).first()


def _no_entry(path: str, commit: GitCommit) -> EntryNotFound:
    return EntryNotFound(
        _("There is no “%(path)s” at revision %(revision)s.") % {"path": path[:300], "revision": commit.oid[:7]},
        commit=commit.oid,
        field="path",
    )
