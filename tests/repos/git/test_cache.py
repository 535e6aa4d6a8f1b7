"""The caches that fetches are served from: in step with the refs, nothing in them that no ref reaches."""

import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from hub.repos.git.cache import open_cache
from hub.repos.git.commits import Delete, Stage, create_commit
from hub.repos.git.objects import object_id
from hub.repos.models import GitCommit, GitRef, Repository
from hub.repos.models.git import ObjectType
from hub.repos.releases import delete_tag
from hub.repos.services import create_branch, delete_branch
from tests.factories import make_repo
from tests.repos.git.pushes import Objects, push

pytestmark = pytest.mark.django_db


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


def test_it_holds_nothing_that_is_gone() -> None:
    repo = make_repo()
    assert repo.created_by is not None
    create_branch(repo=repo, actor=repo.created_by, name="dev")
    kept = commit(repo, {"kept": b"kept"})
    gone = commit(repo, {"gone": b"gone"}, ref_name="refs/heads/dev")
    with open_cache(repo) as cache:
        assert git(cache, "cat-file", "-t", gone.oid) == "commit\n"
    delete_branch(repo=repo, actor=repo.created_by, name="dev")
    with open_cache(repo) as cache:
        assert git(cache, "cat-file", "-t", kept.oid) == "commit\n"
        held = git(cache, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    assert gone.oid not in held
    assert gone.tree not in held
    assert object_id(ObjectType.BLOB, b"gone") not in held
    assert object_id(ObjectType.BLOB, b"kept") in held
    # What was staged for a commit that never came is in the rows, and in no cache.
    stage = Stage(repo)
    stage.file("loose", b"loose")
    stage.finish()
    shutil.rmtree(cache)
    with open_cache(repo) as cache:
        assert subprocess.run(
            ["git", f"--git-dir={cache}", "cat-file", "-e", object_id(ObjectType.BLOB, b"loose")]
        ).returncode


def test_tags_that_are_gone_are_not_held_either(scratch: Path) -> None:
    repo = make_repo()
    assert repo.created_by is not None
    head = GitRef.objects.get(repository=repo).oid
    objects = Objects()
    tag = objects.tag("v1", head, "Nothing to be seen later")
    push(repo, repo.created_by, {"refs/tags/v1": (None, tag)}, objects.pack())
    with open_cache(repo) as cache:
        assert git(cache, "rev-parse", "v1", "v1^{commit}").split() == [tag, head]
    # The commit stays, so no history was rewritten.
    delete_tag(repo=repo, actor=repo.created_by, name="v1")
    with open_cache(repo) as cache:
        assert tag not in git(cache, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")


def test_what_a_killed_process_leaves_behind_does_no_harm(scratch: Path) -> None:
    repo = make_repo()
    commit(repo, {"a": b"1"})
    with open_cache(repo) as cache:
        folder = cache.parent
    (folder / "tmp-half" / "objects").mkdir(parents=True)
    (cache / "objects" / "pack" / "tmp_pack_half").write_bytes(b"PACK")
    head = commit(repo, {"a": b"2"})
    with open_cache(repo) as cache:
        assert git(cache, "rev-parse", "main").strip() == head.oid
    assert not list(folder.glob("tmp-*"))
    # Damaged: made anew.
    for pack in cache.glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(b"PACK")
    head = commit(repo, {"a": b"3"})
    with open_cache(repo) as cache:
        assert git(cache, "show", "main:a") == "3"


def test_a_cache_that_is_read_is_not_deleted(scratch: Path, settings: Settings) -> None:
    repos = [make_repo(), make_repo()]
    settings.GIT_CACHE_BYTES = 0
    with open_cache(repos[0]) as first:
        (scratch / "git-cache" / "swept").unlink(missing_ok=True)
        with open_cache(repos[1]) as second:
            pass
        assert first.is_dir()
    assert second.is_dir(), "it was held when room was made"
    (scratch / "git-cache" / "swept").unlink()
    commit(repos[1], {"a": b"1"})
    with open_cache(repos[1]):
        pass
    assert not first.exists()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one(scratch: Path) -> None:
    repo = make_repo()
    heads = [commit(repo, {"a": b"%d" % n}).oid for n in range(3)]
    said: list[str] = []

    def read() -> None:
        try:
            with open_cache(repo) as cache:
                said.append(git(cache, "rev-parse", "main").strip())
        finally:
            connection.close()

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert said == [heads[-1]] * 6
    assert len(list(scratch.glob("git-cache/*/*.git"))) == 1
