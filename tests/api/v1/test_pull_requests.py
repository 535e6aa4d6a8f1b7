"""`/api/v1/{kind}s/{repo}/pull-requests`."""

import pytest

from hub.repos.branch_rules import add_branch_rule
from hub.repos.git.files import resolve_revision
from hub.repos.models import Gate, Repository
from hub.repos.services import create_branch
from tests.api.v1.conftest import Call
from tests.community.test_merging import put
from tests.factories import make_organization, make_repo, make_user
from tests.web.repos import owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo(db: None) -> Repository:
    made = make_repo()
    put(made, "base.txt", "1")
    create_branch(repo=made, actor=owner(made), name="side", start="main")
    put(made, "side.txt", "1", "refs/heads/side")
    return made


@pytest.mark.parametrize("method", ["squash", "merge"])
def test_the_life_of_a_pull_request(call: Call, repo: Repository, method: str) -> None:
    base, author, ada = f"/models/{repo.full_name}/pull-requests", make_user(), owner(repo)
    made = call("POST", base, {"source": "side", "title": "The side"}, by=author)
    assert made.status == 201
    seen = resolve_revision(repo, "side").oid
    assert made.json == {
        "number": 1,
        "title": "The side",
        "status": "open",
        "base": "main",
        "source": "side",
        "head": seen,
        "merge_commit": None,
        "mergeable": True,
        "conflicts": [],
        "commits": 1,
        "behind": 0,
    }
    assert (call("POST", base, {"source": "side", "title": "Again"}, by=ada)).code == "PullRequestExists"
    put(repo, "later.txt", "1")
    assert call("GET", f"{base}/1").json["behind"] == 1
    # Whoever may write keeps the branch and its pull request the same.
    updated = call("POST", f"{base}/1/update", {"expected_head": seen}, by=ada)
    assert updated.status == 200
    assert resolve_revision(repo, "side").oid == call("GET", f"{base}/1").json["head"] == updated.json["commit"]
    assert call("POST", f"{base}/1/merge", {}, by=author).status == 403
    refused = call("POST", f"{base}/1/merge", {"method": method, "expected_head": seen}, by=ada)
    assert (refused.status, refused.code) == (409, "HeadMoved")
    assert call("POST", f"{base}/1/merge", {"method": "rebase"}, by=ada).field == "method"
    merged = call("POST", f"{base}/1/merge", {"method": method, "comment": "Thank you"}, by=ada)
    assert merged.status == 200
    head = resolve_revision(repo, "main")
    assert (head.oid, len(head.parents)) == (merged.json["commit"], 1 + (method == "merge"))
    told = call("GET", f"{base}/1").json
    assert (told["status"], told["merge_commit"], told["mergeable"]) == ("merged", head.oid, False)


def test_conflicts_are_told_and_settled(call: Call, repo: Repository) -> None:
    base, ada = f"/models/{repo.full_name}/pull-requests", owner(repo)
    call("POST", base, {"source": "side", "title": "The side", "draft": True}, by=ada)
    put(repo, "side.txt", "ours")
    told = call("GET", f"{base}/1").json
    assert (told["status"], told["conflicts"], told["mergeable"]) == ("draft", ["side.txt"], False)
    assert call("POST", f"{base}/1/update", {}, by=ada).code == "MergeConflict"
    assert call("POST", f"{base}/1/update", {"keep": {"side.txt": "mine"}}, by=ada).status == 400
    assert call("POST", f"{base}/1/update", {"keep": {"side.txt": "own"}}, by=ada).status == 200
    assert call("GET", f"{base}/1").json["conflicts"] == []
    put(repo, "side.txt", "ours again")
    assert call("POST", f"{base}/1/update", {"texts": {"other": "x"}}, by=ada).code == "MergeConflict"
    marked = call("POST", f"{base}/1/update", {"texts": {"side.txt": "<<<<<<< a\n"}}, by=ada)
    assert (marked.status, marked.field) == (400, "texts")
    wrong = {"texts": {"side.txt": "both\n"}, "expected_base": "0" * 40}
    assert call("POST", f"{base}/1/update", wrong, by=ada).code == "HeadMoved"
    assert call("POST", f"{base}/1/update", {"texts": {"side.txt": "both\n"}}, by=ada).status == 200
    # Names of files are for those whom the owner lets in.
    Repository.objects.filter(pk=repo.pk).update(gate=Gate.MANUAL)
    assert call("GET", f"{base}/1").json["conflicts"] is None


def test_a_protected_branch(call: Call) -> None:
    admin, writer = make_user(), make_user()
    repo = make_repo(admin, organization=make_organization(admin, write=writer))
    create_branch(repo=repo, actor=admin, name="side", start="main")
    put(repo, "side.txt", "1", "refs/heads/side")
    add_branch_rule(repo=repo, actor=admin, pattern="main", admins_only=True)
    base = f"/models/{repo.full_name}/pull-requests"
    assert call("POST", base, {"source": "side", "title": "t"}, by=writer).status == 201
    assert call("POST", f"{base}/1/merge", {}, by=writer).code == "RefProtected"
    assert call("POST", f"{base}/1/merge", {}, by=admin).status == 200
    assert call("GET", f"{base}/2").code == "PullRequestNotFound"
