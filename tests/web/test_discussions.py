"""The pages of discussions, without scripts: reading, writing, who may, and what hostile text becomes."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hub.accounts.models import User
from hub.community.discussions.services import open_discussion, post_comment, set_status, take_comment_away
from hub.community.models import Discussion, DiscussionEvent
from hub.community.writing.text import MAX_TEXT
from hub.repos.models import VERSIONED, Repository, Visibility
from hub.repos.services import move_repo
from hub.web import composing, thread
from hub.web.pages import discussion_lists, repo_discussions
from tests.factories import make_organization, make_repo, make_user
from tests.web.conftest import browser_of
from tests.web.repos import owner, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo(db: None) -> Repository:
    return make_repo()


@pytest.fixture
def discussion(repo: Repository, member: User) -> Discussion:
    return open_discussion(repo=repo, actor=member, title="Which tokenizer?", text="The card does not say.")


def newest(discussion: Discussion) -> DiscussionEvent:
    found = discussion.events.order_by("pk").last()
    assert found is not None
    return found


@pytest.mark.parametrize("kind", VERSIONED)
def test_open_answer_close_and_find_again(browser: Client, kind: str) -> None:
    repo = make_repo(kind=kind)
    base = f"{repo.get_absolute_url()}/discussions"
    assert "Nobody has said anything yet" in text_of(browser, base)
    sent = browser.post(f"{base}/new", {"title": "Which tokenizer?", "text": "The **card** does not say."})
    assert sent.status_code == 302 and sent["Location"] == f"{base}/1"
    page = text_of(browser, f"{base}/1")
    assert "The <strong>card</strong> does not say." in page
    assert re.search(r"Discussions\s*<span class=\"n\">1</span>", text_of(browser, repo.get_absolute_url()))

    answer = browser_of(make_user())
    said = answer.post(f"{base}/1/comment", {"text": "The one of its base."})
    discussion = Discussion.objects.get(repository=repo)
    assert said["Location"] == f"{base}/1#comment-{newest(discussion).pk}"
    assert f'id="comment-{newest(discussion).pk}"' in text_of(answer, f"{base}/1")

    closed = browser.post(f"{base}/1/comment", {"text": "", "status": "closed"})
    assert closed["Location"] == f"{base}/1#event-{newest(discussion).pk}"
    assert "Nothing is open" in text_of(browser, base)
    assert "Which tokenizer?" in text_of(browser, f"{base}?status=closed")
    assert "Which <mark>tokenizer</mark>?" in text_of(browser, f"{base}?status=all&q=TOKENIZER")
    assert "Nothing fits all of this" in text_of(browser, f"{base}?q=weights")
    browser.post(f"{base}/1/comment", {"text": "Not yet.", "status": "open"})
    assert "1 comment" not in (listed := text_of(browser, base)) and "2 comments" in listed


def test_writing_that_fails_keeps_the_text(browser: Client, repo: Repository, discussion: Discussion) -> None:
    base = f"{repo.get_absolute_url()}/discussions"
    long = "x" * (MAX_TEXT + 1)
    for address, sent, said in [
        (f"{base}/new", {"title": "", "text": "kept text"}, "This field is required"),
        (f"{base}/new", {"title": "kept title", "text": long}, "This text has"),
        (f"{base}/1/comment", {"text": long}, "This text has"),
        (f"{base}/1/comment", {"text": "kept text", "status": "merged"}, "open or closed"),
        (f"{base}/1/comment", {"text": "kept\0text"}, "Null characters"),
        (f"{base}/1/title", {"title": "Which tokenizer?"}, "That is its title already"),
        (f"{base}/1/title", {"title": "x" * 201}, "at most 200 characters"),
    ]:
        answer = browser.post(address, sent)
        page = answer.content.decode()
        assert 400 <= answer.status_code < 500, address
        assert said in page, address
        assert sent.get("text", sent.get("title", ""))[:MAX_TEXT].replace("\0", "")[:4] in page
    assert Discussion.objects.count() == 1 and discussion.events.count() == 1


def test_too_many_posts_are_told_when_to_come_back(
    browser: Client, repo: Repository, discussion: Discussion, settings: Any
) -> None:
    settings.POSTS_PER_MINUTE = 0
    answer = browser.post(f"{discussion.get_absolute_url()}/comment", {"text": "kept text"})
    assert answer.status_code == 429
    assert "kept text" in answer.content.decode() and "Try again in" in answer.content.decode()


def test_preview_stores_nothing_and_keeps_what_was_typed(
    browser: Client, repo: Repository, discussion: Discussion
) -> None:
    base = f"{repo.get_absolute_url()}/discussions"
    comment = newest(discussion)
    for address in (f"{base}/new", f"{base}/1/comment", f"{base}/1/comment/{comment.pk}/edit"):
        sent = {"title": "", "text": "some **bold**", "preview": "1"}
        page = browser.post(address, sent).content.decode()
        assert "<strong>bold</strong>" in page and "some **bold**" in page and "This field is required" not in page
        piece = browser.post(address, sent, headers={"X-Fragment": "preview"}).content.decode()
        assert "<strong>bold</strong>" in piece and "<html" not in piece
    comment.refresh_from_db()
    assert comment.text == "The card does not say." and discussion.events.count() == 1


def test_previews_have_a_rate(browser: Client, repo: Repository) -> None:
    sent = {"text": "**bold**", "preview": "1"}
    address = f"{repo.get_absolute_url()}/discussions/new"
    answers = [browser.post(address, sent).status_code for _ in range(composing.RATE + 1)]
    # A window may end in between, and another begin.
    assert answers[0] == 200 and (answers[-1] == 429 or answers.count(200) > composing.RATE)


def test_editing_and_deleting_ones_own(browser: Client, discussion: Discussion, member: User) -> None:
    comment = post_comment(discussion=discussion, actor=member, text="fist")
    base = f"{discussion.get_absolute_url()}/comment/{comment.pk}"
    assert "fist" in text_of(browser, f"{base}/edit")
    piece = browser.get(f"{base}/edit", headers={"X-Fragment": "form"}).content.decode()
    assert "<form" in piece and "<html" not in piece
    saved = browser.post(f"{base}/edit", {"text": "first"})
    assert saved["Location"] == f"{discussion.get_absolute_url()}#comment-{comment.pk}"
    page = text_of(browser, discussion.get_absolute_url())
    assert "<p>first</p>" in page and "edited" in page
    assert browser.post(f"{base}/delete").status_code == 302
    page = text_of(browser, discussion.get_absolute_url())
    assert "A comment was deleted by its author." in page and "<p>first</p>" not in page
    assert browser.post(f"{base}/edit", {"text": "back"}).status_code == 409
    assert browser.post(f"{base}/delete").status_code == 409


def test_a_maintainer_hides_and_a_deleted_account_loses_its_name(repo: Repository, discussion: Discussion) -> None:
    gone = make_user()
    comment = post_comment(discussion=discussion, actor=gone, text="Buy cheap tokens")
    keeper = browser_of(owner(repo))
    assert "Hide the comment" in text_of(keeper, discussion.get_absolute_url())
    keeper.post(f"{discussion.get_absolute_url()}/comment/{comment.pk}/delete")
    page = text_of(Client(), discussion.get_absolute_url())
    assert "A comment was hidden by" in page and "cheap" not in page
    post_comment(discussion=discussion, actor=gone, text="so long")
    gone.delete()
    page = text_of(Client(), discussion.get_absolute_url())
    assert "Deleted user" in page and "so long" in page


def test_roles_stand_beside_names(member: User) -> None:
    admin, reader = make_user(), make_user()
    repo = make_repo(admin, organization=make_organization(admin, read=reader))
    discussion = open_discussion(repo=repo, actor=member, title="t", text="t")
    for person in (admin, reader, member, make_user()):
        post_comment(discussion=discussion, actor=person, text="hello")
    page = text_of(Client(), discussion.get_absolute_url())
    badges = re.findall(r'<span class="badge">(\w[\w ]*)</span>', page)
    assert badges == ["Member", "Member", "Opened this"]
    own = make_repo(member)
    post_comment(discussion=open_discussion(repo=own, actor=admin, title="t", text="t"), actor=member, text="mine")
    assert '<span class="badge">Owner</span>' in text_of(Client(), f"{own.get_absolute_url()}/discussions/1")


def test_an_open_page_asks_for_what_is_newer(browser: Client, repo: Repository, discussion: Discussion) -> None:
    news = f"{discussion.get_absolute_url()}/news"
    seen = newest(discussion).pk
    assert browser.get(news, {"after": seen}).status_code == 204
    post_comment(discussion=discussion, actor=make_user(), text="something **new**")
    set_status(discussion=discussion, actor=owner(repo), status="closed")
    piece = browser.get(news, {"after": seen}).content.decode()
    assert "<strong>new</strong>" in piece and "Closed" in piece and "The card does not say" not in piece
    assert piece.count("<li ") == 2 and "<html" not in piece
    for wrong in ("", "x", "-1", "9" * 30, "１"):
        assert browser.get(news, {"after": wrong}).status_code == 404


def test_long_threads_and_lists_have_pages(
    browser: Client, repo: Repository, discussion: Discussion, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (repo_discussions, thread):
        monkeypatch.setattr(module, "PER_PAGE", 3)
    monkeypatch.setattr(discussion_lists, "PER_PAGE", 2)
    address = discussion.get_absolute_url()
    for n in range(3):
        post_comment(discussion=discussion, actor=member, text=f"answer {n}")
    first, last = text_of(browser, address), text_of(browser, f"{address}?page=2")
    assert "answer 1" in first and "answer 2" not in first and "data-news" not in first and 'id="reply"' not in first
    assert "answer 2" in last and "data-news" in last and 'id="reply"' in last
    said = browser.post(f"{address}/comment", {"text": "answer 3"})
    assert said["Location"] == f"{address}?page=2#comment-{newest(discussion).pk}"
    for wrong in ("3", "0", "x", "9" * 30):
        assert browser.get(address, {"page": wrong}).status_code == 404
    for n in range(2):
        open_discussion(repo=repo, actor=member, title=f"More {n}", text="t")
    listed = f"{repo.get_absolute_url()}/discussions"
    assert "page=2" in text_of(browser, listed)
    assert "More 0" not in text_of(browser, f"{listed}?page=2") or "More 1" not in text_of(browser, listed)
    assert browser.get(listed, {"page": 3}).status_code == 404
    assert browser.get(listed, {"status": "merged"}).status_code == 404


def test_every_address_asks_who_is_there(repo: Repository, discussion: Discussion, member: User) -> None:
    """Strangers see public threads and are sent to the log-in to write; a private repository looks like an absent one."""
    comment = newest(discussion)
    private = make_repo(visibility=Visibility.PRIVATE)
    secret = open_discussion(repo=private, actor=owner(private), title="secret", text="s")
    reading = ["", "/new", "/{n}", "/{n}/news?after=0", "/{n}/comment", "/{n}/comment/{c}/edit"]
    writing = ["/new", "/{n}/comment", "/{n}/comment/{c}/edit", "/{n}/comment/{c}/delete", "/{n}/title"]

    def addresses(of: Discussion, which: list[str]) -> list[str]:
        base = f"{of.repository.get_absolute_url()}/discussions"
        return [base + end.format(n=of.number, c=newest(of).pk) for end in which]

    stranger, outsider = Client(), browser_of(make_user())
    for address in addresses(secret, reading):
        assert outsider.get(address).status_code == 404, address
        assert stranger.get(address).status_code == 404, address
    for address in addresses(secret, writing):
        sent = {"title": "in", "text": "in", "status": "closed"}
        assert outsider.post(address, sent).status_code == 404, address
        assert stranger.post(address, sent).status_code == 404, address
    for address in addresses(discussion, writing):
        answer = stranger.post(address, {"title": "in", "text": "in"})
        assert answer.status_code == 302 and answer["Location"].startswith("/login?next="), address
    assert "Log in" in text_of(stranger, discussion.get_absolute_url())

    base = discussion.get_absolute_url()
    for address, sent in [
        (f"{base}/comment/{comment.pk}/edit", {"text": "in"}),
        (f"{base}/comment/{comment.pk}/delete", {}),
    ]:
        assert outsider.post(address, sent).status_code == 403, address
    assert outsider.get(f"{base}/comment/{comment.pk}/edit").status_code == 403
    for address, sent in [(f"{base}/title", {"title": "in"}), (f"{base}/comment", {"text": "in", "status": "closed"})]:
        answer = outsider.post(address, sent)
        assert answer.status_code == 403 and "a maintainer of the repository" in answer.content.decode()
    page = text_of(outsider, base)
    assert "data-edit" not in page and "Rename" not in page and 'value="closed"' not in page
    comment.refresh_from_db()
    discussion.refresh_from_db()
    assert comment.text == "The card does not say." and discussion.title == "Which tokenizer?" and discussion.is_open
    assert secret.events.count() == 1 and discussion.events.count() == 1


def test_ids_of_elsewhere_open_nothing(browser: Client, repo: Repository, discussion: Discussion, member: User) -> None:
    own = make_repo(member)
    elsewhere = open_discussion(repo=own, actor=member, title="t", text="t")
    base, id_there = discussion.get_absolute_url(), newest(elsewhere).pk
    assert browser.post(f"{base}/comment/{id_there}/edit", {"text": "in"}).status_code == 404
    assert browser.post(f"{base}/comment/{id_there}/delete").status_code == 404
    listed = f"{repo.get_absolute_url()}/discussions"
    for end in ("/2", "/0", f"/{2**70}", "/1x", f"/1/comment/{2**70}/edit", "/1/comment/x/edit"):
        assert browser.get(listed + end).status_code == 404, end


def test_forms_need_their_token(discussion: Discussion, member: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(member)
    assert client.post(f"{discussion.get_absolute_url()}/comment", {"text": "in"}).status_code == 403
    assert discussion.events.count() == 1


def test_a_renamed_repository_takes_its_discussions_along(repo: Repository, discussion: Discussion) -> None:
    old = discussion.get_absolute_url()
    move_repo(repo=repo, actor=owner(repo), namespace=repo.namespace, name="renamed")
    answer = Client().get(old)
    assert answer.status_code == 307
    assert answer["Location"] == f"/{repo.namespace.name}/renamed/discussions/1"


HOSTILE = """
<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)>
<form action="/logout"><input name=q><button>go</button></form><style>*{display:none}</style>
[click](javascript:alert(1)) [data](data:text/html,<script>alert(1)</script>) <a href="jAvAsCrIpT:alert(1)">x</a>
<h1 id="main">taken</h1><p class="vh" style="position:fixed">over</p><iframe src="https://example.org"></iframe>

