"""Merging files that both lines have changed, line by line. Git does it, as `git merge` would, in a repository of its own that
holds these files at the commits in question and nothing else."""

import json
import re
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from dulwich.index import commit_tree
from dulwich.object_store import DiskObjectStore, iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID

from hub.core.blobs.scratch import require_room, room_for_bytes
from hub.core.errors import Unavailable
from hub.repos.git.objects import Entry, parse_pointer, read_objects
from hub.repos.git.packs import scratch_repository
from hub.repos.git.program import GitFailed, environment, running
from hub.repos.models.git import GitObject

MAX_BYTES = 1024 * 1024  # of one version of a file
MAX_FILES = 100  # of one merge; those beyond are conflicts
MAX_TOTAL = 16 * 1024 * 1024  # bytes of all versions of all files of one merge
CPU_SECONDS, SECONDS = 3, 15  # of computing, and in any case, that one run of git takes
MAX_MARKED = 2 * MAX_BYTES  # of a text with marks in it, which can be many times as long as what it comes of
# How long the marks around a conflict are where no line of the files looks like one, and at most.
MARKS, MAX_MARKS = 7, 64
# Merges that one process computes at the same time: its other threads go on answering.
PLACES, RETRY_SECONDS = 4, 3
_places = threading.BoundedSemaphore(PLACES)
OURS, THEIRS = "ours", "theirs"
_FILES = (0o100644, 0o100755)
_MARK = re.compile(rb"^(<{7,}|\|{7,}|={7,}|>{7,})(?=[ \r\n]|$)", re.MULTILINE)


class Why(StrEnum):
    """Why people have to decide about a file."""

    LINES = "lines"  # the same lines were changed on both sides
    JSON = "json"  # together the changes would leave a file that is no JSON any more
    LARGE = "large"  # its content is outside git, or it is too long or takes too much time to merge by line
    WHOLE = "whole"  # it is no text, or was deleted on one side, or is in the way of something else


@dataclass(frozen=True)
class Point:
    """A commit of the histories that are merged: the files in question as they were there, and the places of its parents in the
    list of points. when: in seconds; git looks at the later of two first."""

    files: dict[str, Entry]
    parents: Sequence[int] = ()
    when: int = 0


@dataclass
class LineMerge:
    """What became of each path: in `merged` what the file is then (None: it goes), or in `conflicts` why it cannot be merged.

    contents: object id -> content of files that are new. marked: the text of files that conflict, with git's marks in it, each
    as many signs long as `marks` says; without any where the lines did merge and what came out is no JSON. explained: the same
    with what both sides began with. modes: of the files in `marked`. complete: whether git has come to an end.
    """

    merged: dict[str, Entry | None] = field(default_factory=dict)
    conflicts: dict[str, Why] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    marked: dict[str, bytes] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    explained: dict[str, bytes] = field(default_factory=dict)
    marks: int = MARKS
    complete: bool = True


def merge_lines(
    store_id: int,
    paths: Iterable[str],
    points: Sequence[Point],
    *,
    attributes: bytes = b"",
    names: tuple[str, str] = (OURS, THEIRS),
    explain: bool = False,
    wait_seconds: float = 0,
) -> LineMerge:
    """Merge the files at `paths` of the last two points, which come after all their ancestors.

    attributes: a `.gitattributes` that says how files merge. names: what the marks call the two sides. Two queries. Memory:
    a few times MAX_TOTAL. Raises Unavailable where this process computes PLACES merges for longer than `wait_seconds`.
    """
    if not _places.acquire(timeout=wait_seconds):
        raise Unavailable(
            _("As many merges are being computed as this hub can do at once. Try again in a few seconds."),
            retry_after=RETRY_SECONDS,
        )
    try:
        return _merge_lines(store_id, paths, points, attributes=attributes, names=names, explain=explain)
    finally:
        _places.release()


