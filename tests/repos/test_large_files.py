"""Listing large files, and taking them away for good."""

import pytest

from hub.core.errors import Invalid
from hub.core.models import AuditEvent
from hub.repos.content import read_content
from hub.repos.errors import BlobMissing, EntryNotFound
from hub.repos.git.commits import Delete, PutBlob
from hub.repos.git.files import find_file, resolve_revision
from hub.repos.large_files import (
    LargeFile,
    delete_large_files,
    describe_large_files,
    hand_over,
    large_content_of,
    restore_content,
)
from hub.repos.models import Blob, BlobClaim, Repository
from hub.repos.models.blobs import CLAIM_LIFE
from hub.repos.services import create_branch
from tests.factories import make_repo, make_user
from tests.repos.filling import commit, held, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo() -> Repository:
    return make_repo()


def listing(repo: Repository) -> list[LargeFile]:
    return describe_large_files(repo, large_content_of(repo))


def test_the_list_names_a_place_for_each(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    old, main, side = sent(repo, b"old"), sent(repo, b"on main, and longer"), sent(repo, b"aside")
    commit(repo, PutBlob("folder/old.bin", old))
    head = commit(repo, Delete("folder/"), PutBlob("main.bin", main))
    create_branch(repo=repo, actor=owner, name="side")
    aside = commit(repo, PutBlob("side.bin", side), branch="side")
    listed = {file.sha256: file for file in listing(repo)}
    assert {sha256: (file.path, file.ref) for sha256, file in listed.items()} == {
        old: ("folder/old.bin", None),
        main: ("main.bin", "refs/heads/main"),
        side: ("side.bin", None),
    }
    assert (listed[main].commit, listed[side].commit) == (head.oid, aside.oid)
    assert listed[main].pointer == find_file(repo, head, "main.bin").oid
    assert listed[old].size == 3
    by_size = describe_large_files(repo, large_content_of(repo).order_by("-blob__size"))
    assert [file.size for file in by_size] == [19, 5, 3]


def test_deleted_content_is_not_served_and_does_not_come_back_by_its_name(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    content = sent(repo, b"secret")
    head = commit(repo, PutBlob("weights.bin", content))
    assert delete_large_files(repo=repo, actor=owner, sha256s=[content], rewrite_history=False) == 1
    assert resolve_revision(repo, "main").oid == head.oid
    file = find_file(repo, head, "weights.bin")
    with pytest.raises(EntryNotFound, match="owner deleted it"):
        read_content(repo, file)
    assert listing(repo) == []
    with pytest.raises(BlobMissing):
        commit(repo, PutBlob("other.bin", content))
    # Sent again, it can be committed again, at the same place too.
    sent(repo, b"secret")
    commit(repo, PutBlob("weights.bin", content))
    assert read_content(repo, file) == b"secret"
    event = AuditEvent.objects.get(verb="repo.large_files.delete")
    assert (event.actor, event.data) == (owner, {"files": [content], "rewritten": 0})


def test_another_repository_keeps_the_content(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    other = make_repo(owner)
    content = sent(repo, b"shared")
    commit(repo, PutBlob("weights.bin", content))
    head = commit(other, PutBlob("weights.bin", content))
    delete_large_files(repo=repo, actor=owner, sha256s=[content], rewrite_history=True)
    assert read_content(other, find_file(other, head, "weights.bin")) == b"shared"


def test_content_that_arrives_again_is_served_where_commits_point_at_it(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    content = sent(repo, b"weights")
    head = commit(repo, PutBlob("weights.bin", content))
    delete_large_files(repo=repo, actor=owner, sha256s=[content], rewrite_history=False)
    nowhere = sent(repo, b"never committed")
    restore_content(repo=repo, sha256s=[sent(repo, b"weights"), nowhere])
    assert held(repo) == {content}
    assert read_content(repo, find_file(repo, head, "weights.bin")) == b"weights"


def test_what_history_has_lost_does_not_come_back(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    content = sent(repo, b"weights")
    commit(repo, PutBlob("weights.bin", content))
    delete_large_files(repo=repo, actor=owner, sha256s=[content], rewrite_history=True)
    restore_content(repo=repo, sha256s=[sent(repo, b"weights")])
    assert held(repo) == set()


def test_too_many_or_none_at_once(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    for names in ([], [f"{n:064x}" for n in range(1001)]):
        with pytest.raises(Invalid):
            delete_large_files(repo=repo, actor=owner, sha256s=names, rewrite_history=False)


def test_handing_over_what_the_source_holds(repo: Repository) -> None:
    reader = make_user()
    content = sent(repo, b"weights")
    commit(repo, PutBlob("weights.bin", content))
    target = make_repo(reader)
    unknown = sent(repo, b"never committed")
    assert hand_over(source=repo, target=target, actor=reader, sha256s=[content, unknown]) == {unknown}
    assert list(BlobClaim.objects.filter(repository=target).values_list("blob_id", "user")) == [(content, reader.pk)]


def test_a_claim_runs_out_and_is_renewed(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    content = sent(repo, b"weights")
    claim = BlobClaim.objects.get(repository=repo)
    BlobClaim.objects.update(created_at=claim.created_at - CLAIM_LIFE)
    assert not Blob.objects.usable_in(repo, owner).exists()
    with pytest.raises(BlobMissing):
        commit(repo, PutBlob("weights.bin", content))
    sent(repo, b"weights")
    assert commit(repo, PutBlob("weights.bin", content)).title == "Change"
    assert BlobClaim.objects.filter(repository=repo).count() == 1


def test_a_claim_is_of_no_use_to_others(repo: Repository) -> None:
    content = sent(repo, b"weights")
    assert not Blob.objects.usable_in(repo, make_user()).filter(pk=content).exists()
