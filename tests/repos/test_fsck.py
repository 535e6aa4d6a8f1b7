"""`fsck` finds each kind of damage, and none where there is none."""

import json
import zlib
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from hub.core.blobs import lfs_key
from hub.repos.fsck import Check
from hub.repos.git.commits import PutBlob, Stage
from hub.repos.git.files import find_entry, resolve_revision
from hub.repos.git.squashing import squash_branch
from hub.repos.large_files import delete_large_files
from hub.repos.models import (
    Blob,
    BucketFile,
    BucketTotals,
    GitCommit,
    GitObject,
    GitPath,
    GitRef,
    Release,
    RepoBlob,
    Repository,
)
from hub.repos.releases import create_release
from hub.repos.services import create_branch, delete_branch
from tests.factories import make_repo
from tests.repos.buckets import make_bucket, put
from tests.repos.filling import commit, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo() -> Repository:
    """A repository with two commits, a folder, a large file and a release."""
    repo = make_repo()
    assert repo.created_by is not None
    stage = Stage(repo)
    small = stage.file("folder/small.txt", b"small")
    stage.finish()
    commit(repo, small)
    commit(repo, PutBlob("large.bin", sent(repo, b"large content of fsck")))
    create_release(repo=repo, actor=repo.created_by, tag="v1", title="One")
    return repo


def damages(repo: Repository, *, rehash: bool = False) -> list[str]:
    check = Check(rehash=rehash)
    held = RepoBlob.objects.filter(repository=repo).values("blob")
    blobs = Blob.objects.filter(pk__in=held).select_related("xet_file")
    return [*check.repository(repo), *check.content(blobs)]


