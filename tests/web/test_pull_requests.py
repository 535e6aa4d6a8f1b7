"""Pull requests on the site: proposed in the editor or from a branch, marked in the list, told in their thread, looked at file
by file, merged; with what git needs to fetch them."""

import json
import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from hub.accounts.models import User
from hub.community.discussions.merging import merge_pull_request
from hub.community.discussions.pull_requests import commit_as_pull_request, open_pull_request
from hub.community.discussions.services import open_discussion
from hub.community.models import Activity, PullRequest
from hub.community.notifications.telling import tell
from hub.core.rawpath import decode_path
from hub.repos.branch_rules import add_branch_rule
from hub.repos.git.commits import Delete, Operation, Stage, create_commit
from hub.repos.git.files import find_file, read_file, resolve_revision
from hub.repos.models import Gate, GitRef, Repository
from hub.repos.models.git import BRANCH_PREFIX
from hub.repos.services import create_branch
from tests.factories import make_organization, make_repo, make_user
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, get, owner, text_of

pytestmark = pytest.mark.django_db


def propose(repo: Repository, author: User, path: str, content: bytes = b"1") -> PullRequest:
    stage = Stage(repo)
    operations = [stage.file(path, content)]
    stage.finish()
    return commit_as_pull_request(repo=repo, actor=author, operations=operations, title=f"Add {path}")[0]


def test_a_pull_request_is_listed_and_told(client: Client) -> None:
    repo, author = make_repo(), make_user()
    pull = propose(repo, author, "notes/new.md")
    draft = open_pull_request(repo=repo, actor=author, title="Later", draft=True)
    listed = client.get(f"/{repo.full_name}/discussions").content.decode()
    assert "Add notes/new.md" in listed and "Pull request" in listed and "Pull request, a draft" in listed
    page = client.get(f"/{repo.full_name}/discussions/1").content.decode()
    assert "refs/pr/1:pr-1" in page
    assert "added a commit:" in page
    assert f'href="/{repo.full_name}/discussions/1/files"' in page
    client.force_login(author)
    page = client.get(f"/{repo.full_name}/discussions/2").content.decode()
    assert "Draft" in page and "Publish" in page and "Ready for review" in page
    client.post(f"/{repo.full_name}/discussions/2/comment", {"status": "open", "text": ""})
    draft.discussion.refresh_from_db()
    assert draft.discussion.status == "open"
    assert "published this" in client.get(f"/{repo.full_name}/discussions/2").content.decode()
    merge_pull_request(pull=pull, actor=repo.created_by)  # type: ignore[arg-type]
    page = client.get(f"/{repo.full_name}/discussions/1").content.decode()
    assert "merged this into main" in page
    assert "Reopen" not in page and "Close pull request" not in page
    closed = client.get(f"/{repo.full_name}/discussions?status=closed").content.decode()
    assert "Pull request, merged" in closed
    assert client.get(f"/{repo.full_name}/discussions?status=merged").status_code == 404


def test_files_on_both_sides_are_named(client: Client) -> None:
    repo = make_repo()
    propose(repo, make_user(), "same", b"theirs")
    stage = Stage(repo)
    operations = [stage.file("same", b"ours")]
    stage.finish()
    create_commit(repo=repo, actor=repo.created_by, operations=operations, title="Ours")  # type: ignore[arg-type]
    page = client.get(f"/{repo.full_name}/discussions/1").content.decode()
    assert "Both sides have changed the same lines or files" in page
    assert "same</bdi>" in page


def test_behind_a_gate_no_name_of_a_file_is_told(client: Client) -> None:
    repo = make_repo()
    propose(repo, make_user(), "secret-name.md")
    pull = PullRequest.objects.get()
    pull.discussion.title = "A title"
    pull.discussion.save()
    pull.discussion.events.filter(kind="commit").update(text="A commit")
    repo.gate = Gate.MANUAL
    repo.save()
    # In conflict, too.
    commit_files(repo, {"secret-name.md": "ours"})
    assert "secret-name" not in client.get(f"/{repo.full_name}/discussions/1").content.decode()
    for page in ("files", "files/secret-name.md", "conflicts"):
        answer = client.get(f"/{repo.full_name}/discussions/1/{page}")
        assert (answer.status_code, b"secret-name" in answer.content) == (302, False), page
    answer = client.get(f"/api/models/{repo.full_name}/discussions/1?diff=1")
    assert answer.status_code == 200
    assert b"secret-name" not in answer.content


