"""Counting downloads: once for each client and hour, added once to the tables, and never in the way."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from hub.catalog import services
from hub.catalog.indexing import index_repository
from hub.catalog.models import DownloadDay, RepoStats, SearchRow, download_counts
from hub.catalog.services import count_download, drain_downloads
from hub.repos.services import delete_repo
from tests.factories import make_repo


@pytest.fixture(autouse=True)
def clean_counters() -> Iterator[None]:
    def clean() -> None:
        names = list(services._valkey().scan_iter("downloads:*"))
        if names:
            services._valkey().delete(*names)

    clean()
    yield
    clean()


@pytest.mark.django_db
def test_a_client_counts_once_an_hour() -> None:
    repo, other = make_repo(), make_repo()
    index_repository(repo.pk)
    for client in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
        count_download(repo=repo, client=client)
    count_download(repo=other, client="10.0.0.1")
    assert drain_downloads() == 3
    assert drain_downloads() == 0
    assert RepoStats.objects.get(pk=repo.pk).downloads == 2
    assert SearchRow.objects.get(pk=repo.pk).downloads == 2
    assert download_counts([repo.pk, other.pk]) == {repo.pk: (2, 2), other.pk: (1, 1)}
    DownloadDay.objects.filter(repository=repo).update(day=timezone.now().date() - timedelta(days=30))
    assert download_counts([repo.pk]) == {repo.pk: (0, 2)}


@pytest.mark.django_db
def test_a_batch_that_is_met_again_is_added_once() -> None:
    repo = make_repo()
    count_download(repo=repo, client="a")
    drain_downloads()
    batch = {f"{repo.pk}:{timezone.now():%Y-%m-%d}": "5"}
    name = "5b0f7c1e-0000-4000-8000-000000000000"
    assert services._add(name, batch) == 5
    assert services._add(name, batch) == 0
    assert RepoStats.objects.get(pk=repo.pk).downloads == 6


@pytest.mark.django_db(transaction=True)
def test_two_workers_drain_at_once() -> None:
    repo = make_repo()
    total = 0

    def drain() -> None:
        nonlocal total
        for _round in range(20):
            total += drain_downloads()
        connection.close()

    threads = [threading.Thread(target=drain) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(200):
        count_download(repo=repo, client=str(number))
    for thread in threads:
        thread.join()
    drain_downloads()
    drain_downloads()
    assert RepoStats.objects.get(pk=repo.pk).downloads == 200


@pytest.mark.django_db
def test_downloads_of_a_deleted_repository_are_dropped() -> None:
    repo = make_repo()
    count_download(repo=repo, client="a")
    assert repo.created_by is not None
    delete_repo(repo=repo, actor=repo.created_by)
    assert drain_downloads() == 0


@pytest.mark.django_db
def test_a_download_does_not_fail_where_the_counter_is_away(settings) -> None:
    repo = make_repo()
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/valkey.sock"}}
    services._valkey.cache_clear()
    try:
        count_download(repo=repo, client="a")
    finally:
        services._valkey.cache_clear()