def test_nothing_is_wrong_with_what_people_do(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    assert damages(repo, rehash=True) == []
    create_branch(repo=repo, actor=owner, name="side")
    commit(repo, PutBlob("folder/more.bin", sent(repo, b"more")), branch="side")
    commit(repo, PutBlob("folder/gone.bin", sent(repo, b"gone")))
    delete_branch(repo=repo, actor=owner, name="side")
    assert damages(repo, rehash=True) == []
    squash_branch(repo=repo, actor=owner, branch="main")
    assert damages(repo, rehash=True) == []
    names = list(RepoBlob.objects.filter(repository=repo).values_list("blob_id", flat=True))
    delete_large_files(repo=repo, actor=owner, sha256s=names[:1], rewrite_history=False)
    assert damages(repo, rehash=True) == []
    delete_large_files(repo=repo, actor=owner, sha256s=names, rewrite_history=True)
    assert damages(repo, rehash=True) == []


def _object(repo: Repository, path: str) -> GitObject:
    oid = find_entry(repo, resolve_revision(repo, "main"), path).oid
    return GitObject.objects.get(store=repo.store, oid=oid)


def _no_commit_row(repo: Repository) -> None:
    GitCommit.objects.filter(store=repo.store, oid=resolve_revision(repo, "main").oid).delete()


def _no_parent_row(repo: Repository) -> None:
    GitCommit.objects.filter(store=repo.store, generation=1).delete()


def _no_commit_object(repo: Repository) -> None:
    GitObject.objects.filter(store=repo.store, oid=resolve_revision(repo, "main").oid).delete()


def _other_tree(repo: Repository) -> None:
    head = resolve_revision(repo, "main")
    parent = GitCommit.objects.get(store=repo.store, generation=head.generation - 1)
    GitCommit.objects.filter(pk=head.pk).update(tree=parent.tree)


def _no_folder(repo: Repository) -> None:
    _object(repo, "folder").delete()


def _no_file(repo: Repository) -> None:
    _object(repo, "folder/small.txt").delete()


def _damaged_file(repo: Repository) -> None:
    found = _object(repo, "folder/small.txt")
    GitObject.objects.filter(pk=found.pk).update(body=b"no zlib at all")


def _damaged_folder(repo: Repository) -> None:
    found = _object(repo, "folder")
    body = zlib.compress(b"100644 small.txt\0short")
    GitObject.objects.filter(pk=found.pk).update(body=body, size=len(zlib.decompress(body)))


def _file_as_folder(repo: Repository) -> None:
    found = _object(repo, "folder/small.txt")
    GitObject.objects.filter(pk=found.pk).update(type=2)


def _stray_commit(repo: Repository) -> None:
    GitRef.objects.filter(repository=repo).update(oid=GitCommit.objects.get(store=repo.store, generation=1).oid)


def _tag_without_object(repo: Repository) -> None:
    head = resolve_revision(repo, "main").oid
    GitRef.objects.create(repository=repo, name="refs/tags/annotated", oid="12" * 20, peeled=head)


def _release_elsewhere(repo: Repository) -> None:
    Release.objects.filter(repository=repo).update(commit=GitCommit.objects.get(store=repo.store, generation=1).oid)


def _not_held(repo: Repository) -> None:
    RepoBlob.objects.filter(repository=repo).delete()


def _held_for_no_reason(repo: Repository) -> None:
    RepoBlob.objects.create(repository=repo, blob_id=sent(repo, b"of nobody"))


def _other_size(repo: Repository) -> None:
    Blob.objects.update(size=1)


def _no_bytes(repo: Repository) -> None:
    _file_of(repo).unlink()


def _fewer_bytes(repo: Repository) -> None:
    path = _file_of(repo)
    path.chmod(0o600)
    path.write_bytes(b"short")


def _no_listing(repo: Repository) -> None:
    GitPath.objects.filter(repository=repo, path="large.bin").delete()


def _other_listing(repo: Repository) -> None:
    GitPath.objects.filter(repository=repo, path="large.bin").update(oid="12" * 20)


def _listing_of_lost_commits(repo: Repository) -> None:
    GitPath.objects.filter(repository=repo, path="large.bin").update(last_commit="12" * 20)


def _no_main(repo: Repository) -> None:
    GitRef.objects.filter(repository=repo, name="refs/heads/main").delete()


def _file_of(repo: Repository) -> Path:
    sha256 = RepoBlob.objects.get(repository=repo).blob_id
    path = Path(settings.DATA_DIR) / "blobs" / lfs_key(sha256)
    assert path.is_file()
    return path


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_no_commit_row, "refs/heads/main names the commit"),
        (_no_parent_row, "has the parent"),
        (_no_commit_object, "has no object"),
        (_other_tree, "another tree or other parents"),
        (_no_folder, "of “folder” in the folder"),
        (_no_file, "“small.txt” in the folder"),
        (_damaged_file, "cannot be read"),
        (_damaged_folder, "is not well formed"),
        (_file_as_folder, "is no file"),
        (_stray_commit, "2 commits can be read that no ref reaches"),
        (_tag_without_object, "refs/tags/annotated names the tag"),
        (_release_elsewhere, "the release “v1” is of the commit"),
        (_not_held, "is not held by the repository"),
        (_held_for_no_reason, "no commit points at it"),
        (_other_size, "and a commit says 21"),
        (_no_bytes, "it is not in the store"),
        (_fewer_bytes, "it has 5 bytes in the store, not 21"),
        (_no_listing, "the listing of main lacks “large.bin”"),
        (_other_listing, "the listing of main has “large.bin” as"),
        (_listing_of_lost_commits, "the listing of main names the commit"),
        (_no_main, "it has no main branch"),
    ],
)
def test_each_damage_is_named(repo: Repository, harm: Callable[[Repository], None], said: str) -> None:
    harm(repo)
    found = damages(repo)
    assert any(said in damage for damage in found), found
    assert all(damage.startswith((f"model {repo.full_name}: ", "large file ")) for damage in found)
    # What is left of other tests must not be harmed.
    for blob in Blob.objects.all():
        Path(settings.DATA_DIR, "blobs", lfs_key(blob.sha256)).unlink(missing_ok=True)