# --- proposing ---------------------------------------------------------------------------------------------------


def send(browser: Client, address: str, **fields: Any) -> Any:
    """POST to an address as servers send it."""
    return browser.post("/", fields, PATH_INFO=decode_path(address))


def content(repo: Repository, path: str, revision: str = "main") -> str:
    return read_file(repo, find_file(repo, resolve_revision(repo, revision), path)).decode()


def head(repo: Repository, revision: str = "main") -> str:
    return resolve_revision(repo, revision).oid


def test_a_stranger_proposes_in_the_editor_and_goes_on_there() -> None:
    repo = make_repo()
    commit_files(repo, {"a.txt": "one\n"})
    stranger = browser_of(make_user())
    base = repo.get_absolute_url()
    assert f'href="{base}/edit/main/a.txt"' in text_of(stranger, f"{base}/blob/main/a.txt")
    assert f'href="{base}/upload/main"' in text_of(stranger, f"{base}/tree/main")
    editor = text_of(stranger, f"{base}/edit/main/a.txt")
    assert "Propose changes" in editor
    assert 'name="way"' not in editor
    fields = {"path": "a.txt", "text": "two\n", "title": "Say two", "description": "Why not.", "parent": head(repo)}
    # To the branch itself it does not go, whatever is sent.
    done = send(stranger, f"{base}/edit/main/a.txt", way="commit", **fields)
    assert (done.status_code, done.headers["Location"]) == (302, f"{base}/discussions/1")
    assert (content(repo, "a.txt"), content(repo, "a.txt", "refs/pr/1")) == ("one\n", "two\n")
    # And on in the same one, from its own revision.
    ref = f"{base}/edit/refs%2Fpr%2F1/a.txt"
    assert "pull request #1" in text_of(stranger, ref)
    assert ref in text_of(stranger, f"{base}/discussions/1/files")
    done = send(stranger, ref, path="a.txt", text="three\n", title="", description="", parent=head(repo, "refs/pr/1"))
    assert done.headers["Location"] == f"{base}/discussions/1"
    assert content(repo, "a.txt", "refs/pr/1") == "three\n"
    assert send(stranger, f"{base}/delete/refs%2Fpr%2F1/a.txt", title="", description="").status_code == 302
    assert [e.text for e in PullRequest.objects.get().discussion.events.filter(kind="commit").order_by("pk")] == [
        "Say two",
        "Edit a.txt",
        "Delete a.txt",
    ]
    # Nobody else's.
    other = browser_of(make_user())
    assert get(other, ref).status_code == 403
    assert "/edit/" not in text_of(other, f"{base}/blob/refs%2Fpr%2F1/.gitattributes")
    assert get(other, f"{base}/edit/refs%2Fpr%2F9/a.txt").status_code == 404


def test_drafts_new_files_and_deletions_are_proposed() -> None:
    repo = make_repo()
    commit_files(repo, {"a.txt": "one\n"})
    stranger, base = browser_of(make_user()), repo.get_absolute_url()
    fields = {"title": "", "description": ""}
    send(stranger, f"{base}/new/main", path="b.txt", text="b", parent=head(repo), draft="on", **fields)
    assert send(stranger, f"{base}/delete/main/a.txt", **fields).status_code == 302
    pulls = PullRequest.objects.order_by("discussion__number")
    assert [(p.discussion.status, p.discussion.title) for p in pulls] == [
        ("draft", "Add b.txt"),
        ("open", "Delete a.txt"),
    ]
    same = send(stranger, f"{base}/edit/main/a.txt", path="a.txt", text="one\n", parent=head(repo), **fields)
    assert (same.status_code, "nothing to propose" in same.content.decode()) == (409, True)


