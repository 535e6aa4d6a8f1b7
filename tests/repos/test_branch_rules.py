"""Protected branches: which rules can be made, and what they forbid to whom."""

import pytest

from hub.accounts.models import Role
from hub.accounts.organizations import add_member
from hub.core.errors import Conflict, Invalid, NotFound
from hub.core.models import AuditEvent
from hub.repos import services
from hub.repos.branch_rules import MAX_RULES, add_branch_rule, remove_branch_rule
from hub.repos.errors import RefProtected
from hub.repos.git.commits import Stage, create_commit
from hub.repos.git.squashing import squash_branch
from hub.repos.models import BranchRule
from hub.repos.releases import create_release, create_tag
from hub.repos.services import create_branch, delete_branch
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db


def test_a_rule_keeps_a_branch_and_its_history() -> None:
    owner = make_user()
    repo = make_repo(owner)
    for name in ("release/1", "other"):
        create_branch(repo=repo, actor=owner, name=name)
    rule = add_branch_rule(repo=repo, actor=owner, pattern="release/*")
    with pytest.raises(RefProtected):
        delete_branch(repo=repo, actor=owner, name="release/1")
    with pytest.raises(RefProtected):
        squash_branch(repo=repo, actor=owner, branch="release/1")
    delete_branch(repo=repo, actor=owner, name="other")
    remove_branch_rule(repo=repo, actor=owner, rule_id=rule.pk)
    delete_branch(repo=repo, actor=owner, name="release/1")
    verbs = AuditEvent.objects.filter(target=f"model {repo.full_name}", verb__startswith="branch_rule")
    assert list(verbs.order_by("pk").values_list("verb", flat=True)) == ["branch_rule.add", "branch_rule.remove"]


def test_only_administrators_change_a_branch_that_is_theirs_alone() -> None:
    owner, writer = make_user(), make_user()
    organization = make_organization(owner)
    add_member(organization=organization, actor=owner, user=writer, role=Role.WRITE)
    repo = make_repo(owner, organization=organization)
    add_branch_rule(repo=repo, actor=owner, pattern="main", admins_only=True)
    stage = Stage(repo)
    put = stage.file("a.txt", b"a")
    stage.finish()
    with pytest.raises(RefProtected):
        create_commit(repo=repo, actor=writer, operations=[put], title="No")
    create_commit(repo=repo, actor=owner, operations=[put], title="Yes")
    # A branch that only they change is only theirs to make.
    add_branch_rule(repo=repo, actor=owner, pattern="release/*", admins_only=True)
    with pytest.raises(RefProtected):
        create_branch(repo=repo, actor=writer, name="release/1")
    create_branch(repo=repo, actor=owner, name="release/1")


def test_branches_and_tags_that_no_clone_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = make_user()
    repo = make_repo(owner)
    create_branch(repo=repo, actor=owner, name="a/b")
    for name in ("a", "a/b/c", "main/x"):
        with pytest.raises(Invalid, match="folder"):
            create_branch(repo=repo, actor=owner, name=name)
    create_branch(repo=repo, actor=owner, name="a/bc")
    create_tag(repo=repo, actor=owner, name="a")
    with pytest.raises(Invalid, match="folder"):
        create_release(repo=repo, actor=owner, tag="a/b")
    monkeypatch.setattr(services, "MAX_REFS", 4)
    for make in (create_branch, create_tag):
        with pytest.raises(Invalid, match="at most 4"):
            make(repo=repo, actor=owner, name="one-more")


@pytest.mark.parametrize(
    "pattern", ["", "a b", "a..b", "a\x9bb", "x?", "[ab]", "/main", "refs/heads/main", "a\nb", "x" * 201]
)
def test_patterns_that_fit_no_branch(pattern: str) -> None:
    repo = make_repo()
    with pytest.raises(Invalid) as refused:
        add_branch_rule(repo=repo, actor=make_user(), pattern=pattern)
    assert refused.value.field == "pattern"


def test_rules_are_few_and_made_once() -> None:
    owner = make_user()
    repo = make_repo(owner)
    BranchRule.objects.bulk_create(BranchRule(repository=repo, pattern=f"b{n}") for n in range(MAX_RULES - 1))
    add_branch_rule(repo=repo, actor=owner, pattern="*")
    with pytest.raises(Conflict):
        add_branch_rule(repo=repo, actor=owner, pattern="one-more")
    BranchRule.objects.filter(repository=repo, pattern="b0").delete()
    with pytest.raises(Conflict):
        add_branch_rule(repo=repo, actor=owner, pattern="*")
    with pytest.raises(NotFound):
        remove_branch_rule(repo=make_repo(), actor=owner, rule_id=repo.branch_rules.get(pattern="*").pk)
