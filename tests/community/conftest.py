"""What the tests of what people say share: a repository, its owner, and somebody who asks."""

import pytest

from hub.accounts.models import User
from hub.repos.models import Repository
from tests.factories import make_repo, make_user


@pytest.fixture
def repo(db: None) -> Repository:
    return make_repo()


@pytest.fixture
def owner(repo: Repository) -> User:
    assert repo.created_by is not None
    return repo.created_by


@pytest.fixture
def asker(db: None) -> User:
    return make_user()
