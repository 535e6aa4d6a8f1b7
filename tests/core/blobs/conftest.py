"""The stores that a hub can have, each empty."""

import copy
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pytest_django

from hub.core.blobs.configuration import S3Settings
from hub.core.blobs.contract import BlobStore
from hub.core.blobs.files import FileStore
from hub.core.blobs.s3 import S3Store
from tests import s3


@pytest.fixture
def file_store(tmp_path: Path, settings: pytest_django.Settings) -> FileStore:
    settings.DATA_DIR = tmp_path
    store = FileStore()
    store.prepare()
    return store


@pytest.fixture(scope="session")
def _s3_store(swift: s3.S3Server) -> S3Store:
    return S3Store(s3_settings(swift, "none"))


@pytest.fixture
def s3_store(_s3_store: S3Store, swift: s3.S3Server, tmp_path: Path, settings: pytest_django.Settings) -> S3Store:
    """A store whose addresses are signed. Its scratch files lie in a folder of the test's own."""
    settings.DATA_DIR = tmp_path
    # boto3 takes long to get ready, and its clients know nothing of the bucket.
    store = copy.copy(_s3_store)
    store._bucket = swift.make_bucket()
    return store


@pytest.fixture(params=["file_store", "s3_store"])
def store(request: pytest.FixtureRequest) -> BlobStore:
    """Each store in turn."""
    found: BlobStore = request.getfixturevalue(request.param)
    return found


def s3_settings(server: s3.S3Server, bucket: str, **changes: str) -> S3Settings:
    values = server.settings(bucket) | {f"S3_{name.upper()}": value for name, value in changes.items()}
    return S3Settings(**{name.removeprefix("S3_").lower(): value for name, value in values.items()})


@pytest.fixture
def limit_files() -> Iterator[Callable[[int], None]]:
    """Let no file of this process grow past so many bytes, which fails as a full disk does, until the test is over."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
