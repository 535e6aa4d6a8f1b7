"""Copies: what they hold, what they leave behind, and what they do not open."""

import pytest
from django.contrib.auth.models import AnonymousUser

from hub.core.models import AuditEvent
from hub.repos import cards, duplicating
from hub.repos.content import read_content
from hub.repos.duplicating import duplicate_repo, with_origin
from hub.repos.errors import RepoExists, RevisionNotFound
from hub.repos.git.commits import write_commit
from hub.repos.git.files import find_file, list_files, read_file, resolve_revision
from hub.repos.git.history import history
from hub.repos.git.objects import ObjectWriter
from hub.repos.models import Gate, GitCommit, GitObject, GitPath, GitRef, RefUpdate, RepoBlob, Repository
from hub.repos.permissions import get_repo_for_content
from hub.repos.releases import create_release
from hub.repos.services import create_branch, create_ref, delete_repo, move_repo
from hub.repos.short_names import give_short_name
from tests.factories import make_repo, make_user
from tests.web.repos import commit_files, owner

pytestmark = pytest.mark.django_db
LARGE = b"\x00weights" * 1000


def copy_of(source: Repository, **how: object) -> Repository:
    actor = make_user()
    given = {"name": "copy", **how}
    return duplicate_repo(source=source, actor=actor, namespace=actor.namespace, **given)  # type: ignore[arg-type]


def test_a_copy_has_the_branches_tags_files_and_history() -> None:
    source = make_repo()
    commit_files(source, {"README.md": "---\nlicense: mit\n---\n# It\n", "a/b.txt": "one"})
    create_release(repo=source, actor=owner(source), tag="v1", notes="First")
    commit_files(source, {"a/b.txt": "two", "model.bin": LARGE})
    create_branch(repo=source, actor=owner(source), name="side/one", start="v1")
    copy = copy_of(source)
    names = set(GitRef.objects.filter(repository=copy).values_list("name", flat=True))
    assert names == {"refs/heads/main", "refs/heads/side/one", "refs/tags/v1"}
    head = resolve_revision(copy, "main")
    files = {file.path: file for file in list_files(copy, head)}
    assert files.keys() == {".gitattributes", "README.md", "a/b.txt", "model.bin"}
    assert read_content(copy, files["a/b.txt"]) == b"two"
    assert read_content(copy, files["model.bin"]) == LARGE
    assert files["a/b.txt"].last_commit == resolve_revision(source, "main").oid
    assert read_content(copy, find_file(copy, resolve_revision(copy, "side/one"), "a/b.txt")) == b"one"
    card = cards.parse(read_file(copy, files["README.md"]).decode())
    assert card.metadata == {"license": "mit", "duplicated_from": source.full_name}
    assert [c.title for c in history(copy, head)][1:] == [
        c.title for c in history(source, resolve_revision(source, "main"))
    ]
    assert copy.releases.count() == 0
    assert RefUpdate.objects.filter(repository=copy, old=None).count() == 3
    assert AuditEvent.objects.filter(verb="repo.duplicate", data__source=source.full_name).exists()
    # Nothing is shared but the bytes of large content.
    delete_repo(repo=source, actor=owner(source))
    assert read_content(copy, files["model.bin"]) == LARGE


def test_what_only_a_pull_request_or_nothing_reaches_stays_behind() -> None:
    source = make_repo()
    base = commit_files(source, {"keep.bin": LARGE})
    writer = ObjectWriter(source.store_id)
    proposal = write_commit(
        repo=source, writer=writer, tree=base.tree, parents=[base], actor=owner(source), title="Propose"
    )
    create_ref(source, owner(source), "refs/pr/1", proposal.oid)
    copy = copy_of(source)
    with pytest.raises(RevisionNotFound):
        resolve_revision(copy, proposal.oid)
    assert not GitObject.objects.filter(store=copy.store_id, oid=proposal.oid).exists()
    assert RepoBlob.objects.filter(repository=copy).count() == 1


def test_a_copy_is_as_open_as_its_source_unless_said() -> None:
    actor = make_user()
    private = make_repo(actor, visibility="private")
    same = duplicate_repo(source=private, actor=actor, namespace=actor.namespace, name="same")
    public = duplicate_repo(source=private, actor=actor, namespace=actor.namespace, name="open", visibility="public")
    assert (same.visibility, public.visibility) == ("private", "public")
    # What everybody reads does not name what only members know of.
    assert not GitPath.objects.filter(repository=public, path="README.md").exists()
    assert GitPath.objects.filter(repository=same, path="README.md").exists()


def test_a_gate_is_copied() -> None:
    source = make_repo()
    Repository.objects.filter(pk=source.pk).update(gate=Gate.MANUAL)
    source.refresh_from_db()
    copy = copy_of(source)
    assert copy.gate == Gate.MANUAL
    with pytest.raises(Exception, match="lets in"):
        get_repo_for_content(AnonymousUser(), "model", *copy.full_name.split("/"))


def test_a_copy_takes_no_name_that_leads_elsewhere() -> None:
    actor = make_user()
    source, moved = make_repo(), make_repo(actor, name="old")
    move_repo(repo=moved, actor=actor, namespace=actor.namespace, name="newer")
    give_short_name(repo=moved, actor=None, name="short")
    for name in ("old", "NEWER"):
        with pytest.raises(RepoExists):
            duplicate_repo(source=source, actor=actor, namespace=actor.namespace, name=name)
    assert not GitCommit.objects.filter(store__repositories=None).exists()


def test_a_copy_that_is_too_large_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicating, "MAX_OBJECTS", 3)
    source = make_repo()
    commit_files(source, {f"{n}.txt": str(n) for n in range(9)})
    with pytest.raises(duplicating.TooLarge):
        copy_of(source)
    assert not Repository.objects.filter(name="copy").exists()


@pytest.mark.parametrize(
    ("card", "named"),
    [
        ("", "---\nduplicated_from: a/b\n---\n"),
        ("# Only text\n", "---\nduplicated_from: a/b\n---\n\n# Only text\n"),
        ("---\nlicense: mit # kept\n---\n# T", "---\nlicense: mit # kept\nduplicated_from: a/b\n---\n# T"),
        ("---\r\nlicense: mit\r\n---\r\n# T", "---\r\nlicense: mit\r\nduplicated_from: a/b\n---\r\n# T"),
        ("---\nduplicated_from: x/y\ntags: [a]\n---\n", "---\ntags: [a]\nduplicated_from: a/b\n---\n"),
        ("---\nduplicated_from: >\n  x/\n  y\ntags: [a]\n---\n", "---\ntags: [a]\nduplicated_from: a/b\n---\n"),
        ("---\n---\nText\n---\nmore", "---\nduplicated_from: a/b\n---\nText\n---\nmore"),
        ("\n---\nlicense: [\n---\n", None),
        ("---\n{license: mit}\n---\n", None),
    ],
)
def test_the_card_names_the_source_and_keeps_the_rest(card: str, named: str | None) -> None:
    assert with_origin(card, "a/b") == named
