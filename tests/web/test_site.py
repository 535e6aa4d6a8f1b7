"""What holds for every page: content policy, forms against forgery, theme and language, errors, a closed hub."""

import gzip
import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject

from hub.accounts.models import OneTimeLink, User
from hub.repos.models import Visibility
from hub.web.pages import errors, profiles
from tests.factories import PASSWORD, make_organization, make_repo, make_user
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db

STRANGER_PAGES = [
    "/",
    "/login",
    "/signup",
    "/password/reset",
    "/password/reset/sent",
    "/nobody-here",
    "/owner",
    "/crew",
]
MEMBER_PAGES = [
    *["/", "/owner", "/crew", "/logout", "/organizations/new"],
    *["/organizations/crew/members", "/organizations/crew/settings"],
    *["/settings/profile", "/settings/account", "/settings/tokens", "/settings/invitations", "/settings/password"],
]
INLINE = re.compile(r"\sstyle=|\son[a-z]+=|<style|javascript:|<script(?![^>]*\bsrc=)", re.IGNORECASE)


@pytest.fixture
def owner(db: None) -> User:
    owner = make_user("owner", admin=True)
    make_organization(owner, "crew")
    make_repo(owner, name="weights")
    make_repo(owner, name="draft", visibility=Visibility.PRIVATE)
    return owner


def test_nothing_inline_on_any_page(client: Client, owner: User) -> None:
    browser = browser_of(owner)
    pages = [(client, path) for path in STRANGER_PAGES] + [(browser, path) for path in MEMBER_PAGES]
    for who, path in pages:
        response = who.get(path)
        assert response.status_code in (200, 404), path
        assert not INLINE.search(response.content.decode()), path
        policy = response.headers["Content-Security-Policy"]
        assert "'unsafe" not in policy
        assert "script-src 'self'" in policy


