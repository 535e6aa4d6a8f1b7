"""Reviews in the browser."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.accounts.models import Role, User
from hub.accounts.organizations import add_member
from hub.community.models import Review, ReviewVote
from hub.community.moderating import set_review_hidden
from hub.community.reviews.ratings import ratings_of
from hub.community.reviews.services import edit_review, post_review
from hub.repos.git.files import resolve_revision
from hub.repos.releases import create_release, delete_release, get_release
from hub.repos.uses import keep_run
from tests.factories import make_organization, make_repo, make_reviewer, make_user
from tests.web.conftest import browser_of
from tests.web.repos import get, owner, text_of

pytestmark = pytest.mark.django_db


def test_the_life_of_a_review(browser: Client, member: User) -> None:
    repo = make_repo()
    base = f"{repo.get_absolute_url()}/reviews"
    assert "No review yet" in text_of(browser, base)
    posted = browser.post(f"{base}/new", {"stars": "4", "text": "It *runs*.", "release": ""})
    made = Review.objects.get()
    assert (made.stars, made.author, posted.headers["Location"]) == (4, member, f"{base}#review-{made.pk}")
    page = text_of(browser, base)
    assert "<em>runs</em>" in page and "Your review" in page
    assert "You have reviewed every version" in page
    # On the page once only, though it is the visitor's own and one of all.
    assert page.count("<em>runs</em>") == 1
    assert browser.post(f"{base}/new", {"stars": "1", "release": ""}).status_code == 409
    edit = f"{base}/{made.pk}/edit"
    assert 'value="4"' in text_of(browser, edit) and "It *runs*." in text_of(browser, edit)
    browser.post(edit, {"stars": "2", "text": ""})
    made.refresh_from_db()
    assert (made.stars, made.text) == (2, "")
    assert "edited" in text_of(browser, base)
    text_of(browser, f"{base}/{made.pk}/delete")
    browser.post(f"{base}/{made.pk}/delete")
    assert not Review.objects.exists()


def test_a_release_is_reviewed_by_its_name(browser: Client) -> None:
    repo = make_repo()
    base = f"{repo.get_absolute_url()}/reviews"
    for tag in ("v1", "v2"):
        create_release(repo=repo, actor=owner(repo), tag=tag)
    form = text_of(browser, base)
    assert '<option value="v2" selected>' in form and '<option value="v1">' in form and '<option value="">' in form
    browser.post(f"{base}/new", {"stars": "5", "release": "v2"})
    assert Review.objects.get().release == get_release(repo, "v2")
    assert '<option value="v2"' not in text_of(browser, base)
    assert "v2" in text_of(browser, f"{base}?release=v2")
    delete_release(release=get_release(repo, "v2"), actor=owner(repo))
    assert "This release has been deleted." in text_of(browser, base)


@pytest.mark.parametrize("sent", [{}, {"stars": "0"}, {"stars": "6"}, {"stars": "x"}, {"stars": "3", "release": "v9"}])
def test_what_is_refused_stands_beside_its_field(browser: Client, sent: dict[str, str]) -> None:
    repo = make_repo()
    answer = browser.post(f"{repo.get_absolute_url()}/reviews/new", sent | {"text": "typed"})
    assert answer.status_code == 400
    assert 'class="err"' in answer.content.decode() and "typed" in answer.content.decode()
    assert not Review.objects.exists()


def test_preview_changes_nothing(browser: Client) -> None:
    new = f"{make_repo().get_absolute_url()}/reviews/new"
    sent = {"stars": "3", "text": "**bold**", "preview": "1"}
    fragment = browser.post(new, sent, headers={"X-Fragment": "preview"}).content.decode()
    assert "<strong>bold</strong>" in fragment and "<html" not in fragment
    whole = browser.post(new, sent).content.decode()
    assert "<strong>bold</strong>" in whole and "**bold**" in whole and "checked" in whole
    assert not Review.objects.exists()


def test_the_score_is_told_from_five_people_on(client: Client) -> None:
    repo = make_repo()
    base = f"{repo.get_absolute_url()}/reviews"
    for stars in (5, 5, 4, 1):
        post_review(repo=repo, author=make_reviewer(), stars=stars, quality=4)
    # New accounts make up no number.
    post_review(repo=repo, author=make_user(), stars=1)
    for page in (text_of(client, base), text_of(client, repo.get_absolute_url())):
        assert "Too few for a score" in page and "Plain mean" not in page and "Means by question" not in page
        # The distribution stands there all the same: as a table, and as bars without a style attribute.
        assert '<table class="dist">' in page and 'style="' not in page
    assert "1 by accounts that were new" in text_of(client, base)
    post_review(repo=repo, author=make_reviewer(), stars=3)
    page = text_of(client, base)
    told = ratings_of(repo).all
    assert told.score is not None and told.mean is not None
    assert f'<p class="huge num">{told.score:.1f}</p>' in page and f"Plain mean {told.mean:.2f} of 6 reviews" in page
    assert "Too few" not in page and "Means by question" in page and "Score from 5 people" in page
    assert f'<b class="big num">{told.score:.1f}</b>' in text_of(client, repo.get_absolute_url())


def test_how_the_score_is_made(client: Client) -> None:
    page = text_of(client, "/reviews/score")
    assert "10 ×" in page and "30 days" in page and "0.25" in page
    chinese = client.get("/reviews/score", headers={"Accept-Language": "zh-hans"}).content.decode()
    assert "30" in chinese and "How this score" not in chinese


def test_filters_order_and_pages(client: Client, django_assert_num_queries: Any) -> None:
    repo = make_repo()
    create_release(repo=repo, actor=owner(repo), tag="v1")
    for n in range(25):
        post_review(
            repo=repo,
            author=make_user(),
            stars=n % 5 + 1,
            text=f"words{n}",
            tag="v1" if n > 20 else "",
            hardware="RTX 4090" if n == 3 else "",
            use_case="50 % off" if n == 4 else "",
        )
    base = f"{repo.get_absolute_url()}/reviews"
    first = text_of(client, base)
    assert first.index("words24") < first.index("words23") and "words4<" not in first
    assert "words4<" in text_of(client, f"{base}?page=2")
    highest, lowest = text_of(client, f"{base}?sort=highest"), text_of(client, f"{base}?sort=lowest")
    assert highest.index("words24") < highest.index("words23") and "words0<" not in highest
    assert lowest.index("words20") < lowest.index("words21") and "words24" not in lowest
    of_v1 = text_of(client, f"{base}?release=v1&sort=lowest")
    assert "words21" in of_v1 and "words20" not in of_v1
    assert "words21" not in text_of(client, f"{base}?release=")
    on_rtx = text_of(client, f"{base}?about=4090+rtx")
    assert "words3<" in on_rtx and "words24" not in on_rtx
    # The signs of LIKE mean themselves.
    assert "words4<" in text_of(client, f"{base}?about=%25") and "words3<" not in text_of(client, f"{base}?about=%25")
    assert "No review fits this" in text_of(client, f"{base}?verified=1")
    author = Review.objects.get(text="words7").author
    assert author is not None
    keep_run(user=author, repo=repo, commit="12" * 20, at=timezone.now())
    found = text_of(client, f"{base}?verified=1")
    assert "words7" in found and "words8" not in found and "Verified use" in found
    for query in ("sort=best", "page=3", "page=x", "release=%00", "about=%00"):
        assert client.get(f"{base}?{query}").status_code == 404, query


def test_a_page_costs_the_same_however_many_there_are(
    client: Client, browser: Client, member: User, django_assert_num_queries: Any
) -> None:
    repo = make_repo()
    base = f"{repo.get_absolute_url()}/reviews"
    post_review(repo=repo, author=make_reviewer(), stars=3, text="One.")
    text_of(client, base), text_of(browser, base)
    with CaptureQueriesContext(connection) as few:
        text_of(client, base)
    with CaptureQueriesContext(connection) as few_of_member:
        text_of(browser, base)
    people = User.objects.bulk_create(
        User(username=f"critic{n}", email=f"critic{n}@example.org", date_joined=timezone.now() - timedelta(days=90))
        for n in range(200)
    )
    commit = resolve_revision(repo, "main").oid
    Review.objects.bulk_create(
        Review(repository=repo, author=each, commit=commit, stars=n % 5 + 1, text="Words.", reply="Thanks.")
        for n, each in enumerate(people)
    )
    assert len(few) <= 9 and len(few_of_member) <= 16
    with django_assert_num_queries(len(few)):
        assert "Score from 201 people" in text_of(client, base)
    with django_assert_num_queries(len(few_of_member)):
        text_of(browser, base)


def test_votes_replies_and_history(client: Client, browser: Client, member: User) -> None:
    repo = make_repo()
    made = post_review(repo=repo, author=make_reviewer(), stars=2, text="Slow.", speed=1, hardware="a <b>phone</b>")
    base = f"{repo.get_absolute_url()}/reviews"
    one = f"{base}/{made.pk}"
    assert "a &lt;b&gt;phone" in text_of(browser, one)
    voted = browser.post(f"{one}/vote", {"helpful": "1", "back": "sort=lowest&release="})
    assert voted.headers["Location"] == f"{base}?sort=lowest&release=#{made.anchor}"
    assert 'aria-pressed="true"' in text_of(browser, base) and ReviewVote.objects.get().user == member
    assert browser.post(f"{one}/vote", {"helpful": "0"}).headers["Location"] == f"{one}#{made.anchor}"
    assert not ReviewVote.objects.exists()
    assert browser.get(f"{one}/vote").status_code == 405
    assert browser_of(made.author).post(f"{one}/vote", {"helpful": "1"}).status_code == 403

    boss = browser_of(owner(repo))
    assert "Reply" in text_of(boss, base) and f"{one}/reply" not in text_of(browser, base)
    assert browser.post(f"{one}/reply", {"text": "No."}).status_code == 403
    assert "Slow." in text_of(boss, f"{one}/reply")
    assert boss.post(f"{one}/reply", {"text": ""}).status_code == 400
    boss.post(f"{one}/reply", {"text": "Use **v2**."})
    assert "<strong>v2</strong>" in text_of(client, base)
    text_of(boss, f"{one}/reply/delete")
    boss.post(f"{one}/reply/delete")
    assert "<strong>v2</strong>" not in text_of(client, base)
    assert boss.post(f"{one}/reply/delete").status_code == 404

    edit_review(review=made, actor=owner_of(made), text="Quicker now.", speed=4)
    page = text_of(client, one)
    assert page.index("Quicker now.") < page.index("What it said before") < page.index("Slow.")
    owner_of(made).delete()
    assert "Deleted user" in text_of(client, base) and "1 by deleted accounts" in text_of(client, base)


def owner_of(review: Review) -> User:
    assert review.author is not None
    return review.author


def test_what_moderators_hid_is_there_for_its_author_alone(client: Client, browser: Client, member: User) -> None:
    repo = make_repo()
    made = post_review(repo=repo, author=member, stars=1, text="unspeakable")
    set_review_hidden(review=made, actor=make_user(admin=True), hidden=True)
    base = f"{repo.get_absolute_url()}/reviews"
    assert "unspeakable" not in text_of(client, base) and get(client, f"{base}/{made.pk}").status_code == 404
    for page in (base, f"{base}/{made.pk}"):
        told = text_of(browser, page)
        assert "unspeakable" in told and "Moderators have hidden this review" in told
        assert f"{made.pk}/edit" not in told and f"{made.pk}/delete" not in told
    assert browser.post(f"{base}/{made.pk}/delete").status_code == 409


def test_hostile_text(client: Client) -> None:
    repo = make_repo()
    said = "<script>alert(1)</script> <img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))\n\n<p style='x'>\n\n# Heading"
    for _ in range(2):
        post_review(repo=repo, author=make_user(), stars=1, text=said)
    page = text_of(client, f"{repo.get_absolute_url()}/reviews")
    for bad in ("<script>alert", "onerror", 'href="javascript', "style="):
        assert bad not in page
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_reasons_in_words(client: Client, browser: Client, member: User) -> None:
    own, team = make_repo(member), make_organization(boss := make_user(), read=member)
    shared = make_repo(boss, organization=team)
    for repo, reason in [(own, "This model is your own"), (shared, "You belong to")]:
        base = f"{repo.get_absolute_url()}/reviews"
        page = text_of(browser, base)
        assert reason in page and "starpick" not in page
        for method in ("get", "post"):
            refused = getattr(browser, method)(f"{base}/new", {"stars": "5"})
            assert refused.status_code == 403 and reason in refused.content.decode()
    page = text_of(client, f"{shared.get_absolute_url()}/reviews")
    assert "Log in to write a review" in page and f"next={shared.get_absolute_url()}/reviews/new" in page
    assert not Review.objects.exists()


def test_who_may(client: Client, member: User) -> None:
    boss = make_user()
    team = make_organization(boss)
    repo = make_repo(boss, organization=team)
    made = post_review(repo=repo, author=member, stars=3)
    base = f"{repo.get_absolute_url()}/reviews"
    for below in (f"{made.pk}/edit", f"{made.pk}/delete"):
        for method in ("get", "post"):
            assert getattr(client, method)(f"{base}/{below}").status_code == 302
            for other in (make_user(), boss):
                assert getattr(browser_of(other), method)(f"{base}/{below}", {"stars": "1"}).status_code == 403
    assert client.post(f"{base}/new", {"stars": "1"}).status_code == 302
    # Who comes to belong to the owner may take their review away, not change it; it is shown and does not count.
    add_member(organization=team, actor=boss, user=member, role=Role.READ)
    browser = browser_of(member)
    assert browser.get(f"{base}/{made.pk}/edit").status_code == 403
    page = text_of(browser, base)
    assert "1 by people who belong to the owner by now" in page
    assert f"{made.pk}/edit" not in page and f"{made.pk}/delete" in page
    other = make_user()
    repo.visibility = "private"
    repo.save()
    for below in ("", "/new", *(f"/{made.pk}{page}" for page in ("", "/edit", "/delete", "/reply", "/reply/delete"))):
        assert get(client, base + below).status_code == 404
        assert get(browser_of(other), base + below).status_code == 404
    assert Review.objects.get() == made


def test_datasets_have_no_reviews(client: Client) -> None:
    repo = make_repo(kind="dataset")
    assert get(client, f"{repo.get_absolute_url()}/reviews").status_code == 404
    assert "/reviews" not in text_of(client, repo.get_absolute_url())
