"""The administrators' page of the storage: it tells how things are, and begins what they ask for."""

import pytest
from django.test import Client
from django.utils import timezone

from hub.core.models import AuditEvent
from hub.repos.git.commits import PutBlob
from hub.repos.models import Blob, StorageRun
from hub.repos.storage import overview
from hub.repos.storage.passes import ALL
from tests.factories import make_repo, make_user
from tests.repos.filling import commit, sent
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db

PAGE = "/settings/storage"


@pytest.fixture
def staff() -> Client:
    return browser_of(make_user(admin=True))


def test_nobody_else_sees_it(browser: Client, client: Client) -> None:
    assert browser.get(PAGE).status_code == 403
    assert browser.post(f"{PAGE}/start", {"task": "check"}).status_code == 403
    assert client.get(PAGE).headers["Location"].startswith("/login?next=")
    assert not StorageRun.objects.exists()
    assert PAGE not in browser.get("/settings/profile").content.decode()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_it_tells_what_there_is(staff: Client, language: str) -> None:
    repo = make_repo()
    sha256 = sent(repo, b"content of the page of storage")
    commit(repo, PutBlob("weights.bin", sha256))
    Blob.objects.filter(pk=sha256).update(damaged_at=timezone.now())
    StorageRun.objects.create(
        task="check", finished_at=timezone.now(), counts={"xorbs": 12345, "_at": 1}, damages=["it is <gone>"]
    )
    StorageRun.objects.create(task="scrub", counts={"bytes": 250, "_target": 1000})
    page = staff.get(PAGE, headers={"Accept-Language": language}).content.decode()
    assert sha256 in page
    assert f'href="{repo.get_absolute_url()}"' in page
    assert "weights.bin" in page
    assert "12,345" in page
    assert "it is &lt;gone&gt;" in page
    assert "25 %" in page
    assert "data-running" in page
    assert "_at" not in page


def test_it_begins_what_is_asked_for(staff: Client, django_capture_on_commit_callbacks) -> None:  # type: ignore[no-untyped-def]
    for task in ("check", "scrub", "scrub"):
        assert staff.post(f"{PAGE}/start", {"task": task}).headers["Location"] == PAGE
    assert [run.task for run in StorageRun.objects.order_by("pk")] == ["check", "scrub"]
    assert StorageRun.objects.get(task="scrub").counts[ALL]
    staff.post(f"{PAGE}/start", {"task": "estimate"})
    assert "Finding out what a collection would do" in staff.get(PAGE).content.decode()
    overview.note_estimate({"blobs condemned": 3})
    assert "3 large files that are to go" in " ".join(staff.get(PAGE).content.decode().split())
    assert staff.post(f"{PAGE}/start", {"task": "burn"}).status_code == 400
    assert AuditEvent.objects.filter(verb="storage.start").count() == 4


def test_a_store_that_is_away_is_said(staff: Client, settings, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "blobs").write_text("a file where the folder of the store should be")
    settings.DATA_DIR = tmp_path
    page = staff.get(PAGE).content.decode()
    assert "The store does not work." in page
