"""What the tests of pages share: browsers of strangers and members."""

import pytest
from django.test import Client

from hub.accounts.models import User
from tests.factories import make_user


@pytest.fixture
def member(db: None) -> User:
    return make_user()


@pytest.fixture
def browser(member: User) -> Client:
    """A browser in which `member` is logged in."""
    return browser_of(member)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