def test_every_writing_form_needs_its_token(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    for address in (
        *[
            "/preferences",
            "/logout",
            "/settings/profile",
            "/settings/tokens",
            "/settings/account",
            "/settings/password",
        ],
        *["/settings/invitations", "/organizations/new", "/organizations/crew/delete", "/organizations/crew/members"],
    ):
        response = client.post(address, {"name": "x"})
        assert response.status_code == 403, address
        assert "grown old" in response.content.decode()
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.post("/login", {"login": "owner", "password": PASSWORD}).status_code == 403


def test_theme_and_language_are_kept_and_used_by_the_server(client: Client) -> None:
    response = client.post("/preferences", {"theme": "dark"}, headers={"Referer": "http://testserver/login?next=/"})
    assert response.headers["Location"] == "http://testserver/login?next=/"
    assert 'data-theme="dark"' in client.get("/").content.decode()
    client.post("/preferences", {"theme": "system"})
    assert "data-theme=" not in client.get("/").content.decode()
    client.post("/preferences", {"language": "zh-hans"})
    page = client.get("/")
    assert '<html lang="zh-Hans"' in page.content.decode()
    assert page.headers["Content-Language"] == "zh-hans"


@pytest.mark.parametrize("referer", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_preferences_lead_back_only_into_this_hub(client: Client, referer: str) -> None:
    response = client.post("/preferences", {"theme": "dark"}, headers={"Referer": referer})
    assert response.headers["Location"] == "/"


def test_unknown_choices_are_not_kept(client: Client) -> None:
    response = client.post("/preferences", {"theme": '"><script>', "language": "xx"})
    assert not {"theme", "django_language"} & set(response.cookies)
    client.cookies["theme"] = '"><script>'
    assert "<script>" not in client.get("/").content.decode()


def test_error_pages_say_what_to_do_and_carry_the_request_number(client: Client) -> None:
    response = client.get("/nobody-here", headers={"X-Request-Id": "request-4711"})
    page = response.content.decode()
    assert response.status_code == 404
    assert "request-4711" in page
    assert "/login?next=/nobody-here" in page


@pytest.mark.parametrize("path", ["/organizations", "/settings/nothing", "/setup/a/b"])
def test_an_address_that_no_page_has(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert "no such page" in response.content.decode()


@pytest.mark.parametrize(
    ("page", "status"), [(errors.server_error, 500), (errors.unavailable, 503), (errors.bad_request, 400)]
)
def test_a_failure_of_ours_has_a_page_that_asks_nothing_of_the_database(
    rf: RequestFactory, page: Callable[[HttpRequest], HttpResponse], status: int, django_assert_num_queries: object
) -> None:
    request = rf.get("/models")
    request.user = SimpleLazyObject(lambda: pytest.fail("The page asked who is logged in."))
    with django_assert_num_queries(0):
        response = page(request)
    assert response.status_code == status
    assert "<h1>" in response.content.decode()


def test_a_hub_closed_to_strangers_shows_only_its_entrance(client: Client, owner: User, settings: object) -> None:
    settings.ANONYMOUS_READ = False
    for path in ("/", "/owner", "/crew", "/models", "/loginx", "/owner/weights"):
        assert client.get(path).headers["Location"].startswith("/login?next=%2F"), path
    for path in ("/login", "/signup", "/password/reset", "/robots.txt"):
        assert client.get(path).status_code == 200, path
    # Tools are answered in the words that they know: a redirect to a form would be read as a file.
    for path in ("/api/models", "/owner/weights/resolve/main/config.json", "/weights/resolve/main/config.json"):
        assert not client.get(path).headers.get("Location", "").startswith("/login"), path
    assert "Disallow: /\n" in client.get("/robots.txt").content.decode()
    assert browser_of(owner).get("/").status_code == 200


def test_private_repositories_stay_out_of_the_front_page_and_the_profile(client: Client, owner: User) -> None:
    for path in ("/", "/owner"):
        page = client.get(path).content.decode()
        assert "weights" in page
        assert "draft" not in page
    assert "draft" in browser_of(owner).get("/owner").content.decode()


def test_pages_stay_within_their_query_budget(owner: User, django_assert_max_num_queries: object) -> None:
    for number in range(6):
        make_repo(owner, name=f"more-{number}")
    browser = browser_of(owner)
    for path in ("/", "/owner"):
        with django_assert_max_num_queries(15):
            browser.get(path)


def test_style_and_scripts_stay_within_their_byte_budget() -> None:
    """What every page loads, and what all pages together do."""
    styles = settings.BASE_DIR / "static" / "css"
    everywhere = [styles / f"{name}.css" for name in ("tokens", "base", "components")]
    for files, budget in (
        (everywhere, 12_000),
        (styles.glob("*.css"), 25_000),
        ((settings.BASE_DIR / "static" / "js").glob("*.js"), 60_000),
    ):
        assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= budget


def test_icon_and_robots(client: Client) -> None:
    assert client.get("/favicon.ico").headers["Location"].endswith("favicon.svg")
    assert OneTimeLink.objects.count() == 0
    assert "Disallow: /api/" in client.get("/robots.txt").content.decode()


def test_a_page_asked_for_with_a_token_is_refused_like_any_other(client: Client) -> None:
    for address in ("/ada/nothing", "/ada/nothing/raw/main/a.txt", "/nobody-here"):
        for header in ("Bearer grove_wrong", "Basic eDp5"):
            assert client.get(address, headers={"Authorization": header}).status_code == 404


def test_a_host_that_is_not_ours_is_refused_with_a_page(client: Client) -> None:
    for address in ("/login", "/ada/nothing", "/api/models"):
        assert client.get(address, headers={"Host": "evil.example"}).status_code == 400


def test_a_profile_shows_the_newest_and_leads_to_all(client: Client, owner: User) -> None:
    for number in range(profiles.ROWS):
        make_repo(owner, name=f"m{number}")
    page = client.get("/owner").content.decode()
    # One more than fits: the oldest, which was there before.
    assert page.count('class="row row-cat"') == profiles.ROWS
    assert 'href="/owner/weights"' not in page
    assert 'href="?tab=models"' in page
    assert 'href="/owner/weights"' in client.get("/owner?tab=models").content.decode()
    assert f">{profiles.ROWS + 1}</span>" in page
