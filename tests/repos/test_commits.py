"""Commits: what becomes of paths, who goes first, and that git itself agrees with every object."""

import subprocess
import threading
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from hub.core.errors import HubError, TooLarge
from hub.repos.errors import BlobMissing, EntryNotFound, KeyReused, PathInvalid, StaleParent
from hub.repos.git.commits import Delete, PutBlob, Stage, create_commit
from hub.repos.git.files import find_file, find_files, list_files, list_folder, read_file, resolve_revision
from hub.repos.git.history import changes, history
from hub.repos.git.receipts import KEPT, commit_once, sweep_receipts
from hub.repos.models import CommitReceipt, GitCommit, GitObject, GitPath, Repository
from hub.repos.models.git import MAIN, ObjectType
from hub.repos.services import create_branch, delete_branch
from tests.factories import make_blob, make_repo, make_user

pytestmark = pytest.mark.django_db


def commit(repo: Repository, files: dict[str, bytes | None], **kwargs: object) -> GitCommit:
    """Commit files by path; None deletes."""
    stage = Stage(repo)
    operations = [stage.file(p, c) if c is not None else Delete(p) for p, c in files.items()]
    stage.finish()
    return create_commit(repo=repo, actor=repo.created_by, operations=operations, title="Change", **kwargs)  # type: ignore[arg-type]


def paths(repo: Repository, revision: str = "main") -> list[str]:
    listed = list_folder(repo, resolve_revision(repo, revision), recursive=True)
    return [f.path for f in listed if not f.is_folder and f.path != ".gitattributes"]


def test_files_come_back_as_they_were_put() -> None:
    repo = make_repo()
    commit(repo, {"config.json": b"{}", "深/层/文件.txt": "你好".encode(), "empty": b""})
    head = resolve_revision(repo, "main")
    assert paths(repo) == ["config.json", "empty", "深/层/文件.txt"]
    assert read_file(repo, find_file(repo, head, "深/层/文件.txt")) == "你好".encode()
    assert read_file(repo, find_file(repo, head, "empty")) == b""


def test_the_first_line_of_a_title_is_the_title() -> None:
    repo = make_repo()
    stage = Stage(repo)
    operations = [stage.file("notes.txt", b"one")]
    stage.finish()
    made = create_commit(
        repo=repo,
        actor=repo.created_by,  # type: ignore[arg-type]
        operations=operations,
        title="\n Say  six languages \n\nThe card was out of date.\nTwo lines.",
        description="And more.",
    )
    assert made.title == "Say six languages"
    assert made.description == "The card was out of date.\nTwo lines.\n\nAnd more."


def test_listing_of_main_and_of_the_same_commit_by_a_branch_agree() -> None:
    repo = make_repo()
    commit(repo, {"a/b/one": b"1", "a/two": b"2", "three": b"3"})
    old = commit(repo, {"a/b/one": b"1!", "four": b"4"})
    on_main = list_folder(repo, old, recursive=True)
    commit(repo, {"five": b"5"})
    assert [(f.path, f.oid, f.size, f.is_folder) for f in list_folder(repo, old, recursive=True)] == [
        (f.path, f.oid, f.size, f.is_folder) for f in on_main
    ]
    folder = {f.path: f for f in on_main if f.is_folder}
    assert folder["a"].last_commit == folder["a/b"].last_commit == old.oid
    flat = list_folder(repo, resolve_revision(repo, "main"), "a")
    assert [(f.path, f.is_folder) for f in flat] == [("a/b", True), ("a/two", False)]
    assert flat[0].last_commit == old.oid


def test_the_last_commit_of_a_folder_is_known_within_one_second() -> None:
    repo = make_repo()
    # In both orders of the names, so that no order of the rows gives the right answer by itself.
    for number, name in enumerate(["first", "last", "first", "last", "first", "last"]):
        last = commit(repo, {f"a/{name}": str(number).encode()})
        for recursive in (False, True):
            folder = next(f for f in list_folder(repo, last, recursive=recursive) if f.path == "a")
            assert folder.last_commit == last.oid


def test_a_listing_follows_the_trees_where_the_rows_of_main_are_those_of_another_commit() -> None:
    repo = make_repo()
    head = commit(repo, {"a/one": b"1", "two": b"22"})
    GitPath.objects.filter(repository=repo, path="two").update(oid="0" * 40, size=9)
    GitPath.objects.filter(repository=repo, path="a/one").delete()
    listed = {f.path: f.size for f in list_folder(repo, head, recursive=True) if not f.is_folder}
    assert (listed["a/one"], listed["two"]) == (1, 2)


