"""Packs that were made to do harm. Each is refused with a reason, within bounds, and leaves neither rows nor files."""

import fcntl
import hashlib
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from hub.core.errors import HubError
from hub.repos.git.objects import EMPTY_TREE
from hub.repos.git.packs import MAX_DELTA_DEPTH
from hub.repos.models import GitCommit, GitObject, GitRef, Repository
from hub.repos.models.git import ObjectType
from hub.repos.services import create_branch, delete_branch
from tests.factories import make_repo
from tests.repos.git.pushes import OFS_DELTA, REF_DELTA, Objects, entry_header, pack_of, push

pytestmark = pytest.mark.django_db
MAIN = "refs/heads/main"


@pytest.fixture
def repo() -> Repository:
    return make_repo()


def refused(repo: Repository, new: str, pack: bytes) -> str:
    """Push a pack that is refused as a whole; return the reason, having seen that nothing of it is there."""
    assert repo.created_by is not None
    head = GitRef.objects.get(repository=repo, name=MAIN).oid
    before = set(GitObject.objects.filter(store=repo.store_id).values_list("oid", flat=True))
    refusal: HubError | None = None
    reason = ""
    try:
        reason = push(repo, repo.created_by, {MAIN: (head, new)}, pack)[MAIN]
    except HubError as error:
        refusal = error
    if refusal is not None:
        assert refusal.status < 500
        reason = refusal.message
    assert set(GitObject.objects.filter(store=repo.store_id).values_list("oid", flat=True)) == before
    assert GitRef.objects.get(repository=repo, name=MAIN).oid == head
    return reason


def head_of(repo: Repository) -> str:
    return GitRef.objects.get(repository=repo, name=MAIN).oid


@pytest.mark.parametrize(
    "name",
    [
        ".git",
        ".GIT ",
        ".Git.",
        "..",
        ".",
        "git~1",
        ".git::$INDEX_ALLOCATION",
        b"\xff",
        ".g\u200cit",
        "a\\b",
        "a\nb",
        "x" * 256,
    ],
)
@pytest.mark.parametrize("mode", ["100644", "40000"])
def test_names_that_do_harm_on_a_disk(repo: Repository, name: str | bytes, mode: str) -> None:
    objects = Objects()
    inner = objects.blob(b"") if mode == "100644" else objects.files({"a": b"1"})
    # Deep down, where only the new folder holds it.
    new = objects.commit(objects.tree(("40000", "ok", objects.tree((mode, name, inner)))), head_of(repo))
    assert refused(repo, new, objects.pack())


def test_a_slash_in_a_name(repo: Repository) -> None:
    objects = Objects()
    new = objects.commit(objects.tree(("100644", "a/b", objects.blob(b"1"))), head_of(repo))
    assert "slash" in refused(repo, new, objects.pack())


@pytest.mark.parametrize("mode", ["160000", "100664", "777", "0"])
def test_modes_that_are_no_file(repo: Repository, mode: str) -> None:
    objects = Objects()
    new = objects.commit(objects.tree((mode, "a", objects.blob(b"1"))), head_of(repo))
    assert ("submodule" if mode == "160000" else "mode") in refused(repo, new, objects.pack())


@pytest.mark.parametrize("names", [["b", "a"], ["a", "a"], ["a", "a-", "a"]])
def test_trees_out_of_order(repo: Repository, names: list[str]) -> None:
    objects = Objects()
    blob, folder = objects.blob(b"1"), objects.files({"x": b"1"})
    entries = [("40000" if n == 2 else "100644", name, folder if n == 2 else blob) for n, name in enumerate(names)]
    assert "order" in refused(repo, objects.commit(objects.tree(*entries), head_of(repo)), objects.pack())


def _commit_without_author(objects: Objects, head: str) -> str:
    return objects.add(ObjectType.COMMIT, f"tree {EMPTY_TREE}\nparent {head}\n\nx\n".encode())


def _blob_for_a_tree(objects: Objects, head: str) -> str:
    return objects.commit(objects.tree(("40000", "a", objects.blob(b"no tree"))), head)


def _tree_for_a_blob(objects: Objects, head: str) -> str:
    return objects.commit(objects.tree(("100644", "a", objects.files({"x": b"1"}))), head)


def _known_commit_for_a_blob(objects: Objects, head: str) -> str:
    return objects.commit(objects.tree(("100644", "a", head)), head)


def _blob_for_the_root(objects: Objects, head: str) -> str:
    return objects.commit(objects.blob(b"1"), head)


def _tree_for_a_parent(objects: Objects, head: str) -> str:
    return objects.commit(tree := objects.files({"a": b"1"}), tree)


def _end_of_time(objects: Objects, head: str) -> str:
    return objects.commit(objects.files({}), head, at=10**17)


def _damaged_tree(objects: Objects, head: str) -> str:
    return objects.commit(objects.add(ObjectType.TREE, b"100644 a\0short"), head)


