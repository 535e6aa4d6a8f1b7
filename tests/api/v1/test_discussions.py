"""`/api/v1/…/discussions`: order, questions, votes and signs."""

import pytest

from hub.community.discussions.questions import accept_answer
from hub.community.discussions.services import edit_comment, open_discussion, post_comment, take_comment_away
from hub.community.models import Discussion
from hub.repos.models import Repository
from tests.api.v1.conftest import Call, next_of
from tests.factories import make_repo, make_user
from tests.web.repos import owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo(db: None) -> Repository:
    return make_repo()


@pytest.fixture
def question(repo: Repository) -> Discussion:
    return open_discussion(repo=repo, actor=make_user(), title="Which tokenizer?", text="Not said.", is_question=True)


def test_a_question_is_voted_on_and_answered(call: Call, question: Discussion) -> None:
    asker, other = question.author, make_user()
    assert asker is not None
    comment = post_comment(discussion=question, actor=make_user(), text="That of its base.")
    base = f"/models/{question.repository.full_name}/discussions/{question.number}"
    said = f"{base}/comments/{comment.pk}"
    for _ in range(2):
        assert call("PUT", f"{said}/vote", by=other).json["votes"] == 1
    assert call("PUT", f"{said}/vote", by=comment.author).code == "OwnAnswer"
    assert call("DELETE", f"{said}/vote", by=other).status == 204
    assert call("PUT", f"{base}/answer", {"comment": str(comment.pk)}, by=other).code == "NotYourDiscussion"
    told = call("PUT", f"{base}/answer", {"comment": str(comment.pk)}, by=asker).json
    assert (told["type"], told["answer"], told["comments"]) == ("question", str(comment.pk), 1)
    assert call("GET", said).json["accepted"] is True
    assert call("DELETE", f"{base}/answer", by=asker).status == 204
    assert call("DELETE", f"{base}/answer", by=asker).code == "NothingChanged"
    assert call("PUT", f"{base}/answer", {"comment": "0"}, by=asker).code == "CommentNotFound"
    assert call("PUT", f"{base}/answer", {"comment": str(question.events.first().pk)}, by=asker).code == "NotAnAnswer"  # type: ignore[union-attr]


def test_maintainers_lock_and_pin_and_show_again(call: Call, question: Discussion) -> None:
    repo = question.repository
    keeper, other = owner(repo), make_user()
    comment = post_comment(discussion=question, actor=other, text="first")
    edit_comment(comment=comment, actor=other, text="second")
    base = f"/models/{repo.full_name}/discussions/{question.number}"
    told = call("PATCH", base, {"locked": True, "pinned": True, "question": False}, by=keeper).json
    assert (told["locked"], told["pinned"], told["type"]) == (True, True, "discussion")
    assert call("PATCH", base, {"locked": False}, by=other).code == "NotYourDiscussion"
    assert call("PATCH", base, {"question": True}, by=question.author).code == "DiscussionLocked"
    said = f"{base}/comments/{comment.pk}"
    assert call("PUT", f"{said}/reactions/heart", by=other).code == "DiscussionLocked"
    assert [v["text"] for v in call("GET", f"{said}/history").json["versions"]] == ["first", "second"]
    take_comment_away(comment=comment, actor=keeper)
    assert call("GET", f"{said}/history", by=other).code == "CommentHidden"
    assert call("GET", said).json["text"] == ""
    assert call("DELETE", f"{said}/hidden", by=other).code == "NotYourDiscussion"
    assert call("DELETE", f"{said}/hidden", by=keeper).status == 204
    assert call("GET", said).json["text"] == "second"


