"""What tests put into repositories, and the large content that these then hold."""

import io

from hub.repos.git.commits import Operation, create_commit
from hub.repos.large_uploads import receive_whole
from hub.repos.models import GitCommit, RepoBlob, Repository


def sent(repo: Repository, content: bytes) -> str:
    """Store large content for the owner of a repository; return its sha256."""
    assert repo.created_by is not None
    return receive_whole(repo=repo, user=repo.created_by, stream=io.BytesIO(content), length=len(content)).sha256


def commit(repo: Repository, *operations: Operation, branch: str = "main") -> GitCommit:
    assert repo.created_by is not None
    return create_commit(
        repo=repo,
        actor=repo.created_by,
        operations=operations,
        title="Change",
        ref_name=f"refs/heads/{branch}",
    )


def held(repo: Repository) -> set[str]:
    return set(RepoBlob.objects.filter(repository=repo).values_list("blob_id", flat=True))