def _merge_lines(
    store_id: int,
    paths: Iterable[str],
    points: Sequence[Point],
    *,
    attributes: bytes,
    names: tuple[str, str],
    explain: bool,
) -> LineMerge:
    found = LineMerge()
    contents = _readable(store_id, paths, points, found.conflicts)
    chosen = [path for path in paths if path not in found.conflicts]
    if not chosen:
        return found
    found.marks = marks = _free_length(contents.values())
    if marks > MAX_MARKS:
        # Each conflict would be written between lines of such a length.
        found.conflicts |= dict.fromkeys(chosen, Why.LARGE)
        return found
    require_room(3 * MAX_TOTAL)
    with scratch_repository() as folder, room_for_bytes():
        # The last line counts.
        (folder / "info").mkdir(exist_ok=True)
        (folder / "info" / "attributes").write_bytes(attributes + b"\n* conflict-marker-size=%d\n" % marks)
        store = DiskObjectStore(folder / "objects")
        _write_history(folder, store, points, chosen, contents, names)
        try:
            tree, disputed = _merge_tree(folder, names, "merge")
            explained = _merge_tree(folder, names, "zdiff3")[0] if explain and disputed else None
        except GitFailed:
            found.conflicts |= dict.fromkeys(chosen, Why.LARGE)
            found.complete = False
            return found
        files = _files_of(store, tree)
        merged = {path: files[path] for path in chosen if path in files}
        texts = _contents_of(folder, store, merged)
        for path in chosen:
            entry, content = merged.get(path), texts.get(path, b"")
            if entry is not None and path not in texts:
                found.conflicts[path] = Why.LARGE
            elif path in disputed:
                both = all(path in point.files for point in points[-2:])
                by_line = entry is not None and both and has_marks(content, marks)
                found.conflicts[path] = Why.LINES if by_line else Why.WHOLE
            elif entry is not None and _spoils_json(path, points, contents, content):
                found.conflicts[path] = Why.JSON
            else:
                found.merged[path] = entry
                if entry is not None and entry.oid not in contents:
                    found.contents[entry.oid] = content
            if entry is not None and found.conflicts.get(path) in (Why.LINES, Why.JSON):
                found.marked[path], found.modes[path] = content, entry.mode
        if explained is not None:
            there = _files_of(store, explained)
            found.explained = _contents_of(
                folder, store, {path: there[path] for path in chosen if path in found.marked and path in disputed}
            )
    return found


def has_marks(content: bytes, length: int) -> bool:
    """Tell whether a text still has marks of a conflict in it, each of `length` signs."""
    return any(len(mark[1]) == length for mark in _MARK.finditer(content))