def test_a_stranger_proposes_uploads() -> None:
    repo, user = make_repo(), make_user()
    browser, base = browser_of(user), repo.get_absolute_url()
    sent = browser.put(f"{base}/upload/main/w.safetensors", b"\1" * 5000, content_type="application/octet-stream")
    assert sent.status_code == 201
    wanted = {"title": "Weights", "description": "", "way": "", "draft": True}
    wanted["files"] = [{"path": "w.safetensors", "receipt": sent.json()["receipt"]}]
    done = browser.post(f"{base}/upload/main", json.dumps(wanted), content_type="application/json")
    assert (done.status_code, done.json()) == (201, {"address": f"{base}/discussions/1"})
    assert PullRequest.objects.get().discussion.status == "draft"
    page = text_of(browser, f"{base}/discussions/1/files")
    assert find_file(repo, resolve_revision(repo, "refs/pr/1"), "w.safetensors").sha256 in page  # type: ignore[operator]
    refused = browser.post(
        f"{base}/upload/main", json.dumps(wanted | {"way": "commit"}), content_type="application/json"
    )
    assert refused.json()["address"] == f"{base}/discussions/2"


def test_writers_choose_and_a_protected_branch_leaves_them_no_choice() -> None:
    admin, writer = make_user(), make_user()
    repo = make_repo(admin, organization=make_organization(admin, write=writer))
    browser, base = browser_of(writer), repo.get_absolute_url()
    fields = {"text": "1", "title": "", "description": ""}
    assert 'name="way"' in text_of(browser, f"{base}/new/main")
    assert send(browser, f"{base}/new/main", path="a", parent=head(repo), way="commit", **fields).status_code == 302
    send(browser, f"{base}/new/main", path="b", parent=head(repo), way="propose", **fields)
    assert (content(repo, "a"), PullRequest.objects.get().discussion.title) == ("1", "Add b")
    assert send(browser, f"{base}/new/main", path="c", parent=head(repo), way="else", **fields).status_code == 200
    add_branch_rule(repo=repo, actor=admin, pattern="main", admins_only=True)
    page = text_of(browser, f"{base}/new/main")
    assert "only an administrator changes it" in page
    assert 'name="way"' not in page
    send(browser, f"{base}/new/main", path="c", parent=head(repo), **fields)
    assert [p.discussion.title for p in PullRequest.objects.order_by("pk")] == ["Add b", "Add c"]


def test_a_pull_request_from_a_branch_after_a_look() -> None:
    repo = make_repo()
    browser, base = browser_of(owner(repo)), repo.get_absolute_url()
    new = f"{base}/discussions/new/pull-request"
    assert "There is only one branch" in text_of(browser, new)
    create_branch(repo=repo, actor=owner(repo), name="side", start="main")
    assert "there is nothing to propose" in text_of(browser, f"{new}?source=side")
    assert get(browser, f"{new}?source=absent").status_code == 404
    stage = Stage(repo)
    operations = [stage.file("notes/new.md", b"1")]
    stage.finish()
    create_commit(repo=repo, actor=owner(repo), operations=operations, title="One", ref_name=BRANCH_PREFIX + "side")
    page = text_of(browser, f"{new}?source=side&base=main")
    assert "notes/new.md" in page
    assert 'value="One"' in page
    assert browser.post(new, {"source": "side", "base": "main", "title": ""}).status_code == 400
    done = browser.post(new, {"source": "side", "base": "main", "title": "The side", "description": "*Why*"})
    assert done.headers["Location"] == f"{base}/discussions/1"
    assert browser.post(new, {"source": "side", "base": "main", "title": "Again"}).status_code == 409
    stray = "It has commits of its own"
    assert stray not in text_of(browser, f"{base}/discussions/1")
    commit_to(PullRequest.objects.get(), owner(repo), "own.txt")
    assert stray in text_of(browser, f"{base}/discussions/1")
    GitRef.objects.filter(name=BRANCH_PREFIX + "side").update(oid=head(repo, "refs/pr/1"))
    seen = head(repo, "refs/pr/1")
    browser.post(f"{base}/discussions/1/merge", {"head": seen, "method": "merge", "title": "", "message": ""})
    page = text_of(browser, f"{base}/discussions/1")
    assert f'href="{base}/branches/side/delete"' in page
    assert browser.post(f"{base}/branches/side/delete").status_code == 302
    assert "Delete the branch" not in text_of(browser, f"{base}/discussions/1")


