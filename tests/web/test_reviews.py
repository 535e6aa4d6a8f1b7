"""Reviews in the browser."""

from typing import Any

import pytest
from django.test import Client

from hub.accounts.models import Role, User
from hub.accounts.organizations import add_member
from hub.community.models import Review
from hub.community.reviews import post_review
from hub.repos.releases import create_release, delete_release, get_release
from tests.factories import make_organization, make_repo, make_user
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


def test_the_mean_is_told_from_five_reviews_on(client: Client) -> None:
    repo = make_repo()
    base = f"{repo.get_absolute_url()}/reviews"
    for stars in (5, 5, 4, 1):
        post_review(repo=repo, author=make_user(), stars=stars)
    for page in (text_of(client, base), text_of(client, repo.get_absolute_url())):
        assert "Too few for a mean" in page and "3.8" not in page
        # The distribution stands there all the same: as a table, and as bars without a style attribute.
        assert '<table class="dist">' in page and 'style="' not in page
    post_review(repo=repo, author=make_user(), stars=3)
    for page in (text_of(client, base), text_of(client, repo.get_absolute_url())):
        assert "3.6" in page and "Too few" not in page


def test_filters_order_and_pages(client: Client, django_assert_num_queries: Any) -> None:
    repo = make_repo()
    create_release(repo=repo, actor=owner(repo), tag="v1")
    for n in range(25):
        post_review(repo=repo, author=make_user(), stars=n % 5 + 1, text=f"words{n}", tag="v1" if n > 20 else "")
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
    for query in ("sort=best", "page=3", "page=x", "release=%00"):
        assert client.get(f"{base}?{query}").status_code == 404, query
    # A page of twenty costs what a page of one does.
    with django_assert_num_queries(7):
        text_of(client, base)


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
    assert "1 review is shown and not counted" in page
    assert f"{made.pk}/edit" not in page and f"{made.pk}/delete" in page
    other = make_user()
    repo.visibility = "private"
    repo.save()
    for below in ("", "/new", f"/{made.pk}/edit", f"/{made.pk}/delete"):
        assert get(client, base + below).status_code == 404
        assert get(browser_of(other), base + below).status_code == 404
    assert Review.objects.get() == made


def test_datasets_have_no_reviews(client: Client) -> None:
    repo = make_repo(kind="dataset")
    assert get(client, f"{repo.get_absolute_url()}/reviews").status_code == 404
    assert "/reviews" not in text_of(client, repo.get_absolute_url())