def test_rehash_finds_bytes_that_have_changed(repo: Repository) -> None:
    path = _file_of(repo)
    path.write_bytes(path.read_bytes()[::-1])
    found = _object(repo, "folder/small.txt")
    GitObject.objects.filter(pk=found.pk).update(body=zlib.compress(b"SMALL"))
    assert damages(repo) == []
    said = damages(repo, rehash=True)
    Blob.objects.filter(pk=path.name).update(damaged_at=timezone.now())
    (found_before,) = damages(repo)
    assert "not what they should be when they were read last" in found_before
    path.unlink()
    assert ["does not have the content" in said[0], "its bytes have the sha256" in said[1]] == [True, True]


def test_the_command(repo: Repository) -> None:
    other = make_repo()
    out = StringIO()
    call_command("fsck", repo.full_name, "--rehash", stdout=out)
    assert out.getvalue() == (
        "Looked at 1 repositories, 2 refs, 3 commits, 4 folders, 3 files, 1 pointers, 1 large files, "
        "21 bytes read. All is well.\n"
    )
    _no_main(other)
    out = StringIO()
    call_command("fsck", repo.full_name, "--type", "model", stdout=out)
    with pytest.raises(SystemExit) as ended:
        call_command("fsck", stdout=out)
    assert ended.value.code == 1
    assert f"model {other.full_name}: it has no main branch.\n" in out.getvalue()
    assert out.getvalue().splitlines()[-1].startswith("Looked at 2 repositories")


def _no_held(bucket: Repository) -> None:
    RepoBlob.objects.filter(repository=bucket).delete()


def _no_file_of_bucket(bucket: Repository) -> None:
    BucketFile.objects.filter(repository=bucket).delete()


def _other_totals(bucket: Repository) -> None:
    BucketTotals.objects.filter(repository=bucket).update(files=7)


def _branch_of_bucket(bucket: Repository) -> None:
    GitRef.objects.create(repository=bucket, name="refs/heads/main", oid="12" * 20)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_no_held, "of “a.bin” is not held by the bucket"),
        (_no_file_of_bucket, "and no file of the bucket has it"),
        (_other_totals, "it has 1 files of 7 bytes, and it is said to have 7 of 7"),
        (_branch_of_bucket, "it has branches or tags, and is a bucket"),
    ],
)
def test_buckets_are_checked_by_their_files(harm: Callable[[Repository], None], said: str) -> None:
    bucket = make_bucket()
    put(bucket, {"a.bin": b"content"})
    assert damages(bucket, rehash=True) == []
    harm(bucket)
    assert any(said in damage for damage in damages(bucket)), damages(bucket)


def test_a_part_is_read_again_and_programs_can_read_the_result(repo: Repository, settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings.DATA_DIR = tmp_path
    other = make_repo()
    content = {sha256: data for data in (b"x" * 100, b"y" * 100) for sha256 in [sent(other, data)]}
    for sha256 in content:
        commit(other, PutBlob(f"{sha256}.bin", sha256))
    # What the fixture made lies in another folder: it is missing here.
    lost = RepoBlob.objects.get(repository=repo).blob_id
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("fsck", "--json", stdout=out)
    assert ended.value.code == 1
    said = json.loads(out.getvalue())
    assert said["damages"] == [f"large file {lost}: it is not in the store."]
    assert (said["counts"]["repositories"], said["counts"]["large files"]) == (2, 3)
    Blob.objects.filter(pk=lost).update(checked_at=timezone.now())
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("fsck", "--rolling", "1/5", "--json", stdout=out)
    # A fifth of 221 bytes is less than the one of a hundred.
    assert json.loads(out.getvalue())["counts"]["bytes read"] == 100
    for wrong in (["--rolling", "0"], ["--rolling", "1/5", "--rehash"], ["nobody/nothing"]):
        with pytest.raises(CommandError):
            call_command("fsck", *wrong)
