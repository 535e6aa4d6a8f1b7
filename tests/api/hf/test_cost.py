"""What the commonest calls cost: clients ask what a model is, then for a dozen optional files, of which most are not there."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hub.catalog.indexing import index_repository
from hub.catalog.models import DownloadDay, RepoStats, SearchRow
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


def test_who_asks_what_a_model_is_or_for_a_file_costs_few_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    owner = make_user()
    repo = make_repo(owner, visibility="private")
    sha = commit_files(repo, {"config.json": "{}"}).oid
    index_repository(repo.pk)
    signed_in = {"Authorization": f"Bearer {make_token(owner)}"}
    calls = {
        # Whose token; the organizations.
        "/api/whoami-v2": 2,
        # Whose token; the repository; the commit; what is known of it; the files; the spaces that use it.
        f"/api/models/{repo.full_name}": 6,
        # Whose token; the repository; the commit; the file; its content.
        f"/{repo.full_name}/resolve/{sha}/config.json": 5,
        f"/{repo.full_name}/resolve/main/config.json": 5,
    }
    for path, most in calls.items():
        Client().get(path, headers=signed_in)
        with django_assert_max_num_queries(most):
            assert Client().get(path, headers=signed_in).status_code == 200


def test_what_is_counted_is_told_while_the_files_are_newer_than_the_search_row() -> None:
    repo = make_repo(make_user())
    commit_files(repo, {"README.md": "---\nlicense: mit\n---\n"})
    index_repository(repo.pk)
    today = timezone.now().date()
    SearchRow.objects.filter(pk=repo.pk).update(likes=3)
    RepoStats.objects.create(repository=repo, downloads=9)
    for days, downloads in ((0, 2), (29, 2), (30, 5)):
        DownloadDay.objects.create(repository=repo, day=today - timedelta(days=days), downloads=downloads)
    address = f"/api/models/{repo.full_name}?expand=likes&expand=downloads&expand=downloadsAllTime&expand=tags"

    told = Client().get(address).json()
    assert (told["likes"], told["downloads"], told["downloadsAllTime"], told["tags"]) == (3, 4, 9, ["license:mit"])
    commit_files(repo, {"README.md": "---\nlicense: apache-2.0\n---\n"})
    told = Client().get(address).json()
    assert (told["likes"], told["downloads"], told["downloadsAllTime"]) == (3, 4, 9)
    assert told["tags"] == ["license:apache-2.0"]


def test_an_earlier_revision_keeps_its_card_while_the_search_row_is_of_it() -> None:
    repo = make_repo(make_user())
    old = commit_files(repo, {"README.md": "---\nlicense: mit\n---\n"})
    index_repository(repo.pk)
    commit_files(repo, {"README.md": "---\nlicense: apache-2.0\n---\n"})
    told = Client().get(f"/api/models/{repo.full_name}/revision/{old.oid}").json()
    assert (told["sha"], told["cardData"]) == (old.oid, {"license": "mit"})