def _missing_blob(objects: Objects, head: str) -> str:
    return objects.commit(objects.tree(("100644", "a", "1" * 40)), head)


def _missing_tree(objects: Objects, head: str) -> str:
    return objects.commit("1" * 40, head)


def _missing_parent(objects: Objects, head: str) -> str:
    return objects.commit(objects.files({}), "1" * 40)


@pytest.mark.parametrize(
    "make",
    [
        _commit_without_author,
        _blob_for_a_tree,
        _tree_for_a_blob,
        _known_commit_for_a_blob,
        _blob_for_the_root,
        _tree_for_a_parent,
        _end_of_time,
        _damaged_tree,
        _missing_blob,
        _missing_tree,
        _missing_parent,
    ],
)
def test_objects_that_are_not_what_they_say(repo: Repository, make: Callable[[Objects, str], str]) -> None:
    objects = Objects()
    assert refused(repo, make(objects, head_of(repo)), objects.pack())


def test_what_a_deleted_branch_held_cannot_be_had_back_by_its_name(repo: Repository) -> None:
    """The row is there still. Whoever knows its name has not shown that they hold it."""
    assert repo.created_by is not None
    start = head_of(repo)
    create_branch(repo=repo, actor=repo.created_by, name="dev")
    secret = Objects()
    blob = secret.blob(b"secret")
    commit = secret.commit(secret.tree(("100644", "a", blob)), start)
    push(repo, repo.created_by, {"refs/heads/dev": (start, commit)}, secret.pack())
    delete_branch(repo=repo, actor=repo.created_by, name="dev")
    assert GitObject.objects.filter(store=repo.store_id, oid=blob).exists()
    objects = Objects()
    assert refused(repo, objects.commit(objects.tree(("100644", "a", blob)), start), objects.pack())
    assert refused(repo, objects.commit(EMPTY_TREE, commit), objects.pack())
    # Not even as a ref to what is there.
    assert push(repo, repo.created_by, {"refs/heads/again": (None, commit)})["refs/heads/again"]
    # Nor what another repository holds.
    other = make_repo(repo.created_by)
    inside = Objects()
    theirs = inside.commit(inside.files({"x": b"theirs"}), head_of(other))
    push(other, repo.created_by, {MAIN: (head_of(other), theirs)}, inside.pack())
    assert push(repo, repo.created_by, {"refs/heads/again": (None, theirs)})["refs/heads/again"]


def test_damaged_packs(repo: Repository) -> None:
    objects = Objects()
    new = objects.commit(objects.files({"a": b"1"}), head_of(repo))
    pack = objects.pack()
    assert refused(repo, new, b"")
    assert refused(repo, new, b"PACK")
    assert refused(repo, new, b"GARBAGE" + pack)
    assert refused(repo, new, pack[:-30])
    assert refused(repo, new, pack[:-20] + bytes(20))
    assert refused(repo, new, pack[:40] + b"\0\0\0\0" + pack[44:])
    assert "follows" in refused(repo, new, pack + b"more")
    # More, or fewer, objects than it says.
    assert refused(repo, new, pack_of([entry_header(1, 3) + zlib.compress(b"abc")], count=2))
    assert refused(repo, new, pack_of([entry_header(3, 3) + zlib.compress(b"abc")] * 2, count=1))
    # An object that is longer, or shorter, than its header says.
    assert refused(repo, new, pack_of([entry_header(3, 3) + zlib.compress(b"abcd")]))
    assert refused(repo, new, pack_of([entry_header(3, 5) + zlib.compress(b"abcd")]))


def test_ten_million_objects_are_refused_by_the_header(repo: Repository) -> None:
    assert "10000000 objects" in refused(repo, "1" * 40, pack_of([], count=10_000_000))


def test_differences_to_what_is_not_there(repo: Repository) -> None:
    delta = zlib.compress(b"\x01\x01\x90\x01")
    assert refused(repo, "1" * 40, pack_of([entry_header(REF_DELTA, 4) + bytes.fromhex("2" * 40) + delta]))
    assert refused(repo, "1" * 40, pack_of([entry_header(OFS_DELTA, 4) + b"\x05" + delta]))
    # To itself.
    assert refused(repo, "1" * 40, pack_of([entry_header(OFS_DELTA, 4) + b"\x00" + delta]))


def test_long_chains_of_differences(repo: Repository) -> None:
    entries = [entry_header(3, 4) + zlib.compress(struct.pack(">I", 0))]
    for number in range(1, MAX_DELTA_DEPTH + 10):
        # From the one before: four bytes that are new.
        delta = b"\x04\x04\x04" + struct.pack(">I", number)
        assert len(entries[-1]) < 128
        entries.append(entry_header(OFS_DELTA, len(delta)) + bytes([len(entries[-1])]) + zlib.compress(delta))
    assert "chains" in refused(repo, "1" * 40, pack_of(entries))