# --- looking -----------------------------------------------------------------------------------------------------


def test_a_branch_that_no_branch_can_be_called_is_not_there() -> None:
    repo = make_repo()
    browser = browser_of(owner(repo))
    page = browser.post(f"/{repo.full_name}/discussions/new/pull-request", {"base": "main", "source": "a\0b"})
    assert page.status_code == 404
    page = browser.post(
        "/collections/new", {"title": "x", "theme": "green", "item": "a\0b/c", "namespace": owner(repo)}
    )
    assert page.status_code == 400


def test_files_are_shown_as_what_became_of_them(client: Client) -> None:
    repo, author = make_repo(), make_user()
    long = "".join(f"{n}\n" for n in range(1000))
    commit_files(
        repo,
        {"a.txt": "one\n", "gone.txt": "g\n", "old.txt": "moved\n", "b.dat": b"\0\1", "w.safetensors": b"1" * 400},
    )
    stage = Stage(repo)
    operations: list[Operation] = [
        stage.file("a.txt", b"one\ntwo <b>\n"),
        Delete("gone.txt"),
        Delete("old.txt"),
        stage.file("new.txt", b"moved\n"),
        stage.file("b.dat", b"\0\2\3"),
        stage.file("long.txt", long.encode()),
        Delete("w.safetensors"),
    ]
    stage.finish()
    commit_as_pull_request(repo=repo, actor=author, operations=operations, title="Everything")
    base = f"{repo.get_absolute_url()}/discussions/1/files"
    page = text_of(client, base)
    assert "two &lt;b&gt;" in page
    for word in ("added", "deleted", "moved", "binary", "large"):
        assert re.search(rf'class="badge[^"]*">(<[^>]*>)*{word}<', page), word
    assert "<bdi>old.txt</bdi>" in page
    assert find_file(repo, resolve_revision(repo, "main"), "w.safetensors").sha256 in page  # type: ignore[operator]
    # Long ones are behind a link, with all their lines.
    assert f'href="{base}/long.txt"' in page
    assert "<td>777</td>" not in page
    assert "<td>777</td>" in text_of(client, f"{base}/long.txt")
    assert get(client, f"{base}/absent.txt").status_code == 404
    assert "Everything" in text_of(client, f"{repo.get_absolute_url()}/discussions/1/commits")
    # A discussion that is no pull request has none of it.
    open_discussion(repo=repo, actor=author, title="t", text="t")
    for below in ("commits", "files", "conflicts", "files/a.txt"):
        assert get(client, f"{repo.get_absolute_url()}/discussions/2/{below}").status_code == 404


def test_pages_cost_the_same_however_much_is_proposed(client: Client, django_assert_max_num_queries: Any) -> None:
    repo, author = make_repo(), make_user()
    for files in (3, 60):
        stage = Stage(repo)
        operations = [stage.file(f"f{number}.txt", f"{number}\n".encode()) for number in range(files)]
        stage.finish()
        pull, _commit = commit_as_pull_request(repo=repo, actor=author, operations=operations, title="t")
        at = pull.discussion.get_absolute_url()
        for below in ("", "/commits", "/files", "/conflicts"):
            cache.clear()
            with django_assert_max_num_queries(32):
                text_of(client, at + below)
    page = text_of(client, f"{repo.get_absolute_url()}/discussions/2/files")
    assert page.count('class="diffbox') == 40
    assert text_of(client, f"{repo.get_absolute_url()}/discussions/2/files?page=2").count('class="diffbox') == 20
    assert get(client, f"{repo.get_absolute_url()}/discussions/2/files?page=3").status_code == 404


# --- merging -----------------------------------------------------------------------------------------------------


