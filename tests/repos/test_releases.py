"""Tags that something is said of."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from hub.accounts.models import User
from hub.core.errors import HubError, Invalid
from hub.core.models import AuditEvent
from hub.repos.errors import RefExists, ReleaseExists, ReleaseNotFound, RevisionNotFound
from hub.repos.git.files import resolve_revision
from hub.repos.models import Release, Repository
from hub.repos.releases import create_release, create_tag, delete_release, delete_tag, edit_release, get_release
from hub.repos.services import create_branch
from tests.factories import make_repo
from tests.web.repos import commit_files, owner

pytestmark = pytest.mark.django_db


def release(repo: Repository, tag: str, **more: str) -> Release:
    return create_release(repo=repo, actor=owner(repo), tag=tag, **more)


def test_a_release_makes_its_tag() -> None:
    repo = make_repo()
    first = release(repo, "v1", title="First", notes="It *runs*.")
    head = resolve_revision(repo, "main").oid
    assert (first.number, first.commit, first.author) == (1, head, owner(repo))
    assert resolve_revision(repo, "v1").oid == head
    commit_files(repo, {"a.txt": "a"})
    second = release(repo, "v2/rc.1", revision="v1")
    assert (second.number, second.commit) == (2, head)
    assert AuditEvent.objects.filter(verb="release.create").count() == 2


def test_a_release_of_a_tag_that_is_there() -> None:
    repo = make_repo()
    create_tag(repo=repo, actor=owner(repo), name="v1")
    assert not Release.objects.exists()
    head = resolve_revision(repo, "main").oid
    commit_files(repo, {"a.txt": "a"})
    with pytest.raises(RefExists) as refused:
        release(repo, "v1", revision="main")
    assert refused.value.field == "tag"
    assert release(repo, "v1", revision=head).commit == head
    with pytest.raises(ReleaseExists):
        release(repo, "v1")
    # What was refused has used up no number.
    assert release(repo, "v2").number == 2


def test_a_tag_with_a_text_is_a_release() -> None:
    repo = make_repo()
    create_tag(repo=repo, actor=owner(repo), name="v1", message="Knows *more* words")
    found = get_release(repo, "v1")
    assert (found.notes, found.title, found.number) == ("Knows *more* words", "", 1)
    create_tag(repo=repo, actor=owner(repo), name="v2", message="  ")
    with pytest.raises(ReleaseNotFound):
        get_release(repo, "v2")


def test_editing_and_deleting() -> None:
    repo = make_repo()
    made = release(repo, "v1", title=" Of\nold ", notes="old\r\ntext\n")
    assert (made.title, made.notes) == ("Of old", "old\ntext")
    edit_release(release=made, actor=owner(repo), title="Newer", notes="new")
    found = get_release(repo, "v1")
    assert (found.title, found.notes, found.number, found.commit) == ("Newer", "new", 1, made.commit)
    assert found.edited_at is not None
    seen_before = get_release(repo, "v1")
    delete_release(release=found, actor=owner(repo))
    assert resolve_revision(repo, "v1").oid == made.commit
    # Another release of the same tag is another release.
    assert release(repo, "v1").number == 2
    with pytest.raises(ReleaseNotFound):
        edit_release(release=seen_before, actor=owner(repo), title="", notes="")


def test_the_release_goes_with_its_tag() -> None:
    repo = make_repo()
    release(repo, "v1")
    other = make_repo()
    release(other, "v1")
    delete_tag(repo=repo, actor=owner(repo), name="v1")
    assert [r.repository for r in Release.objects.all()] == [other]
    with pytest.raises(RevisionNotFound):
        resolve_revision(repo, "v1")


@pytest.mark.parametrize(
    ("tag", "more", "field"),
    [
        ("", {}, "tag"),
        ("a..b", {}, "tag"),
        ("0" * 40, {}, "tag"),
        ("v1", {"title": "x" * 201}, "title"),
        ("v1", {"notes": "x" * 50_001}, "notes"),
        ("v1", {"notes": "NUL \0"}, "notes"),
    ],
)
def test_what_is_refused(tag: str, more: dict[str, str], field: str) -> None:
    repo = make_repo()
    with pytest.raises(Invalid) as refused:
        release(repo, tag, **more)
    assert refused.value.field == field
    with pytest.raises(RevisionNotFound):
        release(repo, "v1", revision="nowhere")
    assert not Release.objects.exists()


def test_a_branch_of_that_name_is_no_hindrance() -> None:
    repo = make_repo()
    create_branch(repo=repo, actor=owner(repo), name="v1")
    commit_files(repo, {"a.txt": "a"})
    assert release(repo, "v1").commit == resolve_revision(repo, "main").oid


def test_only_those_of_readable_repositories_are_visible() -> None:
    hidden = make_repo(visibility="private")
    release(hidden, "v1")
    assert not Release.objects.visible_to(make_repo().created_by or User()).exists()
    assert Release.objects.visible_to(owner(hidden)).exists()


@pytest.mark.django_db(transaction=True)
def test_releases_made_at_once_have_numbers_of_their_own() -> None:
    repo = make_repo()
    repo.refresh_from_db()

    def one(n: int) -> int | str:
        try:
            # Four tags, each asked for twice.
            return release(Repository.objects.get(pk=repo.pk), f"v{n % 4}").number
        except HubError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(one, range(8)))
    numbers = sorted(n for n in told if isinstance(n, int))
    assert numbers == [1, 2, 3, 4]
    assert {t for t in told if isinstance(t, str)} <= {"RefExists", "ReleaseExists"}
