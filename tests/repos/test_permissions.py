"""Who may see, change and rule a repository: every kind of caller against every door."""

import pytest
import pytest_django
from django.contrib.auth.models import AnonymousUser

from hub.accounts.models import Someone
from hub.accounts.services import user_of_token
from hub.core.errors import Forbidden, HubError
from hub.repos.errors import NotWritable, ReadOnlyToken, RepoMoved, RepoNotFound, WriteNeedsSignIn
from hub.repos.models import Repository
from hub.repos.permissions import get_namespace_for_create, get_repo_for_admin, get_repo_for_read, get_repo_for_write
from hub.repos.services import move_repo
from tests.factories import make_organization, make_repo, make_token, make_user

pytestmark = pytest.mark.django_db

DOORS = {"read": get_repo_for_read, "write": get_repo_for_write, "admin": get_repo_for_admin}


def opens(user: Someone, repo: Repository, door: str) -> bool:
    try:
        DOORS[door](user, repo.kind, *repo.full_name.split("/"))
    except HubError:
        return False
    return True


def doors(user: Someone, repo: Repository) -> str:
    return " ".join(door for door in DOORS if opens(user, repo, door))


def test_every_role_against_every_door() -> None:
    admin, writer, contributor, reader, stranger = (make_user() for _ in range(5))
    organization = make_organization(admin, write=writer, contributor=contributor, read=reader)
    public = make_repo(admin, organization=organization)
    private = make_repo(admin, organization=organization, visibility="private")
    own = make_repo(contributor, organization=organization, visibility="private")
    expected = {
        AnonymousUser(): ("read", "", ""),
        stranger: ("read", "", ""),
        reader: ("read", "read", "read"),
        contributor: ("read", "read", "read write admin"),
        writer: ("read write", "read write", "read write"),
        admin: ("read write admin", "read write admin", "read write admin"),
    }
    for user, answers in expected.items():
        assert tuple(doors(user, repo) for repo in (public, private, own)) == answers, user


def test_a_personal_repository_is_its_owners_alone() -> None:
    owner, stranger = make_user(), make_user()
    repo = make_repo(owner, visibility="private")
    assert doors(owner, repo) == "read write admin"
    assert doors(stranger, repo) == doors(AnonymousUser(), repo) == ""


def test_a_private_repository_looks_like_an_absent_one() -> None:
    repo = make_repo(visibility="private")
    namespace, name = repo.full_name.split("/")
    with pytest.raises(RepoNotFound) as private:
        get_repo_for_read(AnonymousUser(), "model", namespace, name)
    with pytest.raises(RepoNotFound) as absent:
        get_repo_for_read(AnonymousUser(), "model", namespace, name + "x")
    assert private.value.message == absent.value.message.replace(name + "x", name)


def test_a_read_token_cannot_write_whatever_its_owner_may() -> None:
    owner = make_user()
    repo = make_repo(owner)
    reading, writing = user_of_token(make_token(owner, "read")), user_of_token(make_token(owner, "write"))
    assert reading and writing
    assert doors(reading, repo) == "read"
    assert doors(writing, repo) == "read write admin"
    with pytest.raises(ReadOnlyToken):
        get_repo_for_write(reading, "model", *repo.full_name.split("/"))
    with pytest.raises(ReadOnlyToken):
        get_namespace_for_create(reading, None)


def test_the_refusal_says_why() -> None:
    repo = make_repo()
    with pytest.raises(WriteNeedsSignIn):
        get_repo_for_write(AnonymousUser(), "model", *repo.full_name.split("/"))
    with pytest.raises(NotWritable):
        get_repo_for_write(make_user(), "model", *repo.full_name.split("/"))


def test_anonymous_reading_off_hides_everything_from_strangers(settings: pytest_django.Settings) -> None:
    repo = make_repo()
    settings.ANONYMOUS_READ = False
    assert doors(AnonymousUser(), repo) == ""
    assert doors(make_user(), repo) == "read"
    assert not Repository.objects.visible_to(AnonymousUser()).exists()


def test_where_repositories_may_be_made() -> None:
    admin, reader, stranger = make_user(), make_user(), make_user()
    organization = make_organization(admin, read=reader)
    name = organization.namespace.name
    assert get_namespace_for_create(admin, name.upper()) == organization.namespace
    assert get_namespace_for_create(stranger, None) == stranger.namespace
    for user in (reader, stranger):
        with pytest.raises(Forbidden):
            get_namespace_for_create(user, name)


def test_an_old_name_leads_on_but_not_to_what_is_hidden() -> None:
    owner = make_user()
    repo = make_repo(owner, name="before", visibility="private")
    move_repo(repo=repo, actor=owner, namespace=owner.namespace, name="after")
    with pytest.raises(RepoMoved) as moved:
        get_repo_for_read(owner, "model", owner.username, "Before")
    assert moved.value.full_name == f"{owner.username}/after"
    with pytest.raises(RepoNotFound):
        get_repo_for_read(AnonymousUser(), "model", owner.username, "before")