def test_an_emptied_folder_vanishes_and_its_name_can_become_a_file() -> None:
    repo = make_repo()
    commit(repo, {"a/b/c": b"1", "keep": b"2"})
    commit(repo, {"a/": None})
    assert paths(repo) == ["keep"]
    commit(repo, {"a": b"now a file"})
    assert paths(repo) == ["a", "keep"]


def test_delete_then_add_in_one_commit() -> None:
    repo = make_repo()
    commit(repo, {"a/x": b"1", "a/y": b"2"})
    commit(repo, {"a/": None, "a/z": b"3"})
    assert paths(repo) == ["a/z"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a//b",
        "a/../b",
        ".",
        "a/.git/config",
        ".GIT",
        "a\x00b",
        "a\nb",
        "a\\b",
        "x" * 256,
        "a/" * 600,
        ".git ",
    ],
)
def test_paths_that_no_tree_should_hold_are_refused(path: str) -> None:
    repo = make_repo()
    with pytest.raises(PathInvalid):
        commit(repo, {path: b"x"})


def test_a_file_cannot_lie_in_a_file() -> None:
    repo = make_repo()
    commit(repo, {"a": b"1"})
    with pytest.raises(PathInvalid, match="is a file here"):
        commit(repo, {"a/b": b"2"})
    commit(repo, {"d/e": b"1"})
    with pytest.raises(PathInvalid, match="is a folder here"):
        commit(repo, {"d": b"2"})


def test_deleting_what_is_not_there() -> None:
    repo = make_repo()
    with pytest.raises(EntryNotFound):
        commit(repo, {"nothing": None})


def test_a_commit_that_changes_nothing_is_the_head() -> None:
    repo = make_repo()
    first = commit(repo, {"a": b"1"})
    assert commit(repo, {"a": b"1"}).oid == first.oid


def test_a_stale_parent_is_refused() -> None:
    repo = make_repo()
    start = resolve_revision(repo, "main").oid
    commit(repo, {"a": b"1"}, parent=start)
    with pytest.raises(StaleParent):
        commit(repo, {"b": b"1"}, parent=start)
    assert paths(repo) == ["a"]


def test_a_known_sha256_is_not_a_right_to_the_bytes() -> None:
    owner, stranger = make_user("owner"), make_user("stranger")
    private, other = make_repo(owner, visibility="private"), make_repo(stranger)
    blob = make_blob(private, owner, "ab" * 32, 5)
    create_commit(repo=private, actor=owner, operations=[PutBlob("w.bin", blob.sha256, 5)], title="Weights")
    with pytest.raises(BlobMissing):
        create_commit(repo=other, actor=stranger, operations=[PutBlob("w.bin", blob.sha256, 5)], title="Steal")
    # Its owner may, without sending the bytes again.
    mine = make_repo(owner, name="second")
    create_commit(repo=mine, actor=owner, operations=[PutBlob("w.bin", blob.sha256)], title="Reuse")
    assert find_file(mine, resolve_revision(mine, "main"), "w.bin").size == 5
    with pytest.raises(BlobMissing, match="is said to have"):
        create_commit(repo=mine, actor=owner, operations=[PutBlob("v.bin", blob.sha256, 6)], title="Wrong size")


def test_history_goes_back_to_the_first_commit_newest_first() -> None:
    repo = make_repo()
    made = [commit(repo, {"a": str(n).encode()}).oid for n in range(5)]
    listed = [c.oid for c in history(repo, resolve_revision(repo, "main"))]
    assert listed[:5] == made[::-1]
    assert len(listed) == 6


def test_changes_of_a_commit() -> None:
    repo = make_repo()
    old = commit(repo, {"a/one": b"1", "two": b"2", "gone": b"x"})
    new = commit(repo, {"a/one": b"1!", "gone": None, "b/new": b"n"})
    found = {c.path: (c.old is not None, c.new is not None) for c in changes(repo, old, new)}
    assert found == {"a/one": (True, True), "gone": (True, False), "b/new": (False, True)}


