"""What wrong guesses cost: clients ask for a dozen optional files of each model, and most are not there."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from hub.repos.git.files import resolve_revision
from tests.factories import make_repo, make_token, make_user
from tests.web.repos import commit_files

pytestmark = pytest.mark.django_db


def test_a_file_that_is_not_there_costs_few_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    owner = make_user()
    repo = make_repo(owner, visibility="private")
    commit_files(repo, {"config.json": "{}"})
    sha = resolve_revision(repo, "main").oid
    signed_in = {"Authorization": f"Bearer {make_token(owner)}"}
    for revision, most in [(sha, 5), ("main", 6)]:
        path = f"/{repo.full_name}/resolve/{revision}/tokenizer.json"
        Client().head(path, headers=signed_in)  # The first use of a token is noted.
        # Whose token; the repository; [the ref;] the commit; the listing; the folder.
        with django_assert_max_num_queries(most):
            assert Client().head(path, headers=signed_in).status_code == 404
