"""Chunked content that a repository has forgotten or deleted opens to nobody, whatever they hold."""

from collections.abc import Callable

import pytest

from hub.accounts.models import User
from hub.repos.git.commits import PutBlob, create_commit
from hub.repos.git.squashing import squash_branch
from hub.repos.large_files import delete_large_files
from hub.repos.models import BlobClaim, DedupChunk, Repository, XetFile
from hub.repos.models.blobs import CLAIM_LIFE
from hub.repos.services import create_branch, delete_branch
from hub.repos.xet.access import authorize, files_known_to, get_file_for_read
from hub.repos.xet.dedup import answer_dedup
from hub.repos.xet.errors import ContentNotFound
from hub.repos.xet.tokens import issue_token

from .building import noise
from .conftest import upload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_store(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def file(repo: Repository, ada: User) -> XetFile:
    return upload([noise(1, 70_000)], repo, ada)


def may_read(repo: Repository, user: User, file: XetFile, scope: str) -> bool:
    access = authorize(str(issue_token(repository=repo, user=user, scope=scope)), write=False)
    known = files_known_to(access).filter(pk=file.pk).exists()
    try:
        get_file_for_read(access, file.hash)
    except ContentNotFound:
        # Neither the file nor that it is known.
        assert not known
        return False
    return True


def put(repo: Repository, user: User, file: XetFile, branch: str = "main") -> None:
    create_commit(
        repo=repo,
        actor=user,
        operations=[PutBlob("weights.bin", file.sha256)],
        title="Add weights",
        ref_name=f"refs/heads/{branch}",
    )


def _delete_the_branch(repo: Repository, ada: User, file: XetFile) -> None:
    create_branch(repo=repo, actor=ada, name="side")
    put(repo, ada, file, "side")
    assert may_read(repo, ada, file, "read")
    delete_branch(repo=repo, actor=ada, name="side")


def _squash(repo: Repository, ada: User, file: XetFile) -> None:
    put(repo, ada, file)
    other = upload([noise(2, 70_000)], repo, ada)
    put(repo, ada, other)
    squash_branch(repo=repo, actor=ada, branch="main")
    assert may_read(repo, ada, other, "read")


def _delete_the_content(repo: Repository, ada: User, file: XetFile) -> None:
    put(repo, ada, file)
    delete_large_files(repo=repo, actor=ada, sha256s=[file.sha256], rewrite_history=False)


def _rewrite(repo: Repository, ada: User, file: XetFile) -> None:
    put(repo, ada, file)
    delete_large_files(repo=repo, actor=ada, sha256s=[file.sha256], rewrite_history=True)


@pytest.mark.parametrize("forget", [_delete_the_branch, _squash, _delete_the_content, _rewrite])
def test_nobody_reads_what_was_forgotten(
    repo: Repository, ada: User, eve: User, file: XetFile, forget: Callable[[Repository, User, XetFile], None]
) -> None:
    forget(repo, ada, file)
    assert not may_read(repo, eve, file, "read")
    assert not may_read(repo, ada, file, "read")
    # Not even its maker, who may upload it again.
    assert not may_read(repo, ada, file, "write")
    again = upload([noise(1, 70_000)], repo, ada)
    assert may_read(repo, ada, again, "write")
    assert not may_read(repo, eve, again, "read")


def test_what_was_uploaded_and_not_committed_is_its_makers_for_a_while(
    repo: Repository, ada: User, eve: User, file: XetFile
) -> None:
    assert may_read(repo, ada, file, "write")
    assert not may_read(repo, ada, file, "read")
    assert not may_read(repo, eve, file, "write")
    claim = BlobClaim.objects.get(repository=repo, blob=file.sha256)
    BlobClaim.objects.update(created_at=claim.created_at - CLAIM_LIFE)
    assert not may_read(repo, ada, file, "write")


def test_chunks_of_forgotten_content_are_not_offered(repo: Repository, ada: User, eve: User, file: XetFile) -> None:
    first = DedupChunk.objects.filter(xorb=file.terms[0][0]).first()
    assert first is not None
    put(repo, ada, file)
    reader = authorize(str(issue_token(repository=repo, user=eve, scope="write")), write=True)
    assert answer_dedup(access=reader, chunk_hash=first.hash) is not None
    delete_large_files(repo=repo, actor=ada, sha256s=[file.sha256], rewrite_history=False)
    assert answer_dedup(access=reader, chunk_hash=first.hash) is None
