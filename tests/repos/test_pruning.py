"""What nothing refers to any more is not there any more, by any way."""

import pytest
from django.db import transaction

from hub.repos.content import read_content
from hub.repos.errors import EntryNotFound, RevisionNotFound
from hub.repos.git.commits import Delete, PutBlob
from hub.repos.git.files import blob_of, find_file, resolve_revision
from hub.repos.git.locks import lock_history
from hub.repos.git.pruning import forget_unreachable
from hub.repos.models import Blob, BlobClaim, GitRef, Repository
from hub.repos.releases import create_tag, delete_tag
from hub.repos.services import create_branch, delete_branch
from tests.factories import make_repo, make_user
from tests.repos.filling import commit, held, sent
from tests.repos.racing import Other


@pytest.fixture
def repo(db: None) -> Repository:
    return make_repo()


@pytest.fixture
def owner(repo: Repository):  # type: ignore[no-untyped-def]
    return repo.created_by


def test_a_deleted_branch_takes_its_commits_and_its_large_content_along(repo, owner) -> None:  # type: ignore[no-untyped-def]
    kept, lost = sent(repo, b"kept"), sent(repo, b"lost")
    commit(repo, PutBlob("kept.bin", kept))
    create_branch(repo=repo, actor=owner, name="side")
    gone = commit(repo, PutBlob("lost.bin", lost), PutBlob("again.bin", kept), branch="side")
    assert held(repo) == {kept, lost}
    delete_branch(repo=repo, actor=owner, name="side")
    assert held(repo) == {kept}
    with pytest.raises(RevisionNotFound):
        resolve_revision(repo, gone.oid)
    repo.refresh_from_db()
    assert repo.rewrites == 1


def test_what_was_forgotten_is_claimed_by_nobody(repo, owner) -> None:  # type: ignore[no-untyped-def]
    lost = sent(repo, b"lost")
    create_branch(repo=repo, actor=owner, name="side")
    commit(repo, PutBlob("lost.bin", lost), branch="side")
    delete_branch(repo=repo, actor=owner, name="side")
    assert not BlobClaim.objects.filter(repository=repo).exists()
    assert not Blob.objects.usable_in(repo, owner).exists()
    sent(repo, b"lost")
    assert commit(repo, PutBlob("lost.bin", lost)).title == "Change"
    assert held(repo) == {lost}


def test_claims_on_content_that_was_never_committed_stay(repo, owner) -> None:  # type: ignore[no-untyped-def]
    create_branch(repo=repo, actor=owner, name="side")
    commit(repo, PutBlob("lost.bin", sent(repo, b"lost")), branch="side")
    uploading = sent(repo, b"on its way")
    delete_branch(repo=repo, actor=owner, name="side")
    assert list(BlobClaim.objects.filter(repository=repo).values_list("blob_id", flat=True)) == [uploading]


def test_content_that_an_older_commit_still_points_at_stays(repo, owner) -> None:  # type: ignore[no-untyped-def]
    old = sent(repo, b"old")
    commit(repo, PutBlob("folder/old.bin", old))
    commit(repo, Delete("folder/"))
    create_branch(repo=repo, actor=owner, name="side")
    commit(repo, PutBlob("elsewhere.bin", old), branch="side")
    delete_branch(repo=repo, actor=owner, name="side")
    assert held(repo) == {old}


def test_a_tag_keeps_what_it_reaches_until_it_goes(repo, owner) -> None:  # type: ignore[no-untyped-def]
    content = sent(repo, b"tagged")
    create_branch(repo=repo, actor=owner, name="side")
    tagged = commit(repo, PutBlob("weights.bin", content), branch="side")
    create_tag(repo=repo, actor=owner, name="v1", revision="side")
    delete_branch(repo=repo, actor=owner, name="side")
    file = find_file(repo, resolve_revision(repo, tagged.oid), "weights.bin")
    assert read_content(repo, file) == b"tagged"
    delete_tag(repo=repo, actor=owner, name="v1")
    assert held(repo) == set()
    assert blob_of(repo, file) is None
    with pytest.raises(EntryNotFound):
        read_content(repo, file)


def test_a_branch_without_commits_of_its_own_takes_nothing_along(repo, owner) -> None:  # type: ignore[no-untyped-def]
    commit(repo, PutBlob("weights.bin", sent(repo, b"weights")))
    create_branch(repo=repo, actor=owner, name="side")
    delete_branch(repo=repo, actor=owner, name="side")
    repo.refresh_from_db()
    assert repo.rewrites == 0
    assert len(held(repo)) == 1


def test_another_repository_keeps_its_own(repo, owner) -> None:  # type: ignore[no-untyped-def]
    other = make_repo(owner)
    content = sent(repo, b"shared")
    create_branch(repo=repo, actor=owner, name="side")
    commit(repo, PutBlob("weights.bin", content), branch="side")
    commit(other, PutBlob("weights.bin", content))
    delete_branch(repo=repo, actor=owner, name="side")
    assert held(other) == {content}
    assert held(repo) == set()


@pytest.mark.django_db(transaction=True)
def test_a_branch_cannot_start_at_what_is_being_forgotten() -> None:
    repo = make_repo(make_user())
    owner = repo.created_by
    assert owner is not None
    create_branch(repo=repo, actor=owner, name="side")
    tip = commit(repo, PutBlob("lost.bin", sent(repo, b"lost")), branch="side")
    somebody = Other(lambda: create_branch(repo=repo, actor=owner, name="other", start=tip.oid))
    with transaction.atomic():
        lock_history(repo)
        GitRef.objects.filter(repository=repo, name="refs/heads/side").delete()
        forget_unreachable(repo)
        somebody.start()
        # It waits for the lock, so it cannot see the commit that is about to go.
        somebody.wait_blocked()
    with pytest.raises(RevisionNotFound):
        somebody.finish()