def is_json(content: bytes) -> bool:
    """Tell whether a text is JSON in which no object has two members of one name: of two, every program reads another one."""
    try:
        json.loads(content, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _readable(
    store_id: int, paths: Iterable[str], points: Sequence[Point], conflicts: dict[str, Why]
) -> dict[str, bytes]:
    """Return object id -> content of the files that can be merged by line; note in `conflicts` why the others cannot."""
    versions = {path: [p.files[path] for p in points if path in p.files] for path in paths}
    oids = {entry.oid for entries in versions.values() for entry in entries}
    sizes = dict(GitObject.objects.filter(store=store_id, oid__in=oids).values_list("oid", "size"))
    room = MAX_TOTAL
    chosen: list[str] = []
    for path, entries in versions.items():
        total = sum(sizes.get(entry.oid, 0) for entry in entries)
        if any(entry.mode not in _FILES for entry in entries):
            conflicts[path] = Why.WHOLE
        elif (
            len(chosen) == MAX_FILES
            or total > room
            or any(sizes.get(e.oid, MAX_BYTES + 1) > MAX_BYTES for e in entries)
        ):
            conflicts[path] = Why.LARGE
        else:
            chosen.append(path)
            room -= total
    contents = read_objects(store_id, {entry.oid for path in chosen for entry in versions[path]})
    for path in chosen:
        if any(parse_pointer(contents[entry.oid]) for entry in versions[path]):
            conflicts[path] = Why.LARGE
    return contents


def _free_length(contents: Iterable[bytes]) -> int:
    """Return the least length of marks that no line of the texts could be taken for."""
    taken = {len(mark[1]) for content in contents for mark in _MARK.finditer(content)}
    length = MARKS
    while length in taken:
        length += 1
    return length


def _write_history(
    folder: Path,
    store: DiskObjectStore,
    points: Sequence[Point],
    paths: Sequence[str],
    contents: dict[str, bytes],
    names: tuple[str, str],
) -> None:
    """Write the points as commits, the last two as branches of these names."""
    wanted = {point.files[path].oid for point in points for path in paths if path in point.files}
    for oid in wanted:
        store.add_object(Blob.from_string(contents[oid]))
    made: list[ObjectID] = []
    for point in points:
        entries = [
            (_raw(path), ObjectID(point.files[path].oid.encode()), point.files[path].mode)
            for path in paths
            if path in point.files
        ]
        commit = Commit()
        commit.tree = commit_tree(store, entries)
        commit.parents = [made[place] for place in point.parents]
        commit.author = commit.committer = b"hub <>"
        commit.author_time = commit.commit_time = point.when
        commit.author_timezone = commit.commit_timezone = 0
        # Two points may hold the same files.
        commit.message = b"%d" % len(made)
        store.add_object(commit)
        made.append(ObjectID(commit.id))
    for name, head in zip(names, made[-2:], strict=True):
        (folder / "refs" / "heads" / name).write_bytes(head + b"\n")


def _merge_tree(folder: Path, names: tuple[str, str], style: str) -> tuple[str, set[str]]:
    """Return the tree that git makes of the two branches, and the paths that conflict. Raises GitFailed."""
    with running(
        folder,
        "merge-tree",
        "--write-tree",
        "--allow-unrelated-histories",
        "--no-messages",
        "--name-only",
        "-z",
        *names,
        seconds=SECONDS,
        cpu_seconds=CPU_SECONDS,
        env=environment(merge__renames="false", merge__conflictStyle=style),
    ) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        status = process.wait()
    tree, *disputed = told.split(b"\0")
    if status not in (0, 1) or len(tree) != 40:
        raise GitFailed(f"git merge-tree ended with {status}")
    return tree.decode("ascii"), {_shown(path) for path in disputed if path}


def _spoils_json(path: str, points: Sequence[Point], contents: dict[str, bytes], content: bytes) -> bool:
    if not path.lower().endswith(".json") or is_json(content):
        return False
    return all(path in point.files and is_json(contents[point.files[path].oid]) for point in points[-2:])


def _files_of(store: DiskObjectStore, tree: str) -> dict[str, Entry]:
    return {
        _shown(entry.path or b""): Entry(entry.mode or 0, (entry.sha or b"").decode())
        for entry in iter_tree_contents(store, ObjectID(tree.encode()))
    }


def _content(store: DiskObjectStore, entry: Entry) -> bytes:
    return store[ObjectID(entry.oid.encode())].as_raw_string()


def _contents_of(folder: Path, store: DiskObjectStore, entries: Mapping[str, Entry]) -> dict[str, bytes]:
    """Return path -> content, without those that are too long or for which MAX_TOTAL leaves no room."""
    room = MAX_TOTAL
    found = {}
    for path, entry in entries.items():
        if (size := _size(folder, entry)) <= min(room, MAX_MARKED):
            room -= size
            found[path] = _content(store, entry)
    return found


def _size(folder: Path, entry: Entry) -> int:
    """Return the bytes of an object without unpacking it."""
    with (folder / "objects" / entry.oid[:2] / entry.oid[2:]).open("rb") as file:
        header = zlib.decompressobj().decompress(file.read(128), 64)
    return int(header.split(b"\0", 1)[0].split(b" ")[1])


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
