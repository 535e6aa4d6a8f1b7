"""The pages of questions, signs, order and earlier versions, and the lists of what people talk about."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hub.accounts.models import User
from hub.community.discussions.maintaining import set_locked, set_pinned
from hub.community.discussions.questions import accept_answer, vote
from hub.community.discussions.reactions import set_reaction
from hub.community.discussions.services import (
    edit_comment,
    open_discussion,
    post_comment,
    set_status,
    take_comment_away,
)
from hub.community.models import (
    AnswerVote,
    CommentEdit,
    Discussion,
    DiscussionEvent,
    Emoji,
    EventKind,
    Reaction,
)
from hub.repos.models import Repository, Visibility
from hub.web.pages import discussion_lists
from tests.computing import timed
from tests.factories import make_repo, make_user
from tests.web.conftest import browser_of
from tests.web.repos import owner, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo(db: None) -> Repository:
    return make_repo()


@pytest.fixture
def question(repo: Repository, member: User) -> Discussion:
    return open_discussion(repo=repo, actor=member, title="Which tokenizer?", text="Not said.", is_question=True)


def said_in(page: str) -> list[str]:
    """The ids of the comments on a page, in its order."""
    return re.findall(r'<li id="comment-(\d+)"', page)


def titles(client: Client, address: str) -> list[str]:
    found = re.findall(r'<a class="name" href="[^"]*/discussions/\d+" dir="auto">(.*?)</a>', text_of(client, address))
    return [re.sub(r"</?mark>", "", title) for title in found]


def test_asking_voting_and_accepting_by_forms_alone(browser: Client, repo: Repository) -> None:
    base = f"{repo.get_absolute_url()}/discussions"
    browser.post(f"{base}/new", {"title": "Which?", "text": "Not said.", "is_question": "on"})
    question = Discussion.objects.get()
    first, second = (post_comment(discussion=question, actor=make_user(), text=text) for text in ("one", "two"))
    helper = browser_of(make_user())
    assert "Accept as the answer" not in text_of(helper, f"{base}/1")
    page = text_of(browser, f"{base}/1")
    assert page.count("Accept as the answer") == 2 and "Question</span>" in page
    voted = helper.post(f"{base}/1/comment/{second.pk}/vote", {"wanted": "yes"})
    assert voted["Location"] == f"{base}/1#comment-{second.pk}"
    assert said_in(text_of(helper, f"{base}/1?order=votes"))[1:] == [str(second.pk), str(first.pk)]
    helper.post(f"{base}/1/comment/{second.pk}/vote", {"wanted": "no"})
    assert not AnswerVote.objects.exists()
    assert helper.post(f"{base}/1/comment/{second.pk}/accept", {"wanted": "yes"}).status_code == 403
    browser.post(f"{base}/1/comment/{second.pk}/accept", {"wanted": "yes"})
    page = text_of(browser, f"{base}/1")
    assert said_in(page)[1:] == [str(second.pk), str(first.pk)] and "Answered" in page
    assert "To the accepted answer" in page and "accepted an answer:" in page
    assert titles(browser, f"{base}?type=unanswered") == []
    # A second click, on a page that was open meanwhile, is no error.
    assert browser.post(f"{base}/1/comment/{second.pk}/accept", {"wanted": "yes"}).status_code == 302
    browser.post(f"{base}/1/comment/{second.pk}/accept", {"wanted": "no"})
    assert titles(browser, f"{base}?type=unanswered") == ["Which?"]
    browser.post(f"{base}/1/change", {"question": "no"})
    assert titles(browser, f"{base}?type=question") == []


def test_signs_come_and_go_and_scripts_get_the_foot_alone(browser: Client, question: Discussion) -> None:
    comment = question.events.get()
    address = f"{question.get_absolute_url()}/comment/{comment.pk}/react"
    assert browser.post(address, {"add": "heart"}).status_code == 302
    page = text_of(browser, question.get_absolute_url())
    assert re.search(r'class="chip chip-on" type="submit" name="drop" value="heart"', page)
    assert 'class="chip" type="submit"' not in text_of(Client(), question.get_absolute_url())
    piece = browser.post(address, {"drop": "heart"}, headers={"X-Fragment": "foot"}).content.decode()
    assert "data-foot" in piece and "chip-on" not in piece and "<html" not in piece
    assert not Reaction.objects.exists()
    assert browser.post(address, {"add": "shrug"}).status_code == 400
    assert browser.post(address).status_code == 400


def test_maintainers_lock_pin_and_show_again(browser: Client, repo: Repository, question: Discussion) -> None:
    base = question.get_absolute_url()
    keeper = browser_of(owner(repo))
    assert 'name="locked"' not in text_of(browser, base) and 'name="question"' in text_of(browser, base)
    assert browser.post(f"{base}/change", {"locked": "yes"}).status_code == 403
    comment = post_comment(discussion=question, actor=make_user(), text="Buy cheap tokens")
    keeper.post(f"{base}/change", {"locked": "yes"})
    keeper.post(f"{base}/change", {"pinned": "yes"})
    assert keeper.post(f"{base}/change", {"pinned": "yes"}).status_code == 302
    page = text_of(browser, base)
    assert "only maintainers of" in page and 'id="reply"' not in page and "data-edit" not in page
    assert 'id="reply"' in text_of(keeper, base) and "pinned this" in page
    assert "To answer, log in" not in text_of(Client(), base)
    assert browser.post(f"{base}/comment", {"text": "still here"}).status_code == 403
    keeper.post(f"{base}/comment/{comment.pk}/delete")
    assert "cheap" not in text_of(keeper, base) and "Show it again" in text_of(keeper, base)
    assert "Show it again" not in text_of(browser, base)
    assert browser.get(f"{base}/comment/{comment.pk}/history").status_code == 409
    assert "cheap" in text_of(keeper, f"{base}/comment/{comment.pk}/history")
    assert browser.post(f"{base}/comment/{comment.pk}/show").status_code == 403
    keeper.post(f"{base}/comment/{comment.pk}/show")
    assert "cheap" in text_of(browser, base)


def test_earlier_versions_are_shown_as_changes(browser: Client, question: Discussion, member: User) -> None:
    comment = question.events.get()
    edit_comment(comment=comment, actor=member, text="Not said <b>anywhere</b>.")
    CommentEdit.objects.create(comment=comment, text=None)
    edit_comment(comment=comment, actor=member, text="third")
    base = f"{question.get_absolute_url()}/comment/{comment.pk}/history"
    assert base in text_of(Client(), question.get_absolute_url())
    newest = text_of(Client(), base)
    assert "third" in newest and "Not said &lt;b&gt;anywhere" in newest and 'class="d"' in newest
    assert "Not said.</div>" in text_of(Client(), f"{base}?version=1")
    assert "This version was not kept" in text_of(Client(), f"{base}?version=2")
    for wrong in ("0", "9", "x", "", "9" * 30, "１"):
        assert Client().get(base, {"version": wrong}).status_code == 404
    take_comment_away(comment=post_comment(discussion=question, actor=member, text="t"), actor=member)
    gone = question.events.order_by("pk").last()
    assert gone is not None
    assert browser.get(f"{question.get_absolute_url()}/comment/{gone.pk}/history").status_code == 409


def test_links_to_an_event_lead_to_its_page(
    browser: Client, question: Discussion, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.web import thread
    from hub.web.pages import repo_discussions

    for module in (thread, repo_discussions):
        monkeypatch.setattr(module, "PER_PAGE", 3)
    comments = [post_comment(discussion=question, actor=make_user(), text=str(n)) for n in range(5)]
    accept_answer(comment=comments[4], actor=member)
    address = question.get_absolute_url()
    # The opening, the accepted answer and the first comment; three more; the change itself.
    for event, page in [(comments[4], ""), (comments[0], ""), (comments[1], "?page=2"), (comments[3], "?page=2")]:
        to = browser.get(f"{address}?event={event.pk}")["Location"]
        assert to == f"{address}{page}#comment-{event.pk}"
        assert f'id="comment-{event.pk}"' in text_of(browser, to.partition("#")[0])
    assert browser.get(f"{address}?event=1").status_code == 200
    assert browser.get(f"{address}?event={'9' * 40}").status_code == 200
    assert "page=2" in text_of(browser, f"{address}?order=votes")
    assert browser.get(f"{address}?order=votes&page=3").status_code == 404


def test_a_mention_stands_in_the_thread(
    browser: Client, repo: Repository, question: Discussion, django_capture_on_commit_callbacks: Any
) -> None:
    private = make_repo(owner(repo), visibility=Visibility.PRIVATE)
    with django_capture_on_commit_callbacks(execute=True):
        open_discussion(repo=private, actor=owner(repo), title="Hush", text=f"{repo.full_name}#1")
        open_discussion(repo=make_repo(), actor=make_user(), title="Loud <b>", text=f"{repo.full_name}#1")
    page = text_of(browser, question.get_absolute_url())
    assert "Loud &lt;b&gt;" in page and page.count("mentioned this:") == 1
    for text in (page, text_of(browser, f"{question.get_absolute_url()}/news?after=0")):
        assert "Hush" not in text and private.name not in text
    answer = Client().get(f"/api/models/{repo.full_name}/discussions/1")
    assert [event["type"] for event in answer.json()["events"]] == ["comment", "reference"]
    assert text_of(browser_of(owner(repo)), question.get_absolute_url()).count("mentioned this:") == 2


def test_lists_are_narrowed_and_sorted(browser: Client, repo: Repository, question: Discussion, member: User) -> None:
    other = make_user()
    talk = open_discussion(repo=repo, actor=other, title="Talk", text="t")
    closed = open_discussion(repo=repo, actor=other, title="Done", text="t")
    set_status(discussion=closed, actor=other, status="closed")
    for _ in range(2):
        post_comment(discussion=talk, actor=make_user(), text="t")
    set_reaction(comment=question.events.get(), actor=other, emoji=Emoji.HEART, wanted=True)
    base = f"{repo.get_absolute_url()}/discussions"
    for address in (base, "/discussions"):
        assert titles(browser, address) == ["Talk", "Which tokenizer?"]
        assert titles(browser, f"{address}?sort=reactions") == ["Which tokenizer?", "Talk"]
        assert titles(browser, f"{address}?sort=comments") == ["Talk", "Which tokenizer?"]
        assert titles(browser, f"{address}?sort=newest&status=all") == ["Done", "Talk", "Which tokenizer?"]
        assert titles(browser, f"{address}?type=discussion&status=closed") == ["Done"]
        assert titles(browser, f"{address}?type=unanswered") == ["Which tokenizer?"]
        assert titles(browser, f"{address}?author={other.username.upper()}") == ["Talk"]
        assert titles(browser, f"{address}?q=TOKEN") == ["Which tokenizer?"]
        assert "Nothing fits all of this" in text_of(browser, f"{address}?type=pull_request")
        for wrong in ("status=merged", "type=issue", "sort=best", "author=%00", "page=0", "page=2"):
            assert browser.get(f"{address}?{wrong}").status_code == 404, wrong
    assert browser.get("/discussions?page=41").status_code == 404
    set_pinned(discussion=question, actor=owner(repo), pinned=True)
    assert titles(browser, base) == ["Which tokenizer?", "Talk"] and titles(browser, "/discussions")[0] == "Talk"


def test_the_list_of_the_hub_tells_what_one_may_read(
    browser: Client, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = make_repo(visibility=Visibility.PRIVATE)
    open_discussion(repo=private, actor=owner(private), title="Hush", text="t", is_question=True)
    for query in ("", "?type=unanswered", "?q=hush", "?sort=comments", f"?author={owner(private).username}"):
        for client in (browser, Client()):
            page = text_of(client, f"/discussions{query}")
            assert "Hush" not in page and private.name not in page
        assert titles(browser_of(owner(private)), f"/discussions{query}") == ["Hush"]
    monkeypatch.setattr(discussion_lists, "PER_PAGE", 1)
    monkeypatch.setattr(discussion_lists, "MAX_PAGES", 2)
    public = make_repo()
    for n in range(4):
        open_discussion(repo=public, actor=member, title=str(n), text="t")
    assert "page=2" in text_of(browser, "/discussions")
    last = text_of(browser, "/discussions?page=2")
    assert "page=3" not in last and "The list ends here" in last
    assert browser.get("/discussions?page=3").status_code == 404


def test_lists_ask_the_database_as_often_for_many_rows_as_for_few(browser: Client, repo: Repository) -> None:
    def asked(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(browser, address)
        return len(queries)

    addresses = [f"{repo.get_absolute_url()}/discussions?sort=comments", "/discussions?sort=reactions&q=t"]
    open_discussion(repo=repo, actor=make_user(), title="t", text="t")
    few = [asked(address) for address in addresses]
    for _ in range(6):
        made = open_discussion(repo=make_repo(), actor=make_user(), title="t", text="t", is_question=True)
        post_comment(discussion=made, actor=make_user(), text="t")
        open_discussion(repo=repo, actor=make_user(), title="t", text="t")
    assert [asked(address) for address in addresses] == few
    assert few[0] <= 12 and few[1] <= 7


def test_a_thread_of_500_comments(question: Discussion, repo: Repository, member: User) -> None:
    """As many queries for the first page and the last as for a short thread, and an answer in good time."""
    people = [make_user() for _ in range(10)]

    def fill(number: int) -> None:
        rows = DiscussionEvent.objects.bulk_create(
            DiscussionEvent(
                discussion=question,
                kind=EventKind.COMMENT,
                author=people[n % 10],
                text=f"Answer **{n}** with `code` and @{people[n % 7].username}, see #1.\n\n- one\n- two",
            )
            for n in range(number)
        )
        CommentEdit.objects.bulk_create(CommentEdit(comment=row, text="before") for row in rows[::5])
        Reaction.objects.bulk_create(
            Reaction(comment=row, user=person, emoji=Emoji.HEART) for row in rows for person in people[:3]
        )
        AnswerVote.objects.bulk_create(AnswerVote(comment=row, user=person) for row in rows for person in people[3:6])

    fill(3)
    accept_answer(comment=question.events.order_by("pk")[2], actor=member)
    address, visitor, keeper = question.get_absolute_url(), browser_of(people[0]), browser_of(owner(repo))

    def asked(client: Client, query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(client, f"{address}{query}")
        return len(queries)

    few = [asked(client, "") for client in (visitor, keeper, Client())]
    by_votes = asked(visitor, "?order=votes")
    fill(500)
    for query in ("", "?page=5"):
        assert [asked(client, query) for client in (visitor, keeper, Client())] == few
        assert timed(lambda query=query: text_of(keeper, f"{address}{query}"), 1)[1] < 1
    assert asked(visitor, "?order=votes&page=3") == by_votes
    assert max(few) <= 24


def test_an_open_page_learns_of_locks_and_answers(browser: Client, question: Discussion, member: User) -> None:
    comment = post_comment(discussion=question, actor=make_user(), text="t")
    page = text_of(browser, question.get_absolute_url())
    assert f'data-newest="{comment.pk}"' in page
    vote(comment=comment, actor=make_user(), wanted=True)
    accept_answer(comment=comment, actor=member)
    set_locked(discussion=question, actor=owner(question.repository), locked=True)
    news = text_of(browser, f"{question.get_absolute_url()}/news?after={comment.pk}")
    assert "Answered" in news and "Locked" in news and news.count("<li ") == 2
    # The accepted answer stands first, and still the page asks only for what is newer than all of it.
    newest = question.events.order_by("pk").last()
    assert newest is not None and f'data-newest="{newest.pk}"' in text_of(browser, question.get_absolute_url())
