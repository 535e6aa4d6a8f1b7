"""History without certain large files: what changes, and what must not."""

import subprocess
from pathlib import Path

import pytest
from django.db import transaction

from hub.community.discussions.pull_requests import commit_as_pull_request
from hub.community.models import DiscussionEvent, EventKind
from hub.repos.errors import RefProtected, RevisionNotFound
from hub.repos.git.commits import PutBlob, Stage
from hub.repos.git.files import list_files, resolve_revision
from hub.repos.git.history import history
from hub.repos.git.locks import lock_history
from hub.repos.git.objects import ObjectWriter, read_object
from hub.repos.git.reachable import objects_of
from hub.repos.git.rewriting import rewrite_without
from hub.repos.large_files import delete_large_files
from hub.repos.models import BranchRule, GitCommit, GitObject, GitPath, GitRef, Release, RepoBlob, Repository
from hub.repos.models.git import ObjectType
from hub.repos.releases import create_release
from hub.repos.services import create_branch
from tests.factories import make_repo
from tests.repos.filling import commit, held, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo() -> Repository:
    return make_repo()


def put(repo: Repository, path: str, content: bytes) -> GitCommit:
    stage = Stage(repo)
    operation = stage.file(path, content)
    stage.finish()
    return commit(repo, operation)


def paths(repo: Repository, revision: str) -> dict[str, str]:
    """Path -> object of all files, read from the trees."""
    found = resolve_revision(repo, revision)
    return {file.path: file.oid for file in list_files(repo, found)}


