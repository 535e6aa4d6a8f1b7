"""A store of each test's own, and time that passes when a test says so."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import F
from pytest_django import Settings

from hub.repos.models import BlobClaim, CommitReceipt, GitObject, LargeUpload, StorageClock, StorageRun, XetFile, Xorb
from hub.repos.storage import clock


@pytest.fixture(autouse=True)
def own_store(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "blobs"


@pytest.fixture
def stored(own_store: Path) -> Callable[[], set[str]]:
    """What lies in the store: names of content."""

    def names() -> set[str]:
        return {path.name for kind in ("lfs", "xorbs") for path in (own_store / kind).rglob("*") if path.is_file()}

    return names


@pytest.fixture
def age(own_store: Path) -> Callable[..., None]:
    """Let days pass for all that is stored, as they would for a hub that runs all the time."""

    def pass_days(days: float) -> None:
        clock.tick()
        span = timedelta(days=days)
        StorageClock.objects.update(seconds=F("seconds") + int(span.total_seconds()))
        BlobClaim.objects.update(created_at=F("created_at") - span)
        LargeUpload.objects.update(created_at=F("created_at") - span)
        XetFile.objects.update(created_at=F("created_at") - span)
        Xorb.objects.update(last_touched_at=F("last_touched_at") - span)
        GitObject.objects.update(written_at=F("written_at") - span)
        CommitReceipt.objects.update(at=F("at") - span)
        StorageRun.objects.update(started_at=F("started_at") - span)
        then = time.time() - span.total_seconds()
        for path in own_store.rglob("*"):
            if path.is_file():
                at = path.stat().st_mtime - time.time() + then
                os.utime(path, (at, at))

    return pass_days