def test_what_was_looked_at_is_merged_with_words_of_ones_own() -> None:
    repo, author = make_repo(), make_user()
    pull = propose(repo, author, "new.txt")
    browser, base = browser_of(owner(repo)), pull.discussion.get_absolute_url()
    page = text_of(browser, base)
    seen = head(repo, pull.ref)
    assert f'value="{seen}"' in page
    assert "Co-authored-by" in page
    commit_to(pull, author, "more.txt")
    form = {"head": seen, "method": "squash", "title": "Mine", "message": "Because"}
    refused = browser.post(f"{base}/merge", form)
    page = refused.content.decode()
    assert (refused.status_code, "newer commits" in page) == (409, True)
    # What was typed is kept, for what is there now.
    assert 'value="Mine"' in page
    assert f'value="{head(repo, pull.ref)}"' in page
    assert browser.post(f"{base}/merge", form | {"method": "rebase"}).status_code == 400
    assert browser_of(author).post(f"{base}/merge", form).status_code == 403
    done = browser.post(f"{base}/merge", form | {"head": head(repo, pull.ref)})
    assert done.headers["Location"] == base
    commit = resolve_revision(repo, "main")
    assert (commit.title, commit.description) == ("Mine", "Because")
    page = text_of(browser, base)
    assert commit.oid[:7] in page
    assert f'action="{base}/merge"' not in page
    assert browser.post(f"{base}/merge", form | {"head": head(repo, pull.ref)}).status_code == 409


def test_it_is_brought_up_to_date_and_turned_to_another_branch() -> None:
    repo, author = make_repo(), make_user()
    create_branch(repo=repo, actor=owner(repo), name="next", start="main")
    pull = propose(repo, author, "new.txt")
    commit_files(repo, {"later.txt": "1"})
    browser, base = browser_of(author), pull.discussion.get_absolute_url()
    assert "Update from main" in text_of(browser, base)
    assert "Update from main" not in text_of(browser_of(make_user()), base)
    browser.post(f"{base}/update", {"head": head(repo, pull.ref)})
    assert content(repo, "later.txt", pull.ref) == "1"
    assert "Update from main" not in text_of(browser, base)
    assert browser.post(f"{base}/base", {"base": "next"}).status_code == 302
    assert "turned this from main to next" in text_of(browser, base)
    assert browser.post(f"{base}/base", {"base": "absent"}).status_code == 404
    assert browser_of(make_user()).post(f"{base}/base", {"base": "main"}).status_code == 403


def test_conflicts_are_explained_and_settled() -> None:
    repo, author = make_repo(), make_user()
    pull = propose(repo, author, "same", b"theirs")
    commit_files(repo, {"same": "ours", "free": "1"})
    base = pull.discussion.get_absolute_url()
    assert f'href="{base}/conflicts"' in text_of(browser_of(author), base)
    looking = text_of(Client(), f"{base}/conflicts")
    assert "git merge pr-1-base" in looking
    assert 'name="file-' not in looking
    browser = browser_of(author)
    page = text_of(browser, f"{base}/conflicts")
    choice = re.findall(r'name="(file-[0-9a-f]+)"', page)[0]
    seen = {"head": head(repo, pull.ref), "target": head(repo)}
    assert browser.post(f"{base}/conflicts", seen).status_code == 400
    assert browser.post(f"{base}/conflicts", seen | {"head": "0" * 40, choice: "own"}).status_code == 409
    assert browser.post(f"{base}/conflicts", seen | {"target": "0" * 40, choice: "own"}).status_code == 409
    assert browser_of(make_user()).post(f"{base}/conflicts", seen | {choice: "own"}).status_code == 403
    assert browser.post(f"{base}/conflicts", seen | {choice: "own"}).headers["Location"] == base
    assert (content(repo, "same", pull.ref), content(repo, "free", pull.ref)) == ("theirs", "1")
    assert "There are no conflicts" in text_of(browser, f"{base}/conflicts")


