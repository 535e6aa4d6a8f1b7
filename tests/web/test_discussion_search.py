"""Lists of discussions that are searched: what they show of what was said, where that leads, and what they show of nothing."""

import re
from urllib.parse import quote

import pytest
from django.test import Client

from hub.accounts.models import User
from hub.community.discussions.services import open_discussion, post_comment, set_status
from hub.community.models import Discussion
from hub.repos.models import Repository
from hub.web.pages import discussion_lists
from tests.factories import make_repo, make_user
from tests.web.repos import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo(db: None) -> Repository:
    return make_repo()


@pytest.fixture
def talk(repo: Repository, member: User) -> Discussion:
    return open_discussion(repo=repo, actor=member, title="显存不足", text="Training stops.")


def test_a_row_shows_what_was_said_and_leads_there(browser: Client, repo: Repository, talk: Discussion) -> None:
    comment = post_comment(discussion=talk, actor=make_user(), text="`<script>` \u202eout of **memory** & more")
    for address in (f"{repo.get_absolute_url()}/discussions", "/discussions"):
        page = text_of(browser, f"{address}?q=memory")
        assert "&lt;script&gt; out of <mark>memory</mark> &amp; more</p>" in page
        (to,) = re.findall(r'<a class="link" href="([^"]*)">To this comment</a>', page)
        assert browser.get(to.partition("#")[0])["Location"].endswith(f"/1#comment-{comment.pk}")
        assert "<mark>显存</mark>不足</a>" in text_of(browser, f"{address}?q={quote('显存')}")
        assert "To the opening text" in text_of(browser, f"{address}?q=training")
        assert ">Best match</b>" in page and "Best match" not in text_of(browser, address)


def test_what_is_closed_is_told_of(browser: Client, repo: Repository, talk: Discussion, member: User) -> None:
    set_status(discussion=talk, actor=member, status="closed")
    for address in (f"{repo.get_absolute_url()}/discussions", "/discussions"):
        page = text_of(browser, f"{address}?q=training")
        assert "Nothing open does, but 1 closed discussion." in page
        assert "<mark>Training</mark>" in text_of(browser, f"{address}?q=training&status=all")
        assert "no letter and no digit" in text_of(browser, f"{address}?q=%3F%3F")
        # The order that needs words is another one without them.
        assert "显存不足" in text_of(browser, f"{address}?sort=relevance&status=all")


def test_searches_have_pages(browser: Client, repo: Repository, member: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discussion_lists, "PER_PAGE", 2)
    for n in range(3):
        open_discussion(repo=repo, actor=member, title=f"Fox {n}", text="t")
    for address in (f"{repo.get_absolute_url()}/discussions", "/discussions"):
        first, second = (text_of(browser, f"{address}?q=fox&page={page}") for page in (1, 2))
        assert "q=fox&amp;page=2" in first and first.count("<mark>Fox</mark>") == 2
        assert second.count("<mark>Fox</mark>") == 1


@pytest.mark.parametrize(
    "query",
    [
        "%00",
        "x" * 10_000,
        "%20" * 3_000,
        "'",
        "%22)(",
        "%5C",
        "%25_",
        "a%20%26%20%7C%20!",
        "%E2%80%AEfox",
        "%FF",
        "%F0%9F%99%82",
    ],
)
def test_anything_gets_an_answer(browser: Client, repo: Repository, talk: Discussion, query: str) -> None:
    for address in (f"{repo.get_absolute_url()}/discussions", "/discussions"):
        assert browser.get(f"{address}?q={query}").status_code == 200


def test_searches_for_models_lead_to_discussions(client: Client) -> None:
    page = text_of(client, "/models?search=out+of+%26+memory")
    assert 'href="/discussions?status=all&amp;q=out%20of%20%26%20memory"' in page
    assert 'name="q"' in text_of(client, "/discussions")
