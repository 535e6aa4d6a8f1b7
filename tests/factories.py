"""Accounts and repositories for tests, made through the same services as everybody's."""

from datetime import timedelta
from itertools import count

from django.utils import timezone

from hub.accounts.models import Organization, Role, User
from hub.accounts.organizations import add_member, create_organization
from hub.accounts.services import create_token, create_user
from hub.core.blobs import lfs_key, store
from hub.core.blobs.scratch import scratch_file
from hub.repos.claims import claim_blob
from hub.repos.models import Blob, Kind, Repository, Visibility
from hub.repos.services import create_repo

PASSWORD = "correct horse battery"

_numbers = count(1)


def make_user(name: str = "", *, admin: bool = False) -> User:
    """Make a user, with a name of its own where none is given."""
    name = name or f"user{next(_numbers)}"
    return create_user(name=name, email=f"{name}@example.org", password=PASSWORD, admin=admin)


def make_reviewer(name: str = "", *, days: float = 365) -> User:
    """Make a user whose account is so many days old, so that their reviews have weight in scores."""
    user = make_user(name)
    user.date_joined = timezone.now() - timedelta(days=days)
    user.save(update_fields=["date_joined"])
    return user


def make_organization(owner: User, name: str = "", **members: User) -> Organization:
    """Make an organization; `members` maps a role to the user who gets it."""
    organization = create_organization(name=name or f"org{next(_numbers)}", owner=owner)
    for role, user in members.items():
        add_member(organization=organization, actor=owner, user=user, role=Role(role))
    return organization


def make_repo(
    owner: User | None = None,
    *,
    name: str = "",
    kind: str = Kind.MODEL,
    visibility: str = Visibility.PUBLIC,
    organization: Organization | None = None,
) -> Repository:
    """Make a repository of `owner` (a new user by default), or of an organization."""
    owner = owner or make_user()
    namespace = organization.namespace if organization else owner.namespace
    return create_repo(
        actor=owner, namespace=namespace, kind=kind, name=name or f"repo{next(_numbers)}", visibility=visibility
    )


def make_blob(repo: Repository, user: User, sha256: str, size: int) -> Blob:
    """Claim large content for a repository by any name and size, where only these matter: what is stored is no such thing."""
    with scratch_file() as handle:
        store().put(handle, lfs_key(sha256))
    return claim_blob(repo=repo, user=user, sha256=sha256, size=size)


def make_token(user: User, scope: str = "write") -> str:
    """Return the secret of a new token."""
    return create_token(user=user, name="test", scope=scope)[1]