def test_signs(call: Call, question: Discussion) -> None:
    opening = question.events.get()
    base = f"/models/{question.repository.full_name}/discussions/1/comments/{opening.pk}"
    one, other = make_user(), make_user()
    call("PUT", f"{base}/reactions/+1", by=one)
    call("PUT", f"{base}/reactions/%2B1", by=one)
    told = call("PUT", f"{base}/reactions/+1", by=other).json
    assert told["reactions"] == [{"emoji": "+1", "count": 2}]
    assert call("DELETE", f"{base}/reactions/+1", by=one).status == 204
    assert call("GET", base).json["reactions"] == [{"emoji": "+1", "count": 1}]
    refused = call("PUT", f"{base}/reactions/shrug", by=one)
    assert (refused.status, refused.field) == (400, "emoji")


def test_lists_tell_what_one_may_read(call: Call, question: Discussion) -> None:
    repo, reader = question.repository, make_user()
    secret = make_repo(visibility="private")
    open_discussion(repo=secret, actor=owner(secret), title="Secret", text="t", is_question=True)
    open_discussion(repo=repo, actor=reader, title="Plain", text="t")
    answered = open_discussion(repo=repo, actor=reader, title="Answered", text="t", is_question=True)
    accept_answer(comment=post_comment(discussion=answered, actor=reader, text="a"), actor=reader)

    def titles(path: str) -> list[str]:
        return [row["title"] for row in call("GET", path, by=reader).json["items"]]

    for base in ("/discussions", f"/models/{repo.full_name}/discussions"):
        assert titles(base) == ["Answered", "Plain", "Which tokenizer?"]
        assert titles(f"{base}?unanswered=true&status=open") == ["Which tokenizer?"]
        assert titles(f"{base}?type=question") == ["Answered", "Which tokenizer?"]
        assert titles(f"{base}?type=pull_request") == [] and titles(f"{base}?status=closed") == []
        assert titles(f"{base}?type=discussion&author={reader.username.upper()}") == ["Plain"]
        first = call("GET", f"{base}?limit=2", by=reader)
        assert [row["title"] for row in call("GET", next_of(first), by=reader).json["items"]] == ["Which tokenizer?"]
        assert call("GET", f"{base}?type=issue").field == "type"
    assert titles(f"/models/{repo.full_name}/discussions?author=nobody") == []
    assert call("GET", f"/models/{secret.full_name}/discussions", by=reader).status == 404


def test_lists_are_searched(call: Call, question: Discussion) -> None:
    repo, reader = question.repository, make_user()
    comment = post_comment(discussion=question, actor=reader, text="The **byte pair** one, 分词器 included.")
    other = open_discussion(repo=repo, actor=reader, title="Byte order", text="t")
    secret = make_repo(visibility="private")
    open_discussion(repo=secret, actor=owner(secret), title="Byte", text="byte")
    for base in ("/discussions", f"/models/{repo.full_name}/discussions"):
        told = call("GET", f"{base}?search=byte", by=reader).json
        assert (told["count"], [row["title"] for row in told["items"]]) == (2, ["Byte order", "Which tokenizer?"])
        assert told["items"][0]["match"] is None
        match = told["items"][1]["match"]
        assert (match["comment"], match["text"]) == (str(comment.pk), "The byte pair one, 分词器 included.")
        assert match["url"].endswith(f"{question.get_absolute_url()}?event={comment.pk}#comment-{comment.pk}")
        first = call("GET", f"{base}?search=byte&limit=1", by=reader)
        (second,) = call("GET", next_of(first), by=reader).json["items"]
        assert second["title"] == "Which tokenizer?"
        assert [row["title"] for row in call("GET", f"{base}?search=byte&type=question").json["items"]] == [
            "Which tokenizer?"
        ]
        newest = call("GET", f"{base}?search=byte&sort=newest").json["items"]
        assert [row["number"] for row in newest] == [other.number, question.number]
        assert call("GET", f"{base}?search=?").json["items"] == []
        assert call("GET", f"{base}?search={'x' * 201}").field == "search"
        assert call("GET", f"{base}?search=a%00b").field == "search"
        assert call("GET", f"{base}?sort=relevance").field == "sort"
        assert call("GET", base).json["items"][0]["match"] is None
