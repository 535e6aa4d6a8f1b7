"""The pages of branches, tags and rules, of copies, comparisons and short names, and those of spaces and kernels."""

import pytest
from django.test import Client

from hub.accounts.models import User
from hub.repos.branch_rules import add_branch_rule
from hub.repos.git.files import list_files, resolve_revision
from hub.repos.git.history import history
from hub.repos.models import GitRef, Repository
from hub.repos.releases import create_release
from hub.repos.services import create_branch, create_ref
from hub.repos.short_names import give_short_name
from tests.factories import make_repo, make_user
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, get, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo(member: User) -> Repository:
    repo = make_repo(member)
    commit_files(repo, {"README.md": "---\nlicense: mit\n---\n# One\n", "a.txt": "one\n"}, title="First words")
    create_release(repo=repo, actor=member, tag="v1", notes="First")
    commit_files(repo, {"README.md": "---\nlicense: apache-2.0\n---\n# One\n", "a.txt": "two\n"}, title="Other words")
    create_release(repo=repo, actor=member, tag="v2", notes="Second")
    create_branch(repo=repo, actor=member, name="feature/x", start="v1")
    create_ref(repo, member, "refs/pr/7", resolve_revision(repo, "v1").oid)
    return repo


def test_branches_tags_and_pull_requests_are_listed(browser: Client, repo: Repository, member: User) -> None:
    add_branch_rule(repo=repo, actor=member, pattern="feature/*")
    address = f"/{repo.full_name}/branches"
    page = text_of(browser, address)
    for said in ("feature/x", "v1", "v2", "#7", "First words", "Other words", "Protected", "Released"):
        assert said in page, said
    # A protected branch offers no way to take it away, and main none to delete it.
    assert "feature%2Fx/delete" not in page
    assert "main/delete" not in page
    assert "main/squash" in page
    stranger = text_of(Client(), address)
    assert "feature/x" in stranger
    assert "/delete" not in stranger
    assert "Create branch" not in stranger


def test_branches_and_tags_come_and_go(browser: Client, repo: Repository) -> None:
    address = f"/{repo.full_name}/branches"
    assert browser.post(f"{address}/new", {"name": "dev", "start": "v1"}).status_code == 302
    assert resolve_revision(repo, "dev") == resolve_revision(repo, "v1")
    for wrong, said in [({"name": "dev"}, "exists already"), ({"name": "a..b"}, "cannot be the name")]:
        refused = browser.post(f"{address}/new", wrong)
        assert refused.status_code in (400, 409)
        assert said in refused.content.decode()
    assert "Delete the branch dev" in text_of(browser, f"{address}/dev/delete")
    assert browser.post(f"{address}/dev/delete").status_code == 302
    assert "The release" not in text_of(browser, f"/{repo.full_name}/tags/v2/delete")
    assert browser.post(f"/{repo.full_name}/tags/v2/delete").status_code == 302
    names = set(GitRef.objects.filter(repository=repo).values_list("name", flat=True))
    assert names == {"refs/heads/main", "refs/heads/feature/x", "refs/tags/v1", "refs/pr/7"}
    assert get(browser, f"{address}/none/delete").status_code == 404
    assert browser.post(f"{address}/main/delete").status_code == 403


def test_a_history_is_squashed(browser: Client, repo: Repository) -> None:
    before = [file.path for file in list_files(repo, resolve_revision(repo, "main"))]
    address = f"/{repo.full_name}/branches/main/squash"
    assert "Squash the history of main" in text_of(browser, address)
    assert browser.post(address, {"message": "All of it"}).status_code == 302
    head = resolve_revision(repo, "main")
    assert [commit.title for commit in history(repo, head)] == ["All of it"]
    assert [file.path for file in list_files(repo, head)] == before


def test_rules_are_made_and_removed(browser: Client, repo: Repository) -> None:
    address = f"/{repo.full_name}/settings/branches"
    assert browser.post(address, {"pattern": "release/*", "admins_only": "on"}).status_code == 302
    assert "release/*" in text_of(browser, address)
    assert browser.post(address, {"pattern": "release/*"}).status_code == 409
    assert browser.post(address, {"pattern": "a?"}).status_code == 400
    rule = repo.branch_rules.get()
    assert rule.admins_only
    assert browser.post(f"{address}/{rule.pk}/remove").status_code == 302
    assert not repo.branch_rules.exists()


def test_strangers_change_no_refs_and_no_rules(repo: Repository) -> None:
    stranger, nobody = browser_of(make_user()), Client()
    for path in (
        "branches/new",
        "branches/main/squash",
        "branches/side/delete",
        "tags/v1/delete",
        "settings/branches",
        "settings/names",
        "settings/names/take",
    ):
        assert stranger.post(f"/{repo.full_name}/{path}").status_code == 403, path
        assert nobody.post(f"/{repo.full_name}/{path}").status_code == 302, path
    Repository.objects.update(visibility="private")
    for path in ("branches", "compare", "compare/v1...v2", "duplicate"):
        assert stranger.get(f"/{repo.full_name}/{path}").status_code == 404, path