def test_every_commit_is_written_again_without_the_file(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    secret, kept = sent(repo, b"secret"), sent(repo, b"kept")
    before = put(repo, "README.md", b"# Before")
    first = commit(repo, PutBlob("deep/er/secret.bin", secret), PutBlob("kept.bin", kept))
    put(repo, "README.md", b"# Between")
    last = commit(repo, PutBlob("copy.bin", secret), PutBlob("deep/kept.bin", kept))
    was = paths(repo, "main")
    assert delete_large_files(repo=repo, actor=owner, sha256s=[secret], rewrite_history=True) == 1
    now = paths(repo, "main")
    assert now == {path: oid for path, oid in was.items() if path not in ("deep/er/secret.bin", "copy.bin")}
    line = list(history(repo, resolve_revision(repo, "main")))
    assert [c.title for c in line] == ["Change", "Change", "Change", "Change", "Start the repository"]
    # What came before is the very same; what comes after is not there under its old name.
    assert line[3].oid == before.oid
    for gone in (first, last):
        with pytest.raises(RevisionNotFound):
            resolve_revision(repo, gone.oid)
    assert (line[2].author_name, line[2].committed_at) == (first.author_name, first.committed_at)
    assert held(repo) == {kept}
    # The listing of `main` names commits that are there.
    rows = GitPath.objects.filter(repository=repo)
    assert set(rows.values_list("path", flat=True)) == set(now)
    assert set(rows.values_list("last_commit", flat=True)) <= {c.oid for c in line}
    repo.refresh_from_db()
    assert repo.rewrites == 1


def test_git_finds_nothing_wrong_with_what_was_written(repo: Repository, tmp_path: Path) -> None:
    owner = repo.created_by
    assert owner is not None
    secret = sent(repo, b"secret")
    commit(repo, PutBlob("only/one/here.bin", secret))
    commit(repo, PutBlob("a-b/x.bin", secret), PutBlob("a/x.bin", sent(repo, b"other")))
    delete_large_files(repo=repo, actor=owner, sha256s=[secret], rewrite_history=True)
    names = [oid.hex() for batch in objects_of(repo) for oid in batch]
    subprocess.run(["git", "init", "-q", "--bare", tmp_path], check=True)
    kinds = {1: "commit", 2: "tree", 3: "blob"}
    for row in GitObject.objects.filter(store=repo.store, oid__in=names).order_by("-type"):
        content = read_object(repo.store_id, row.oid, ObjectType(row.type))
        command = ["git", "-C", str(tmp_path), "hash-object", "-w", "--stdin", "-t", kinds[row.type]]
        written = subprocess.run(command, input=content, capture_output=True, check=True)
        assert written.stdout.decode().strip() == row.oid
    head = resolve_revision(repo, "main").oid
    subprocess.run(["git", "-C", str(tmp_path), "update-ref", "refs/heads/main", head], check=True)
    done = subprocess.run(["git", "-C", str(tmp_path), "fsck", "--strict", "--full"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-tree", "-r", "--name-only", "main"], capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == [".gitattributes", "a/x.bin"]


def test_tags_releases_pull_requests_and_other_branches_follow(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    secret = sent(repo, b"secret")
    create_branch(repo=repo, actor=owner, name="clean")
    clean = resolve_revision(repo, "clean").oid
    tagged = commit(repo, PutBlob("weights.bin", secret))
    release = create_release(repo=repo, actor=owner, tag="v1", title="One")
    create_branch(repo=repo, actor=owner, name="side")
    commit(repo, PutBlob("more.bin", sent(repo, b"more")), branch="side")
    operations = [PutBlob("proposed.bin", sent(repo, b"proposed"))]
    pull, proposed = commit_as_pull_request(repo=repo, actor=owner, operations=operations, title="Take this")
    delete_large_files(repo=repo, actor=owner, sha256s=[secret], rewrite_history=True)
    release = Release.objects.get(pk=release.pk)
    assert release.commit == resolve_revision(repo, "v1").oid != tagged.oid
    assert list(paths(repo, "v1")) == [".gitattributes"]
    assert list(paths(repo, "side")) == [".gitattributes", "more.bin"]
    assert resolve_revision(repo, "clean").oid == clean
    pull.refresh_from_db()
    assert pull.start == resolve_revision(repo, "main").oid
    head = resolve_revision(repo, pull.ref)
    assert (head.title, head.oid == proposed.oid) == ("Take this", False)
    told = DiscussionEvent.objects.filter(discussion=pull.discussion, kind=EventKind.COMMIT)
    assert [event.after for event in told] == [head.oid]


def test_annotated_and_signed_things_are_written_again_unsigned(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    secret = sent(repo, b"secret")
    signed = commit(repo, PutBlob("weights.bin", secret))
    writer = ObjectWriter(repo.store_id)
    content = read_object(repo.store_id, signed.oid, ObjectType.COMMIT)
    content = content.replace(b"\nencoding", b"\ngpgsig -----BEGIN\n line\n -----END\nencoding", 1)
    assert b"gpgsig" in content
    oid = writer.add(ObjectType.COMMIT, content)
    inner = writer.add(
        ObjectType.TAG,
        b"object %s\ntype commit\ntag v1\ntagger a <a> 0 +0000\n\nOne\n-----BEGIN PGP SIGNATURE-----\nx\n"
        % oid.encode(),
    )
    outer = writer.add(ObjectType.TAG, b"object %s\ntype tag\ntag v2\ntagger a <a> 0 +0000\n\nTwo\n" % inner.encode())
    writer.flush()
    GitCommit.objects.filter(pk=signed.pk).update(oid=oid)
    GitRef.objects.filter(repository=repo).update(oid=oid)
    GitRef.objects.create(repository=repo, name="refs/tags/v2", oid=outer, peeled=oid)
    with transaction.atomic():
        lock_history(repo)
        names = rewrite_without(repo=repo, actor=owner, sha256s=[secret])
    tag = GitRef.objects.get(repository=repo, name="refs/tags/v2")
    assert tag.peeled == names[oid] == resolve_revision(repo, "main").oid
    text = read_object(repo.store_id, tag.oid, ObjectType.TAG)
    assert text.endswith(b"\n\nTwo\n")
    inner_text = read_object(repo.store_id, text[7:47].decode(), ObjectType.TAG)
    assert inner_text == b"object %s\ntype commit\ntag v1\ntagger a <a> 0 +0000\n\nOne\n" % names[oid].encode()
    new = read_object(repo.store_id, names[oid], ObjectType.COMMIT)
    assert b"gpgsig" not in new and b"\n line" not in new and b"\nencoding UTF-8\n\nChange" in new


def test_a_protected_branch_that_has_the_file_stands_against_it(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    secret = sent(repo, b"secret")
    create_branch(repo=repo, actor=owner, name="stable")
    create_branch(repo=repo, actor=owner, name="side")
    commit(repo, PutBlob("weights.bin", secret), branch="side")
    BranchRule.objects.create(repository=repo, pattern="stable")
    delete_large_files(repo=repo, actor=owner, sha256s=[secret], rewrite_history=True)
    again = sent(repo, b"secret")
    BranchRule.objects.all().delete()
    commit(repo, PutBlob("weights.bin", again), branch="stable")
    BranchRule.objects.create(repository=repo, pattern="stable")
    head = resolve_revision(repo, "stable").oid
    with pytest.raises(RefProtected):
        delete_large_files(repo=repo, actor=owner, sha256s=[secret], rewrite_history=True)
    assert resolve_revision(repo, "stable").oid == head
    assert RepoBlob.objects.filter(repository=repo, blob=secret).exists()


def test_what_nobody_committed_changes_nothing(repo: Repository) -> None:
    owner = repo.created_by
    assert owner is not None
    head = resolve_revision(repo, "main").oid
    assert delete_large_files(repo=repo, actor=owner, sha256s=["ab" * 32], rewrite_history=True) == 0
    assert resolve_revision(repo, "main").oid == head
    repo.refresh_from_db()
    assert repo.rewrites == 0
