"""What Prometheus is told: to whom, of what, and at what cost."""

import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from hub.core import metrics, metrics_folder
from hub.repos.models import Blob, RepositoryUsage, StorageRun
from tests.factories import make_repo, make_user

pytestmark = pytest.mark.django_db
TOKEN = {"Authorization": "Bearer a-token"}


@pytest.fixture
def watched(settings: Settings) -> Client:
    settings.METRICS_TOKEN = "a-token"
    return Client()


def test_without_a_token_there_is_no_such_address() -> None:
    assert Client().get("/metrics").status_code == 404


@pytest.mark.parametrize("given", ["", "a-token", "Bearer another", "Bearer ä"])
def test_only_who_has_the_token_is_told(watched: Client, given: str) -> None:
    answer = watched.get("/metrics", headers={"Authorization": given} if given else {})
    assert answer.status_code == 401 and b"grove" not in answer.content


def test_requests_are_told_by_view_and_never_by_address(watched: Client) -> None:
    repo = make_repo(owner=make_user())
    watched.get(f"/{repo.full_name}")
    watched.get("/somebody/who-is-not-there")
    watched.generic("BREW", "/api/models")
    said = watched.get("/metrics", headers=TOKEN).content.decode()
    assert 'grove_requests_total{method="GET",status="404"' in said
    assert 'method="other"' in said and "BREW" not in said
    assert repo.name not in said and "who-is-not-there" not in said


def test_the_whole_hub_is_asked_for_once_in_a_while(
    watched: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_repo(owner=make_user())
    with django_assert_max_num_queries(11):
        said = watched.get("/metrics", headers=TOKEN).content.decode()
    assert 'grove_repositories{kind="model"} 1.0' in said
    assert 'grove_jobs{kind="evaluation",state="queued"} 0.0' in said
    with django_assert_max_num_queries(0):
        assert watched.get("/metrics", headers=TOKEN).content.decode().count("grove_repositories") >= 1


def test_a_part_that_cannot_be_asked_takes_no_other_along(watched: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Iterator[metrics.Value]:
        raise OSError("away")

    monkeypatch.setattr(metrics, "_more", [*metrics._more, ("broken", away, 5)])
    said = watched.get("/metrics", headers=TOKEN).content.decode()
    assert 'grove_unknown{part="broken"} 1.0' in said and 'grove_unknown{part="jobs"} 0.0' in said


def test_a_server_begins_without_what_an_earlier_one_has_left(settings: Settings, tmp_path: Path) -> None:
    settings.METRICS_TOKEN, settings.METRICS_DIR = "a-token", tmp_path / "metrics"
    settings.METRICS_DIR.mkdir()
    ended = subprocess.Popen(["true"])
    ended.wait()
    gone, mine = (settings.METRICS_DIR / f"counter_{pid}.db" for pid in (ended.pid, os.getpid()))
    for path in (gone, mine):
        path.touch()
    before = os.environ.pop(metrics_folder.FOLDER_VARIABLE, None)
    try:
        metrics_folder.share()
        assert os.environ[metrics_folder.FOLDER_VARIABLE] == str(tmp_path / "metrics")
    finally:
        os.environ.pop(metrics_folder.FOLDER_VARIABLE, None)
        if before is not None:
            os.environ[metrics_folder.FOLDER_VARIABLE] = before
    assert mine.exists() and not gone.exists()


def test_storage_is_told_by_kind_and_pass(watched: Client) -> None:
    repo = make_repo(owner=make_user())
    RepositoryUsage.objects.update_or_create(
        repository=repo, defaults={"large_size": 1000, "git_size": 20, "stored_size": 300}
    )
    StorageRun.objects.create(task=StorageRun.Task.BACKUP, finished_at=datetime(2026, 1, 2, tzinfo=UTC))
    StorageRun.objects.create(task=StorageRun.Task.BACKUP, finished_at=None)
    Blob.objects.create(sha256="ab" * 32, size=5, whole=True, damaged_at=timezone.now())
    said = watched.get("/metrics", headers=TOKEN).content.decode()
    assert 'grove_repository_bytes{kind="model",of="large"} 1000.0' in said
    assert 'grove_repository_bytes{kind="model",of="stored"} 300.0' in said
    assert 'grove_damaged{of="whole"} 1.0' in said and 'grove_condemned{of="whole"} 0.0' in said
    at = re.search(r'grove_storage_run_timestamp_seconds\{task="backup"\} (\S+)', said)
    assert at and float(at[1]) == datetime(2026, 1, 2, tzinfo=UTC).timestamp()
