"""One commit in place of many."""

import pytest

from hub.core.models import AuditEvent
from hub.repos.content import read_content
from hub.repos.errors import RefProtected, RevisionNotFound
from hub.repos.git.commits import Delete, PutBlob
from hub.repos.git.files import find_file, list_files, resolve_revision
from hub.repos.git.history import history
from hub.repos.git.squashing import squash_branch
from hub.repos.models import BranchRule, GitPath, RefUpdate, Repository
from hub.repos.releases import create_tag
from hub.repos.services import create_branch
from tests.factories import make_repo
from tests.repos.filling import commit, held, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo() -> Repository:
    return make_repo()


def test_the_files_stay_and_the_history_goes(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    old, new = sent(repo, b"old"), sent(repo, b"new")
    first = commit(repo, PutBlob("weights.bin", old), PutBlob("folder/other.bin", new))
    last = commit(repo, PutBlob("weights.bin", new))
    squashed = squash_branch(repo=repo, actor=owner, branch="main", message="As it is\n\nWithout its past.")
    head = resolve_revision(repo, "main")
    assert head == squashed
    assert (head.tree, head.parents, head.generation) == (last.tree, [], 1)
    assert (head.title, head.description) == ("As it is", "Without its past.")
    assert [c.oid for c in history(repo, head)] == [head.oid]
    assert read_content(repo, find_file(repo, head, "weights.bin")) == b"new"
    assert held(repo) == {new}
    with pytest.raises(RevisionNotFound):
        resolve_revision(repo, first.oid)
    assert {file.last_commit for file in list_files(repo, head)} == {head.oid}
    assert set(GitPath.objects.filter(repository=repo).values_list("last_commit", flat=True)) == {head.oid}
    repo.refresh_from_db()
    assert repo.rewrites == 1
    update = RefUpdate.objects.filter(repository=repo).latest("pk")
    assert (update.name, update.old, update.new) == ("refs/heads/main", last.oid, head.oid)
    assert AuditEvent.objects.filter(verb="repo.squash", target=f"model {repo.full_name}").exists()


def test_what_a_tag_or_another_branch_reaches_stays(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    content = sent(repo, b"weights")
    tagged = commit(repo, PutBlob("weights.bin", content))
    create_tag(repo=repo, actor=owner, name="v1")
    create_branch(repo=repo, actor=owner, name="side")
    commit(repo, Delete("weights.bin"), branch="side")
    squash_branch(repo=repo, actor=owner, branch="side")
    assert resolve_revision(repo, "v1").oid == tagged.oid
    assert held(repo) == {content}
    assert {c.title for c in history(repo, resolve_revision(repo, "side"))} == {"Squash the history of side"}


def test_protected_branches_and_things_that_are_no_branches(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    create_branch(repo=repo, actor=owner, name="stable")
    create_tag(repo=repo, actor=owner, name="v1")
    BranchRule.objects.create(repository=repo, pattern="stable")
    with pytest.raises(RefProtected):
        squash_branch(repo=repo, actor=owner, branch="stable")
    for name in ("absent", "v1", "refs/pr/1", "refs/tags/v1"):
        with pytest.raises(RevisionNotFound):
            squash_branch(repo=repo, actor=owner, branch=name)