[card](README.md) ![picture](plot.png) [up](../../../settings) \u202eevil
# Same
# Same
"""


def test_hostile_text_is_harmless_wherever_it_is_shown(browser: Client, repo: Repository, member: User) -> None:
    title = '"><script>alert(1)</script>{{ user }}\u202e'
    discussion = open_discussion(repo=repo, actor=member, title=title, text=HOSTILE)
    post_comment(discussion=discussion, actor=member, text=HOSTILE + "note[^1]\n\n[^1]: below")
    post_comment(discussion=discussion, actor=member, text="note[^1]\n\n[^1]: below")
    base = f"{repo.get_absolute_url()}/discussions"
    for page in (
        text_of(browser, f"{base}/1"),
        text_of(browser, base),
        browser.get(f"{base}/1/news?after=0").content.decode(),
        browser.post(f"{base}/new", {"title": title, "text": HOSTILE, "preview": "1"}).content.decode(),
    ):
        assert "<script>alert" not in page
        assert not re.search(r"<[^>]*\s(?:onerror|onload|style)=", page)
        assert not re.search(r'href="\s*(?:javascript|data):', page, re.I)
        assert "<iframe" not in page and 'action="/logout"><input name' not in page
        assert "\u202e" not in re.sub(
            r"<textarea.*?</textarea>|<input[^>]*>|<title>.*?</title>|<meta[^>]*>", "", page, flags=re.S
        )
    page = text_of(browser, f"{base}/1")
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids)), sorted({i for i in ids if ids.count(i) > 1})
    assert ids.count("main") == 1
    assert f'href="{repo.get_absolute_url()}/blob/main/README.md"' in page
    assert f'src="{repo.get_absolute_url()}/raw/main/plot.png"' in page
    assert 'href="/settings"' not in page.partition('<ol class="thread"')[2].partition("</ol>")[0]


def test_a_page_asks_the_database_as_often_for_many_comments_as_for_few(
    repo: Repository, discussion: Discussion
) -> None:
    client = browser_of(owner(repo))

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(client, discussion.get_absolute_url())
        return len(queries)

    few = asked()
    for _ in range(10):
        person = make_user()
        post_comment(discussion=discussion, actor=person, text="hello")
        take_comment_away(comment=post_comment(discussion=discussion, actor=person, text="x"), actor=owner(repo))
    assert asked() == few
    assert few <= 16


def test_the_front_page_names_the_newest_that_everybody_may_read(client: Client, discussion: Discussion) -> None:
    assert "Which tokenizer?" in text_of(client, "/") and discussion.get_absolute_url() in text_of(client, "/")
    Repository.objects.filter(pk=discussion.repository_id).update(visibility=Visibility.PRIVATE)
    assert "Which tokenizer?" not in text_of(client, "/")
