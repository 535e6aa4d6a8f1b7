"""The caches that fetches are served from: in step with the refs, nothing in them that no ref reaches."""

import subprocess
from pathlib import Path

import pytest

from hub.repos.git.cache import open_cache
from hub.repos.git.commits import Delete, Stage, create_commit
from hub.repos.models import GitCommit, Repository
from tests.factories import make_repo

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, settings) -> None:
    settings.DATA_DIR = tmp_path


def commit(repo: Repository, files: dict[str, bytes | None], **kwargs: object) -> GitCommit:
    stage = Stage(repo)
    operations = [stage.file(p, c) if c is not None else Delete(p) for p, c in files.items()]
    stage.finish()
    return create_commit(repo=repo, actor=repo.created_by, operations=operations, title="Change", **kwargs)  # type: ignore[arg-type]


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", f"--git-dir={folder}", *args], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_cache_follows_the_refs() -> None:
    repo = make_repo()
    for number in range(3):
        head = commit(repo, {"deep/er/file": b"%d" % number, "large": bytes(600_000) + b"%d" % number})
        with open_cache(repo) as cache:
            assert git(cache, "rev-parse", "main", "HEAD").split() == [head.oid, head.oid]
            assert git(cache, "show", "main:deep/er/file") == str(number)
            git(cache, "fsck", "--strict", "--no-dangling")
    assert git(cache, "rev-list", "--count", "main").strip() == "4"
