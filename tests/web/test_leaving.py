"""Taking one's data along, and deleting one's account: what goes, what stays, and that every page goes on."""

import io
import json
import zipfile

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from hub.accounts.errors import NameTaken
from hub.accounts.models import AccessToken, RetiredName, Role, User
from hub.accounts.services import check_name_free, user_of_token
from hub.community.discussions.reactions import set_reaction
from hub.community.discussions.services import edit_comment, open_discussion, post_comment
from hub.community.models import Discussion, DiscussionEvent, Like, Review
from hub.community.reviews.services import edit_review, post_review
from hub.core.models import AuditEvent
from hub.repos.models import Kind, Repository, Visibility
from tests.factories import PASSWORD, make_organization, make_repo, make_token, make_user
from tests.web.conftest import browser_of
from tests.web.repos import commit_files

pytestmark = pytest.mark.django_db
DELETE = "/settings/data/delete"


@pytest.fixture
def model() -> Repository:
    """Somebody else's, which people talk about."""
    repo = make_repo(make_user(), name="weights")
    commit_files(repo, {"README.md": "# Here\n"})
    return repo


@pytest.fixture
def said(member: User, model: Repository) -> Discussion:
    """What `member` has said and done there."""
    discussion = open_discussion(repo=model, actor=member, title="Why so large?", text="The opening words.")
    comment = post_comment(discussion=discussion, actor=member, text="First words.")
    edit_comment(comment=comment, actor=member, text="Second words.")
    other = post_comment(discussion=discussion, actor=model.namespace.user, text="An answer.")
    set_reaction(comment=other, actor=member, emoji="heart", wanted=True)
    review = post_review(repo=model, author=member, stars=4, text="A reviewing text.")
    edit_review(review=review, actor=member, stars=5, text="A better text.")
    Like.objects.create(user=member, repository=model)
    return discussion


def confirm(browser: Client) -> None:
    browser.post("/account/reauthenticate", {"password": PASSWORD})


def delete(browser: Client, user: User, **chosen: str) -> object:
    confirm(browser)
    return browser.post(DELETE, {"contributions": "keep", "confirm": user.username, **chosen})


def pages_of(discussion: Discussion) -> str:
    """The pages that show who said it, as they are now."""
    model = discussion.repository
    reader = browser_of(make_user())
    pages = ""
    for address in ("", f"/discussions/{discussion.number}", "/discussions", "/reviews", "/commits/main"):
        answer = reader.get(f"/{model.full_name}{address}")
        assert answer.status_code == 200, address
        pages += answer.content.decode()
    for address in (f"discussions/{discussion.number}", "discussions"):
        answer = reader.get(f"/api/models/{model.full_name}/{address}")
        assert answer.status_code == 200, address
    assert reader.get(f"/api/v1/models/{model.full_name}/reviews").status_code == 200
    assert reader.get("/").status_code == 200
    return pages


def test_kept_words_are_those_of_a_deleted_user(
    browser: Client, member: User, said: Discussion, mailoutbox: list
) -> None:
    name, secret = member.username, make_token(member)
    other = browser_of(member)
    assert browser.get(DELETE).headers["Location"].startswith("/account/reauthenticate")
    confirm(browser)
    assert "not your user name" in browser.post(DELETE, {"contributions": "keep", "confirm": "x"}).content.decode()
    assert User.objects.filter(pk=member.pk).exists()
    assert delete(browser, member).headers["Location"] == "/"
    assert not User.objects.filter(username=name).exists()
    assert other.get("/settings/profile").status_code == 302
    assert not Session.objects.filter(browser__user=member.pk).exists() and not AccessToken.objects.exists()
    assert user_of_token(secret) is None
    pages = pages_of(said)
    for words in ("The opening words.", "Second words.", "A better text.", "Deleted user"):
        assert words in pages, words
    assert f'href="/{name}"' not in pages
    assert Client().get(f"/{name}").status_code == 404
    assert RetiredName.objects.get().name == name
    with pytest.raises(NameTaken):
        check_name_free(name.upper())
    page = Client().post("/signup", {"username": name.upper(), "email": "n@example.org", "password1": PASSWORD})
    assert "is taken" in page.content.decode()
    assert AuditEvent.objects.get(verb="user.delete").target == name
    # What they did stays in the record, without them.
    assert AuditEvent.objects.filter(verb="user.create", target=name, actor=None).exists()


