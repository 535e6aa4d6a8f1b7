"""What commits reach, counted against what was put there."""

import pytest

from hub.repos.git.commits import Delete, PutBlob, Stage, create_commit
from hub.repos.git.files import resolve_revision
from hub.repos.git.objects import ObjectWriter
from hub.repos.git.reachable import objects_of, pointers_among, reachable_commits, reachable_objects
from hub.repos.models import GitCommit, GitObject, GitRef, Repository
from hub.repos.models.git import ObjectType
from hub.repos.services import create_branch
from tests.factories import make_blob, make_repo

pytestmark = pytest.mark.django_db


def put(repo: Repository, branch: str = "main", **files: bytes) -> GitCommit:
    """Commit files; the name `a__b` stands for the path `a/b`."""
    stage = Stage(repo)
    operations = [stage.file(name.replace("__", "/"), content) for name, content in files.items()]
    stage.finish()
    assert repo.created_by is not None
    return create_commit(
        repo=repo, actor=repo.created_by, operations=operations, title="Put", ref_name=f"refs/heads/{branch}"
    )


def names(batches: object) -> list[str]:
    return [oid.hex() for batch in batches for oid in batch]  # type: ignore[attr-defined]


def raw(commit: GitCommit) -> bytes:
    return bytes.fromhex(commit.oid)


def test_everything_that_was_committed_is_reached_once() -> None:
    repo = make_repo()
    put(repo, one=b"1", folder__two=b"2", folder__deeper__three=b"3")
    put(repo, one=b"changed", folder__same=b"1")
    found = names(objects_of(repo))
    assert len(found) == len(set(found))
    assert set(found) == set(GitObject.objects.filter(store=repo.store).values_list("oid", flat=True))


def test_objects_that_no_ref_reaches_are_not_named() -> None:
    repo = make_repo()
    writer = ObjectWriter(repo.store_id)
    stray = writer.add(ObjectType.BLOB, b"nobody commits this")
    writer.flush()
    assert stray not in names(objects_of(repo))


def test_only_what_is_new_since_other_commits() -> None:
    repo = make_repo()
    first = put(repo, one=b"1", folder__two=b"2")
    second = put(repo, folder__three=b"3")
    assert [c.oid.hex() for c in reachable_commits(repo.store_id, [raw(second)], [raw(first)])] == [second.oid]
    found = names(reachable_objects(repo.store_id, [raw(second)], [raw(first)]))
    types = GitObject.objects.filter(store=repo.store, oid__in=found).values_list("type", flat=True)
    # The commit, its root, the folder, the file.
    assert sorted(types) == [ObjectType.COMMIT, ObjectType.TREE, ObjectType.TREE, ObjectType.BLOB]
    assert names(reachable_objects(repo.store_id, [raw(first)], [raw(second)])) == []


def test_submodules_are_left_out_and_annotated_tags_are_not() -> None:
    repo = make_repo()
    head = resolve_revision(repo, "main")
    writer = ObjectWriter(repo.store_id)
    tree = writer.add(ObjectType.TREE, b"160000 module\0" + bytes(range(20)))
    inner = writer.add(ObjectType.TAG, b"object %s\ntype commit\ntag v1\n\nIt\n" % head.oid.encode())
    outer = writer.add(ObjectType.TAG, b"object %s\ntype tag\ntag v2\n\nIt\n" % inner.encode())
    writer.flush()
    GitCommit.objects.filter(pk=head.pk).update(tree=tree)
    GitRef.objects.create(repository=repo, name="refs/tags/v2", oid=outer, peeled=head.oid)
    assert set(names(objects_of(repo))) == {head.oid, tree, inner, outer}


def test_pointers_are_told_from_other_small_files() -> None:
    repo = make_repo()
    assert repo.created_by is not None
    sha256 = "ab" * 32
    make_blob(repo, repo.created_by, sha256, 7)
    create_commit(
        repo=repo, actor=repo.created_by, operations=[PutBlob("weights.bin", sha256)], title="Put", description=""
    )
    put(repo, small=b"oid sha256")
    found = [pointers_among(repo.store_id, batch) for batch in objects_of(repo)]
    assert [pointer for each in found for pointer in each.values()] == [(sha256, 7)]


def test_a_branch_that_shares_content_names_it_once() -> None:
    repo = make_repo()
    assert repo.created_by is not None
    put(repo, one=b"1")
    create_branch(repo=repo, actor=repo.created_by, name="other")
    put(repo, "other", one=b"1", copy=b"1")
    create_commit(
        repo=repo,
        actor=repo.created_by,
        operations=[Delete("copy")],
        title="Away",
        ref_name="refs/heads/other",
    )
    found = names(objects_of(repo))
    assert len(found) == len(set(found)) == GitObject.objects.filter(store=repo.store).count()
