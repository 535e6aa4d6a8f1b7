from datetime import timedelta

import pytest
from django.db.models import Count, F
from django.utils import timezone

from hub.accounts.models import AccessToken, Namespace, User
from hub.accounts.services import live_token
from hub.core.statements import Given, Statement
from hub.repos.models import Repository
from tests.factories import make_organization, make_repo, make_token, make_user

pytestmark = pytest.mark.django_db

NAME = Given("name", Namespace._meta.get_field("name"))
NAMED = Statement(lambda: Namespace.objects.named(NAME).select_related("user", "organization"))


def test_it_finds_what_the_query_finds_and_asks_anew_each_time(django_assert_num_queries):
    ada = make_user("Ada")
    make_organization(ada, "lab")

    with django_assert_num_queries(3):
        person, group, nobody = (NAMED.first(name=name) for name in ("ada", "LAB", "eve"))
        assert person == ada.namespace and person.user.username == "Ada" and person.organization is None
        assert group.user is None and group.organization.requires_mfa is False
        assert nobody is None
    User.objects.filter(pk=ada.pk).update(email="new@example.org")
    assert NAMED.first(name="ada").user.email == "new@example.org"


def test_fields_come_as_the_orm_gives_them_and_models_can_be_saved():
    user = make_user()
    make_token(user)
    token = AccessToken.objects.get(user=user)
    digest = Given("digest", AccessToken._meta.get_field("digest"))
    statement = Statement(
        lambda: AccessToken.objects.filter(digest=digest).defer("hint").annotate(who=F("user__email"))
    )

    (found,) = statement.all(digest=token.digest)

    assert found.digest == token.digest and found.created_at == token.created_at
    assert found.who == token.user.email
    assert found.get_deferred_fields() == {"hint"} and found.hint == token.hint
    found.name = "renamed"
    found.save()
    assert statement.first(digest=token.digest).name == "renamed"


def test_it_counts_and_nothing_equals_none():
    repo = make_repo(make_user())
    owner = Given("owner", User._meta.pk)
    statement = Statement(lambda: Repository.objects.filter(namespace__user=owner).annotate(refs_made=Count("refs")))

    assert [found.refs_made for found in statement.all(owner=repo.namespace.user_id)] == [repo.refs.count()]
    assert statement.all(owner=None) == []


def test_no_moment_is_kept_in_one():
    statement = Statement(lambda: AccessToken.objects.filter(expires_at__gt=timezone.now()))

    with pytest.raises(TypeError, match="moment"):
        statement.all()


def test_a_token_ends_when_its_time_is_over():
    secret = make_token(make_user())
    assert live_token(secret) is not None
    AccessToken.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    assert live_token(secret) is not None
    AccessToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert live_token(secret) is None
