"""What the tests of repository pages share: files through the services, and paths that arrive as servers send them."""

import io

from django.http import HttpResponse
from django.test import Client

from hub.accounts.models import User
from hub.core.rawpath import decode_path
from hub.repos.attributes import LargeFileRule
from hub.repos.git.commits import create_commit
from hub.repos.git.files import resolve_revision
from hub.repos.models import GitCommit, Repository
from hub.repos.uploads import receive_file


def commit_files(repo: Repository, files: dict[str, str | bytes], title: str = "Add files") -> GitCommit:
    """Commit `files` to main as the repository's maker."""
    actor = repo.created_by
    assert actor is not None
    rule = LargeFileRule.at(repo, resolve_revision(repo, "main"))
    operations = []
    for path, content in files.items():
        raw = content.encode() if isinstance(content, str) else content
        operations.append(
            receive_file(repo=repo, user=actor, path=path, stream=io.BytesIO(raw), length=len(raw), rule=rule)
        )
    return create_commit(repo=repo, actor=actor, operations=operations, title=title)


def get(client: Client, address: str) -> HttpResponse:
    """Fetch an address; `%2F` and `%25` in it reach the views as they do behind the raw-path wrapper."""
    path, _mark, query = address.partition("?")
    response: HttpResponse = client.get("/", PATH_INFO=decode_path(path), QUERY_STRING=query)  # type: ignore[assignment]
    return response


def text_of(client: Client, address: str) -> str:
    """Fetch a page that must be there; returns its HTML."""
    response = get(client, address)
    assert response.status_code == 200, f"{address}: {response.status_code}"
    return response.content.decode()


def owner(repo: Repository) -> User:
    assert repo.created_by is not None
    return repo.created_by