def test_erased_words_are_gone(browser: Client, member: User, said: Discussion) -> None:
    delete(browser, member, contributions="erase")
    pages = pages_of(said)
    for words in ("The opening words.", "First words.", "Second words.", "reviewing text", "better text"):
        assert words not in pages, words
    assert "A comment was deleted by its author." in pages and "An answer." in pages
    assert not Review.objects.exists() and not Like.objects.exists()
    assert not DiscussionEvent.objects.exclude(text="").exclude(text="An answer.").filter(kind="comment").exists()


def test_two_who_reviewed_the_same_may_both_leave(member: User, said: Discussion) -> None:
    another = make_user()
    post_review(repo=said.repository, author=another, stars=1, text="Poor.")
    for user in (member, another):
        delete(browser_of(user), user)
    assert list(Review.objects.values_list("author", flat=True)) == [None, None]
    assert "Poor." in pages_of(said)


def test_what_stands_in_the_way(browser: Client, member: User) -> None:
    crew = make_organization(member, "crew")
    repo = make_repo(member, name="mine")
    confirm(browser)
    page = browser.get(DELETE).content.decode()
    assert "crew" in page and f"{member.username}/mine" in page
    assert "alone administer crew" in delete(browser, member, with_repositories="on").content.decode()
    crew.memberships.create(user=make_user(), role=Role.ADMIN)
    assert "still own repositories" in delete(browser, member).content.decode()
    assert Repository.objects.filter(pk=repo.pk).exists()
    assert delete(browser, member, with_repositories="on").headers["Location"] == "/"
    assert not Repository.objects.exists()
    keeper = make_user(admin=True)
    assert "alone administer this hub" in delete(browser_of(keeper), keeper).content.decode()


def test_a_repository_that_was_made_for_others_stays(browser: Client, member: User) -> None:
    owner = make_user()
    crew = make_organization(owner, "crew", write=member)
    repo = make_repo(member, organization=crew, name="weights", kind=Kind.DATASET)
    commit_files(repo, {"README.md": "# Ours\n"})
    delete(browser, member)
    theirs = browser_of(owner)
    for address in ("", "/commits/main", "/settings", "/tree/main"):
        assert theirs.get(f"/datasets/crew/weights{address}").status_code == 200, address
    assert theirs.get("/organizations/crew/members").status_code == 200


def test_the_export_holds_what_one_wrote_and_no_name_of_what_one_lost(
    browser: Client, member: User, said: Discussion, django_assert_max_num_queries: object
) -> None:
    secret = make_token(member)
    with django_assert_max_num_queries(95):  # type: ignore[operator]
        answer = browser.post("/settings/data/export")
        content = b"".join(answer.streaming_content)
    archive = zipfile.ZipFile(io.BytesIO(content))
    rows = {
        name: [json.loads(line) for line in archive.read(name).decode().splitlines()]
        for name in archive.namelist()
        if name.endswith(".jsonl")
    }
    assert [row["text"] for row in rows["comments.jsonl"]] == ["The opening words.", "Second words."]
    assert rows["comment_edits.jsonl"][0]["text"] == "First words."
    assert rows["reviews.jsonl"][0]["stars"] == 5 and rows["review_edits.jsonl"]
    assert rows["likes.jsonl"][0]["repository"] == f"model {said.repository.full_name}"
    assert rows["tokens.jsonl"] and rows["reactions.jsonl"][0]["emoji"] == "heart"
    assert json.loads(archive.read("profile.json"))["email"] == member.email
    listed = {
        name.strip()
        for line in archive.read("README.md").decode().splitlines()
        if line.startswith("| ")
        for name in line.split("|")[1].split(",")
    }
    assert {name for name in archive.namelist() if "/" not in name and name != "README.md"} <= listed
    assert secret.encode() not in b"".join(archive.read(name) for name in archive.namelist())
    Repository.objects.update(visibility=Visibility.PRIVATE)
    content = b"".join(browser.post("/settings/data/export").streaming_content)
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert json.loads(archive.read("comments.jsonl").splitlines()[0])["repository"] is None
    assert said.repository.full_name not in archive.read("likes.jsonl").decode()
    for _again in range(3):
        list(browser.post("/settings/data/export").streaming_content)
    assert browser.post("/settings/data/export").status_code == 429
    assert Client().post("/settings/data/export").status_code == 302
