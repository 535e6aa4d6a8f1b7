"""Pull requests on the site: marked in the list, told in their thread, with what git needs to fetch them."""

import pytest
from django.test import Client

from hub.accounts.models import User
from hub.community.merging import merge_pull_request
from hub.community.models import PullRequest
from hub.community.pull_requests import commit_as_pull_request, open_pull_request
from hub.repos.git.commits import Stage, create_commit
from hub.repos.models import Gate, Repository
from tests.factories import make_repo, make_user

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
    assert "notes/new.md" in page
    assert "refs/pr/1:pr-1" in page
    assert "added a commit:" in page
    assert "blob/refs%2Fpr%2F1/notes/new.md" in page
    client.force_login(author)
    page = client.get(f"/{repo.full_name}/discussions/2").content.decode()
    assert "Draft" in page and "Publish" in page and "None yet." in page
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


def test_files_on_both_sides_are_counted(client: Client) -> None:
    repo = make_repo()
    propose(repo, make_user(), "same", b"theirs")
    stage = Stage(repo)
    operations = [stage.file("same", b"ours")]
    stage.finish()
    create_commit(repo=repo, actor=repo.created_by, operations=operations, title="Ours")  # type: ignore[arg-type]
    assert "1 file has changed on both sides." in client.get(f"/{repo.full_name}/discussions/1").content.decode()


def test_behind_a_gate_no_name_of_a_file_is_told(client: Client) -> None:
    repo = make_repo()
    propose(repo, make_user(), "secret-name.md")
    pull = PullRequest.objects.get()
    pull.discussion.title = "A title"
    pull.discussion.save()
    pull.discussion.events.filter(kind="commit").update(text="A commit")
    repo.gate = Gate.MANUAL
    repo.save()
    assert "secret-name" not in client.get(f"/{repo.full_name}/discussions/1").content.decode()
    answer = client.get(f"/api/models/{repo.full_name}/discussions/1?diff=1")
    assert answer.status_code == 200
    assert b"secret-name" not in answer.content