def zeros(megabytes: int) -> bytes:
    """Return a pack with one blob of zeros: a thousandth of its size."""
    piece = bytes(1024 * 1024)
    squeeze = zlib.compressobj(9)
    head = squeeze.compress(piece) + squeeze.flush(zlib.Z_FULL_FLUSH)
    again = squeeze.compress(piece) + squeeze.flush(zlib.Z_FULL_FLUSH)
    checksum = 1
    for _number in range(megabytes):
        checksum = zlib.adler32(piece, checksum)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    body = head + again * (megabytes - 1) + end + struct.pack(">I", checksum)
    return pack_of([entry_header(3, megabytes * len(piece)) + body])


@pytest.mark.parametrize("megabytes", [64, pytest.param(1025, marks=pytest.mark.full)])
def test_a_bomb_of_zeros(repo: Repository, megabytes: int, settings: Settings) -> None:
    settings.MAX_PUSH_INFLATED = min(settings.MAX_PUSH_INFLATED, (megabytes - 1) * 1024**2)
    pack = zeros(megabytes)
    assert len(pack) < megabytes * 1100
    assert "unpacked" in refused(repo, "1" * 40, pack)


@pytest.mark.parametrize("kind", [ObjectType.COMMIT, ObjectType.TREE, ObjectType.TAG])
def test_huge_objects_that_git_reads_into_memory(repo: Repository, kind: ObjectType) -> None:
    """It says that it has four gigabytes. Git would set them aside at once."""
    assert refused(repo, "1" * 40, pack_of([entry_header(kind, 2**32) + zlib.compress(bytes(1000))]))


def test_large_texts_and_trees(repo: Repository) -> None:
    for kind in (ObjectType.COMMIT, ObjectType.TREE):
        content = bytes(33 * 1024 * 1024)
        assert "bytes" in refused(repo, "1" * 40, pack_of([entry_header(kind, len(content)) + zlib.compress(content)]))


def test_few_trees_that_spell_more_files_than_anybody_can_list(repo: Repository) -> None:
    objects = Objects()
    tree = objects.files({"a": b"1"})
    for _level in range(12):
        tree = objects.tree(*(("40000", f"d{n}", tree) for n in range(10)))
    assert "files" in refused(repo, objects.commit(tree, head_of(repo)), objects.pack())


def test_the_same_in_several_pushes(repo: Repository, settings: Settings) -> None:
    assert repo.created_by is not None
    settings.MAX_TREE_FILES = 1500
    objects = Objects()
    tree = objects.tree(*(("100644", f"f{n:03}", objects.blob(b"")) for n in range(1000)))
    head = head_of(repo)
    new = objects.commit(tree, head)
    assert push(repo, repo.created_by, {MAIN: (head, new)}, objects.pack()) == {MAIN: ""}
    later = Objects()
    twice = later.commit(later.tree(("40000", "a", tree), ("40000", "b", tree)), new)
    assert "files" in refused(repo, twice, later.pack())


def test_paths_that_are_too_long(repo: Repository) -> None:
    objects = Objects()
    tree = objects.files({"a": b"1"})
    for _level in range(6):
        tree = objects.tree(("40000", "x" * 200, tree))
    assert "path" in refused(repo, objects.commit(tree, head_of(repo)), objects.pack())


def test_what_nothing_reaches_is_not_kept(repo: Repository) -> None:
    assert repo.created_by is not None
    objects = Objects()
    head = head_of(repo)
    loose = [objects.blob(b"loose"), objects.commit(objects.files({"x": b"1"}), head, message="loose")]
    new = objects.commit(objects.files({"a": b"1"}), head)
    assert push(repo, repo.created_by, {MAIN: (head, new)}, objects.pack()) == {MAIN: ""}
    assert not GitObject.objects.filter(store=repo.store_id, oid__in=loose).exists()
    assert not GitCommit.objects.filter(oid__in=loose).exists()


def test_too_many_bytes(repo: Repository, settings: Settings) -> None:
    settings.MAX_PUSH_BYTES = 100_000
    content = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(10_000))
    pack = pack_of([entry_header(3, len(content)) + zlib.compress(content)])
    assert "Push the history in several steps" in refused(repo, "1" * 40, pack)


def test_what_a_killed_push_left_behind_goes_with_the_next(repo: Repository, scratch: Path) -> None:
    dead, living = scratch / "git-scratch" / "dead", scratch / "git-scratch" / "living"
    unborn = scratch / "git-scratch" / "unborn"
    for folder in (dead, living, unborn):
        folder.mkdir(parents=True)
        (folder / "pack").write_bytes(b"half")
        if folder != unborn:
            (folder / "in-use").touch()
        os.utime(folder, (0, 0))
    with (living / "in-use").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert refused(repo, "1" * 40, b"")
        assert not dead.exists()
        assert not unborn.exists()
        assert living.exists()
    assert refused(repo, "1" * 40, b"")
    assert not living.exists()
