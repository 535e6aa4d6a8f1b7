"""People, repositories and uploads for the tests of the Xet store."""

import hashlib
import io
from collections.abc import Callable, Sequence

import pytest

from hub.accounts.models import User
from hub.accounts.services import create_user
from hub.repos.models import RepoBlob, Repository, XetFile
from hub.repos.services import create_repo
from hub.repos.xet.services import register_shard, store_xorb

from . import building

MakeRepo = Callable[..., Repository]


@pytest.fixture
def ada(db) -> User:
    return create_user(name="ada", email="ada@example.org", password="a long enough secret")


@pytest.fixture
def eve(db) -> User:
    return create_user(name="eve", email="eve@example.org", password="a long enough secret")


@pytest.fixture
def make_repo() -> MakeRepo:
    def make(owner: User, name: str = "weights", visibility: str = "public") -> Repository:
        return create_repo(actor=owner, namespace=owner.namespace, kind="model", name=name, visibility=visibility)

    return make


@pytest.fixture
def repo(ada, make_repo) -> Repository:
    return make_repo(ada)


def store(pieces: Sequence[bytes], repo: Repository, scheme: int = 0) -> str:
    """Upload a xorb with these chunks; returns its hash."""
    name, body = building.xorb_of(pieces, scheme)
    store_xorb(stream=io.BytesIO(body), length=len(body), expected_hash=name, repository=repo, user=repo.created_by)
    return name


def register(body: bytes, repo: Repository, user: User) -> list:
    return list(register_shard(stream=io.BytesIO(body), length=len(body), repository=repo, user=user))


def upload(pieces: Sequence[bytes], repo: Repository, user: User, scheme: int = 0) -> XetFile:
    """Upload a file with these chunks, all in one xorb."""
    name = store(pieces, repo, scheme)
    sha256 = hashlib.sha256(b"".join(pieces)).hexdigest()
    file = building.file_of(pieces)
    register(building.shard_of([(file, [building.term(name, pieces)], sha256)]), repo, user)
    return XetFile.objects.get(pk=file)


def commit(file: XetFile, repo: Repository) -> None:
    """Let a commit of the repository point at the file."""
    RepoBlob.objects.create(repository=repo, blob_id=file.sha256)