def test_lines_in_conflict_are_shown_and_written_anew() -> None:
    repo, author = make_repo(), make_user()
    commit_files(repo, {"README.md": "one\ntwo <b>\nthree\n"})
    stage = Stage(repo)
    operations = [stage.file("README.md", b"one\nTWO <i>\nthree\n")]
    stage.finish()
    pull, _commit = commit_as_pull_request(repo=repo, actor=author, operations=operations, title="Louder")
    commit_files(repo, {"README.md": "one\nzwei\nthree\n"})
    browser, base = browser_of(author), pull.discussion.get_absolute_url()
    page = text_of(browser, f"{base}/conflicts")
    assert "The same lines were changed on both sides." in page
    for side in ("TWO &lt;i&gt;", "two &lt;b&gt;", "zwei"):
        assert side in page
    assert "&lt;&lt;&lt;&lt;&lt;&lt;&lt; pull-request" in page
    key = re.findall(r'name="file-([0-9a-f]+)"', page)[0]
    seen = {"head": head(repo, pull.ref), "target": head(repo), f"file-{key}": "edit"}
    marked = "one\r\n<<<<<<< pull-request\r\nTWO\r\nthree\r\n"
    refused = browser.post(f"{base}/conflicts", seen | {f"text-{key}": marked})
    page = refused.content.decode()
    assert (refused.status_code, "still has marks" in page, "TWO\r\nthree" in page) == (400, True, True)
    assert browser.post(f"{base}/conflicts", seen | {f"text-{key}": "a\0b"}).status_code == 400
    done = browser.post(f"{base}/conflicts", seen | {f"text-{key}": "\r\none\r\nboth\r\n"})
    assert done.headers["Location"] == base
    assert content(repo, "README.md", pull.ref) == "\none\nboth\n"
    assert "Ready to be merged" in text_of(browser, base)


def test_maintainers_call_merged_what_the_branch_has_already() -> None:
    repo, author = make_repo(), make_user()
    pull = propose(repo, author, "new.txt")
    commit_files(repo, {"new.txt": "1"})
    base = pull.discussion.get_absolute_url()
    assert "Mark as merged" not in text_of(browser_of(author), base)
    browser = browser_of(owner(repo))
    page = text_of(browser, base)
    assert "Mark as merged" in page and f'action="{base}/merge"' not in page
    assert browser_of(author).post(f"{base}/merged", {"head": head(repo, pull.ref)}).status_code == 403
    browser.post(f"{base}/merged", {"head": "0" * 40})
    assert "Mark as merged" in text_of(browser, base)
    browser.post(f"{base}/merged", {"head": head(repo, pull.ref)})
    assert "merged this into main" in text_of(browser, base)


def test_who_comes_back_sees_what_is_new() -> None:
    repo, author = make_repo(), make_user()
    pull = propose(repo, author, "new.txt")
    base, news = pull.discussion.get_absolute_url(), "It has got commits since you last looked."
    browser = browser_of(owner(repo))
    assert news not in text_of(browser, base)
    browser.post(f"{base}/comment", {"text": "Nearly."})
    seen = head(repo, pull.ref)
    commit_to(pull, author, "more.txt")
    for activity in Activity.objects.filter(told_at=None):
        tell(activity.pk)
    page = text_of(browser, base)
    link = f"{repo.get_absolute_url()}/compare/{seen}...{head(repo, pull.ref)}"
    assert news in page and f'href="{link}"' in page
    assert "more.txt" in text_of(browser, link)
    assert news not in text_of(browser, base)


def test_a_branch_that_a_shell_would_obey_is_quoted(client: Client) -> None:
    repo = make_repo()
    create_branch(repo=repo, actor=owner(repo), name="$(reboot)", start="main")
    stage = Stage(repo)
    operations = [stage.file("a", b"1")]
    stage.finish()
    pull, _commit = commit_as_pull_request(
        repo=repo, actor=make_user(), operations=operations, title="t", base=BRANCH_PREFIX + "$(reboot)"
    )
    stage = Stage(repo)
    operations = [stage.file("a", b"2")]
    stage.finish()
    create_commit(repo=repo, actor=owner(repo), operations=operations, title="t", ref_name=pull.base)
    page = text_of(client, f"{pull.discussion.get_absolute_url()}/conflicts")
    assert "&#x27;refs/heads/$(reboot)&#x27;:pr-1-base" in page


def commit_to(pull: PullRequest, actor: User, path: str) -> None:
    repo = pull.discussion.repository
    stage = Stage(repo)
    operations = [stage.file(path, b"1")]
    stage.finish()
    create_commit(repo=repo, actor=actor, operations=operations, title=f"Put {path}", ref_name=pull.ref)
