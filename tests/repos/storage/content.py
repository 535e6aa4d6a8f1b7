"""Sending and committing content, whole and in chunks."""

import hashlib
import io
from collections.abc import Sequence

from hub.repos.git.commits import Delete, PutBlob, create_commit
from hub.repos.large_uploads import receive_whole
from hub.repos.models import Repository
from tests.repos.xet.building import noise
from tests.repos.xet.conftest import upload

__all__ = ["commit", "noise", "put", "remove", "send", "send_chunks"]


def send(repo: Repository, content: bytes) -> str:
    """Store large content whole for the owner of a repository; return its sha256."""
    assert repo.created_by is not None
    return receive_whole(repo=repo, user=repo.created_by, stream=io.BytesIO(content), length=len(content)).sha256


def send_chunks(repo: Repository, pieces: Sequence[bytes]) -> str:
    """Store large content in chunks, all in one xorb; return its sha256."""
    assert repo.created_by is not None
    upload(pieces, repo, repo.created_by)
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def commit(repo: Repository, **files: str) -> None:
    """Commit large content that was sent: path -> sha256."""
    assert repo.created_by is not None
    operations = [PutBlob(path, sha256) for path, sha256 in files.items()]
    create_commit(repo=repo, actor=repo.created_by, operations=operations, title="Put")


def put(repo: Repository, path: str, content: bytes) -> str:
    sha256 = send(repo, content)
    commit(repo, **{path: sha256})
    return sha256


def remove(repo: Repository, path: str) -> None:
    assert repo.created_by is not None
    create_commit(repo=repo, actor=repo.created_by, operations=[Delete(path)], title="Remove")
