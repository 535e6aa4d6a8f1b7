"""Making, naming, hiding and deleting repositories."""

import pytest

from hub.core.errors import Invalid
from hub.core.models import AuditEvent
from hub.repos.errors import RefExists, RefProtected, RepoExists, RepoNameInvalid, RevisionNotFound
from hub.repos.git.files import resolve_revision
from hub.repos.models import GitObject, GitStore, Repository
from hub.repos.releases import create_tag, delete_tag
from hub.repos.services import create_branch, delete_branch, delete_repo, move_repo
from tests.factories import make_repo, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a" * 97,
        "-a",
        ".a",
        "a.",
        "a-",
        "a--b",
        "a..b",
        "a b",
        "a/b",
        "模型",
        "a.git",
        "a.ipynb",
        "tree",
        "Resolve",
        "a<b",
    ],
)
def test_names_that_no_repository_can_have(name: str) -> None:
    owner = make_user()
    with pytest.raises(RepoNameInvalid):
        from hub.repos.services import create_repo

        create_repo(actor=owner, namespace=owner.namespace, kind="model", name=name)
    assert not Repository.objects.filter(namespace=owner.namespace).exists()


@pytest.mark.parametrize("name", ["a", "_a", "A.b-c_d", "a" * 96, "gpt2", "0"])
def test_names_that_they_can_have(name: str) -> None:
    assert make_repo(name=name).name == name


def test_a_name_is_taken_in_any_case_but_once_for_each_kind() -> None:
    owner = make_user()
    make_repo(owner, name="Tiny")
    with pytest.raises(RepoExists):
        make_repo(owner, name="tiny")
    assert make_repo(owner, name="tiny", kind="dataset").plural == "datasets"


def test_a_former_name_cannot_be_taken_over_until_its_repository_is_gone() -> None:
    owner = make_user()
    repo = make_repo(owner, name="one")
    move_repo(repo=repo, actor=owner, namespace=owner.namespace, name="two")
    with pytest.raises(RepoExists):
        make_repo(owner, name="one")
    move_repo(repo=repo, actor=owner, namespace=owner.namespace, name="one")
    with pytest.raises(RepoExists):
        make_repo(owner, name="two")
    delete_repo(repo=repo, actor=owner)
    assert make_repo(owner, name="two").full_name == f"{owner.username}/two"


def test_a_change_of_case_alone_is_a_rename() -> None:
    owner = make_user()
    repo = make_repo(owner, name="tiny")
    move_repo(repo=repo, actor=owner, namespace=owner.namespace, name="Tiny")
    assert repo.name == "Tiny"
    assert not repo.aliases.exists()


def test_deleting_leaves_no_rows_but_an_audit_event() -> None:
    owner = make_user()
    repo = make_repo(owner)
    store, name = repo.store_id, repo.full_name
    delete_repo(repo=repo, actor=owner)
    assert not GitStore.objects.filter(pk=store).exists()
    assert not GitObject.objects.filter(store_id=store).exists()
    assert AuditEvent.objects.filter(verb="repo.delete", target=f"model {name}").exists()


def test_branches_and_tags() -> None:
    owner = make_user()
    repo = make_repo(owner)
    head = resolve_revision(repo, "main").oid
    create_branch(repo=repo, actor=owner, name="feature/x")
    create_tag(repo=repo, actor=owner, name="v1.0", message="First")
    assert resolve_revision(repo, "feature/x").oid == resolve_revision(repo, "v1.0").oid == head
    assert resolve_revision(repo, "refs/tags/v1.0").oid == head
    with pytest.raises(RefExists):
        create_branch(repo=repo, actor=owner, name="feature/x")
    with pytest.raises(Invalid):
        create_branch(repo=repo, actor=owner, name="0" * 40)
    with pytest.raises(RefProtected):
        delete_branch(repo=repo, actor=owner, name="main")
    delete_branch(repo=repo, actor=owner, name="feature/x")
    delete_tag(repo=repo, actor=owner, name="v1.0")
    with pytest.raises(RevisionNotFound):
        resolve_revision(repo, "v1.0")