def test_two_releases_are_compared(browser: Client, repo: Repository) -> None:
    listed = text_of(browser, f"/{repo.full_name}/releases")
    assert f'href="/{repo.full_name}/compare/v1...v2"' in listed
    page = text_of(browser, f"/{repo.full_name}/compare/v1...v2")
    for said in ("From v1 to v2", "Other words", "2 files changed", "apache-2.0", "a.txt", "unchanged"):
        assert said in page, said
    assert "None: it goes back" in text_of(browser, f"/{repo.full_name}/compare/v2...feature%2Fx")
    assert "Both are the same commit" in text_of(browser, f"/{repo.full_name}/compare/v1...feature%2Fx")
    chosen = browser.get(f"/{repo.full_name}/compare", {"from": "v1", "to": "feature/x"})
    assert chosen["Location"] == f"/{repo.full_name}/compare/v1...feature%2Fx"
    assert get(browser, f"/{repo.full_name}/compare/v1").status_code == 400
    assert get(browser, f"/{repo.full_name}/compare/v1...none").status_code == 404


def test_a_visitor_makes_a_copy(repo: Repository) -> None:
    user = make_user()
    visitor = browser_of(user)
    address = f"/{repo.full_name}/duplicate"
    assert address in text_of(visitor, f"/{repo.full_name}")
    assert "Pull requests, releases" in text_of(visitor, address)
    wanted = {"owner": user.username, "name": "mine", "visibility": "private"}
    assert visitor.post(address, wanted)["Location"] == f"/{user.username}/mine"
    assert "duplicated_from" in text_of(visitor, f"/{user.username}/mine/raw/main/README.md")
    taken = visitor.post(address, wanted)
    assert taken.status_code == 409
    assert "exists already" in taken.content.decode()
    assert Client().get(address).status_code == 302


def test_an_administrator_of_the_hub_gives_short_names(repo: Repository) -> None:
    admin = browser_of(make_user(admin=True))
    address = f"/{repo.full_name}/settings/names"
    assert address in text_of(admin, f"/{repo.full_name}")
    assert admin.post(address, {"name": "tiny"}).status_code == 302
    assert "tiny" in text_of(admin, address)
    assert admin.post(address, {"name": "TINY"}).status_code == 409
    assert Client().get("/tiny")["Location"] == f"/{repo.full_name}"
    assert Client().get("/tiny/tree/main?x=/a/b")["Location"] == f"/{repo.full_name}/tree/main?x=/a/b"
    assert admin.post(f"{address}/take", {"name": "tiny"}).status_code == 302
    assert Client().get("/tiny").status_code == 404


def test_a_short_name_of_a_private_repository_leads_strangers_nowhere(repo: Repository, browser: Client) -> None:
    give_short_name(repo=repo, actor=None, name="hidden")
    Repository.objects.update(visibility="private")
    assert Client().get("/hidden").status_code == 404
    assert browser.get("/hidden").status_code == 307


def test_other_letters_lead_to_the_one_address(repo: Repository) -> None:
    asked = Client().get(f"/{repo.full_name.upper()}/tree/main?a=1")
    assert (asked.status_code, asked["Location"]) == (307, f"/{repo.full_name}/tree/main?a=1")


@pytest.mark.parametrize("kind", ["space", "kernel"])
def test_what_nothing_runs_is_shown_all_the_same(browser: Client, member: User, kind: str) -> None:
    wanted = {"owner": member.username, "name": "it", "license": "mit", "visibility": "public"}
    if kind == "space":
        assert browser.post("/new/space", wanted).status_code == 200
        wanted["sdk"] = "gradio"
    address = f"/{kind}s/{member.username}/it"
    assert browser.post(f"/new/{kind}", wanted)["Location"] == address
    page = text_of(browser, address)
    assert "Nothing here" in page
    assert ("Gradio" in page) == (kind == "space")
    assert "Leaderboard" not in page
    assert "Reviews" not in page
    for inner in (
        "tree/main",
        "commits/main",
        "branches",
        "releases",
        "discussions",
        "settings",
        "blob/main/README.md",
    ):
        assert get(browser, f"{address}/{inner}").status_code == 200, inner
    assert "license: mit" in text_of(browser, f"{address}/raw/main/README.md")
    assert f"--repo-type {kind}" in page
    listed = text_of(browser, f"/{kind}s")
    assert f"New {kind}" in listed
    assert address in text_of(browser, f"/{member.username}")
    chinese = browser.get(address, headers={"Accept-Language": "zh-CN"}).content.decode()
    assert "运行" in chinese