def test_a_deleted_branch_takes_its_commits_with_it() -> None:
    repo = make_repo()
    create_branch(repo=repo, actor=repo.created_by, name="feature/x")  # type: ignore[arg-type]
    only_there = commit(repo, {"secret": b"1"}, ref_name="refs/heads/feature/x")
    kept = commit(repo, {"a": b"1"})
    delete_branch(repo=repo, actor=repo.created_by, name="feature/x")  # type: ignore[arg-type]
    assert resolve_revision(repo, kept.oid).oid == kept.oid
    with pytest.raises(HubError):
        resolve_revision(repo, only_there.oid)


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_lose_nothing() -> None:
    repo = make_repo()
    failures: list[Exception] = []

    def write(writer: int) -> None:
        try:
            for n in range(5):
                commit(repo, {f"{writer}/{n}.txt": f"{writer} {n}".encode()})
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(paths(repo)) == 30
    assert history(repo, resolve_revision(repo, "main")).count() == 31
    assert GitPath.objects.filter(repository=repo).count() == 31


def test_git_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    repo = make_repo()
    commit(repo, {"a/b.txt": b"1", "a.txt": b"2", "a-b": b"3", "深/文": b"4"})
    head = commit(repo, {"a/": None, "a/c/d": b"5"})

    def git(*args: str, stdin: bytes = b"") -> str:
        done = subprocess.run(["git", *args], cwd=tmp_path, input=stdin, capture_output=True, check=True)
        return done.stdout.decode()

    git("init", "--bare", "--quiet", ".")
    from hub.repos.git.objects import read_object

    for row in GitObject.objects.filter(store=repo.store_id):
        kind = ObjectType(row.type)
        written = git(
            "hash-object", "-w", "-t", kind.label.lower(), "--stdin", stdin=read_object(repo.store_id, row.oid, kind)
        )
        assert written.strip() == row.oid
    git("update-ref", "refs/heads/main", head.oid)
    git("fsck", "--strict", "--no-dangling")
    assert git("-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "main").split("\n")[:-1] == [
        ".gitattributes",
        "a-b",
        "a.txt",
        "a/c/d",
        "深/文",
    ]


def test_many_paths_are_looked_up_in_as_many_queries_as_there_are_levels(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    repo = make_repo()
    head = commit(repo, {f"{n}/deep/file": b"%d" % n for n in range(30)})
    wanted = [f"{n}/deep/file" for n in range(30)] + [f"{n}/deep/none" for n in range(30)] + ["0/deep", "", "0//deep"]
    commit(repo, {"more": b"1"})  # so that `head` is no longer what `main` shows
    with django_assert_max_num_queries(8):
        found = find_files(repo, head, wanted)
    assert [f.path for f in found] == [f"{n}/deep/file" for n in range(30)] + ["0/deep", ""]


def test_changes_of_many_folders_are_read_together(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    repo = make_repo()
    first = resolve_revision(repo, "main")
    head = commit(repo, {f"{n:02}/deep/file": b"%d" % n for n in range(60)})
    with django_assert_max_num_queries(3):
        found = changes(repo, first, head)
    assert [c.path for c in found] == [f"{n:02}/deep/file" for n in range(60)]


def test_a_commit_reaches_into_a_bounded_number_of_folders(settings: Settings) -> None:
    settings.MAX_COMMIT_FOLDERS = 20
    repo = make_repo()
    with pytest.raises(TooLarge):
        commit(repo, {"a/" * 30 + "file": b"1"})
    commit(repo, {"a/" * 10 + "file": b"1"})


def test_all_files_of_main_are_told_by_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    repo = make_repo()
    old = commit(repo, {"b/" * 20 + "one": b"1", "a": b"2"})
    with django_assert_num_queries(1):
        at_head = list_files(repo, old)
    commit(repo, {"later": b"3"})
    assert [(f.path, f.oid, f.size) for f in list_files(repo, old)] == [(f.path, f.oid, f.size) for f in at_head]
    assert [f.path for f in at_head] == [".gitattributes", "a", "b/" * 20 + "one"]


def test_receipts_are_kept_for_a_day_and_swept() -> None:
    repo, other = make_repo(), make_repo()
    user = repo.created_by
    assert user is not None
    made = iter("abcdef")

    def once(key: str, request: str = "00" * 32, into: Repository = repo) -> str:
        return commit_once(repo=into, user=user, key=key, request=request, make=lambda: (MAIN, next(made) * 40))[1]

    assert [once("k"), once("k"), once("l"), once("k", into=other)] == ["a" * 40, "a" * 40, "b" * 40, "c" * 40]
    with pytest.raises(KeyReused):
        once("k", "11" * 32)
    CommitReceipt.objects.filter(key="k", repository=repo).update(at=timezone.now() - KEPT)
    # Past its time it stands for nothing, swept or not.
    assert once("k", "11" * 32) == "d" * 40
    CommitReceipt.objects.filter(key="l").update(at=timezone.now() - KEPT)
    assert sweep_receipts() == 1
    assert CommitReceipt.objects.count() == 2
