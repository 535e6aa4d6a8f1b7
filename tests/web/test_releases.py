"""Releases in the browser."""

import pytest
from django.test import Client

from hub.accounts.models import User
from hub.repos.git.files import resolve_revision
from hub.repos.models import VERSIONED, Kind, Release
from hub.repos.releases import create_release, create_tag
from tests.factories import make_organization, make_repo, make_user
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, get, text_of

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(1)>\n\n[x](javascript:alert(1)) [c](config.json)"


@pytest.mark.parametrize("kind", VERSIONED)
def test_the_life_of_a_release(browser: Client, member: User, kind: Kind) -> None:
    repo = make_repo(member, kind=kind)
    base = f"{repo.get_absolute_url()}/releases"
    assert "No release yet" in text_of(browser, base)
    form = {"tag": "v1/rc", "revision": "", "title": "First", "notes": "It *runs*."}
    assert browser.post(f"{base}/new", form).headers["Location"] == base
    page = text_of(browser, base)
    for there in ("First", "<em>runs</em>", "tree/v1%2Frc", "--revision v1/rc", resolve_revision(repo, "main").oid[:7]):
        assert there in page
    assert ("--repo-type dataset" in page) == (kind == Kind.DATASET)
    assert f"{base}#release-1" in text_of(browser, repo.get_absolute_url())
    edit = f"{base}/v1%2Frc/edit"
    assert "It *runs*." in text_of(browser, edit)
    browser.post("/", PATH_INFO=edit, data={"title": "Fast", "notes": ""})
    assert "Nothing is said of it." in text_of(browser, base)
    delete = f"{base}/v1%2Frc/delete"
    assert "The tag stays" in text_of(browser, delete)
    browser.post("/", PATH_INFO=delete)
    assert not Release.objects.exists()
    assert resolve_revision(repo, "v1/rc").oid


def test_a_release_of_a_tag_that_is_there(browser: Client, member: User) -> None:
    repo = make_repo(member)
    create_tag(repo=repo, actor=member, name="v1")
    commit_files(repo, {"a.txt": "a"})
    new = f"{repo.get_absolute_url()}/releases/new"
    assert '<option value="v1">' in text_of(browser, new)
    refused = browser.post(new, {"tag": "v1", "revision": "main"})
    assert refused.status_code == 409
    assert "is there already" in refused.content.decode()
    assert browser.post(new, {"tag": "v1"}).status_code == 302
    assert '<option value="v1">' not in text_of(browser, new)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"tag": ""}, 400),
        ({"tag": "a..b"}, 400),
        ({"tag": "v1", "revision": "nowhere"}, 404),
        ({"tag": "v1", "title": "x" * 201}, 400),
    ],
)
def test_what_is_refused_stands_beside_its_field(
    browser: Client, member: User, form: dict[str, str], status: int
) -> None:
    repo = make_repo(member)
    answer = browser.post(f"{repo.get_absolute_url()}/releases/new", form | {"notes": "typed"})
    assert answer.status_code == status
    assert 'class="err"' in answer.content.decode()
    assert "typed" in answer.content.decode()
    assert not Release.objects.exists()


def test_preview_changes_nothing(browser: Client, member: User) -> None:
    repo = make_repo(member)
    new = f"{repo.get_absolute_url()}/releases/new"
    sent = {"tag": "v1", "notes": "**bold** [c](config.json)", "preview": "1"}
    fragment = browser.post(new, sent, headers={"X-Fragment": "preview"}).content.decode()
    assert "<strong>bold</strong>" in fragment
    assert "/blob/v1/config.json" in fragment
    assert "<html" not in fragment
    whole = browser.post(new, sent).content.decode()
    assert "<strong>bold</strong>" in whole
    assert 'value="v1"' in whole
    assert not Release.objects.exists()


def test_hostile_notes_and_titles(client: Client) -> None:
    repo = make_repo(member := make_user())
    create_release(repo=repo, actor=member, tag="$(rm)'x", title="<b>bold</b>\u202ename", notes=HOSTILE)
    page = text_of(client, f"{repo.get_absolute_url()}/releases")
    for bad in ("<script>alert", "onerror", 'href="javascript', "<b>bold", "\u202e"):
        assert bad not in page
    # The command is one word for a shell, whatever the tag holds.
    assert "--revision &#x27;$(rm)&#x27;&quot;&#x27;&quot;&#x27;x&#x27;" in page


def test_pages(client: Client) -> None:
    repo = make_repo(member := make_user())
    for n in range(1, 23):
        create_release(repo=repo, actor=member, tag=f"v{n}.0")
    base = f"{repo.get_absolute_url()}/releases"
    first, second = text_of(client, base), text_of(client, f"{base}?page=2")
    assert "v22.0" in first and "v3.0" in first and ">v2.0<" not in first
    assert ">v2.0<" in second and 'rel="prev"' in second
    assert get(client, f"{base}?page=3").status_code == 404


def test_who_may(client: Client) -> None:
    boss = make_user()
    team = make_organization(boss, read=(reader := make_user()), write=(writer := make_user()))
    stranger = make_user()
    for visibility in ("public", "private"):
        repo = make_repo(boss, organization=team, visibility=visibility)
        create_release(repo=repo, actor=boss, tag="v1")
        base = f"{repo.get_absolute_url()}/releases"
        private = visibility == "private"
        for someone, status in [(client, 404 if private else 200), (browser_of(stranger), 404 if private else 200)]:
            assert get(someone, base).status_code == status
        page = text_of(browser_of(reader), base)
        assert "/releases/new" not in page and "/edit" not in page
        for below in ("new", "v1/edit", "v1/delete"):
            for method in ("get", "post"):
                asked = f"{base}/{below}"
                assert getattr(client, method)(asked).status_code == (404 if private else 302)
                assert getattr(browser_of(stranger), method)(asked).status_code == (404 if private else 403)
                assert getattr(browser_of(reader), method)(asked).status_code == 403
            assert get(browser_of(writer), f"{base}/{below}").status_code == 200
        assert Release.objects.filter(repository=repo).count() == 1
        assert get(browser_of(writer), f"{base}/v2/edit").status_code == 404
