"""Accounts, tokens, one-time links and organizations."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hub.accounts import services
from hub.accounts.errors import LastAdmin, LinkExpired, NameInvalid, NameTaken, NotEmpty
from hub.accounts.models import AccessToken, OneTimeLink, Role, User
from hub.accounts.organizations import (
    add_member,
    create_organization,
    delete_organization,
    remove_member,
    set_role,
)
from hub.core.errors import Conflict, Invalid
from tests.factories import PASSWORD, make_organization, make_repo, make_token, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name", ["a", "x" * 43, "api", "Models", "a b", "-a", "a-", "a..b", "a--b", "阿达", "a/b", "x.git", "健"]
)
def test_names_that_nobody_can_have(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        services.create_user(name=name, email="a@example.org", password=PASSWORD)
    assert refused.value.field == "name"
    with pytest.raises(NameInvalid):
        create_organization(name=name, owner=make_user())


def test_users_and_organizations_share_one_namespace_in_any_case() -> None:
    ada = make_user("Ada")
    with pytest.raises(NameTaken):
        create_organization(name="ada", owner=ada)
    create_organization(name="Lab", owner=ada)
    with pytest.raises(NameTaken):
        services.create_user(name="lab", email="lab@example.org", password=PASSWORD)
    assert not User.objects.filter(username="lab").exists()


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("no address", PASSWORD, "email"),
        ("b@example.org", "short", "password"),
        ("b@example.org", "1234567890123", "password"),
    ],
)
def test_a_refusal_names_its_field(email: str, password: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        services.create_user(name="bob", email=email, password=password)
    assert refused.value.field == field


def test_one_account_for_each_address() -> None:
    make_user("ada")
    with pytest.raises(Invalid, match="exists"):
        services.create_user(name="eve", email="ADA@example.org", password=PASSWORD)


def test_a_token_opens_until_it_is_revoked_or_runs_out() -> None:
    ada = make_user()
    secret = make_token(ada)
    token = AccessToken.objects.get()
    assert secret not in str(vars(token))
    opened = services.user_of_token(secret)
    assert opened == ada and opened.acting_token == token
    assert AccessToken.objects.get().last_used_at is not None
    assert services.user_of_token(secret + "x") is None
    services.revoke_token(user=make_user(), token_id=token.pk)
    assert services.user_of_token(secret) is not None
    services.revoke_token(user=ada, token_id=token.pk)
    assert services.user_of_token(secret) is None


def test_an_expired_token_and_a_closed_account_open_nothing() -> None:
    ada = make_user()
    token, secret = services.create_token(
        user=ada, name="t", scope="read", expires_at=timezone.now() + timedelta(hours=1)
    )
    assert services.user_of_token(secret) == ada
    AccessToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())
    assert services.user_of_token(secret) is None
    other = make_token(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert services.user_of_token(other) is None


def test_the_setup_link_works_once_and_only_while_there_is_no_administrator() -> None:
    first, newest = services.issue_setup_link(), services.issue_setup_link()
    assert first and newest
    with pytest.raises(LinkExpired):
        services.create_first_admin(secret=first, name="ada", email="ada@example.org", password=PASSWORD)
    admin = services.create_first_admin(secret=newest, name="ada", email="ada@example.org", password=PASSWORD)
    assert admin.is_superuser
    with pytest.raises(LinkExpired):
        services.create_first_admin(secret=newest, name="eve", email="eve@example.org", password=PASSWORD)
    assert services.issue_setup_link() is None


def test_an_invitation_lets_one_person_in() -> None:
    admin = make_user(admin=True)
    secret = services.create_invitation(user=admin, note="for Bob")
    services.use_link(purpose="invitation", secret=secret, user=make_user())
    with pytest.raises(LinkExpired):
        services.use_link(purpose="invitation", secret=secret, user=make_user())
    withdrawn = services.create_invitation(user=admin)
    link = OneTimeLink.objects.get(used_at__isnull=True)
    services.revoke_invitation(user=admin, link_id=link.pk)
    with pytest.raises(LinkExpired):
        services.open_link(purpose="invitation", secret=withdrawn)
    # An invitation does not make administrators.
    with pytest.raises(LinkExpired):
        services.open_link(purpose="setup", secret=services.create_invitation(user=admin))


def test_an_organization_keeps_an_administrator() -> None:
    ada, bob = make_user(), make_user()
    lab = make_organization(ada)
    with pytest.raises(LastAdmin):
        remove_member(organization=lab, actor=ada, user=ada)
    with pytest.raises(LastAdmin):
        set_role(organization=lab, actor=ada, user=ada, role="read")
    add_member(organization=lab, actor=ada, user=bob, role="admin")
    with pytest.raises(Conflict):
        add_member(organization=lab, actor=ada, user=bob, role="read")
    remove_member(organization=lab, actor=bob, user=ada)
    assert lab.memberships.get().role == Role.ADMIN


def test_an_organization_that_owns_something_stays() -> None:
    ada = make_user()
    lab = make_organization(ada)
    make_repo(ada, organization=lab)
    with pytest.raises(NotEmpty):
        delete_organization(organization=lab, actor=ada)
