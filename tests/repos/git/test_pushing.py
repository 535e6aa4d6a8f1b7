"""Pushes: what becomes of them in the rows, and which refs may be moved how."""

import io
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from pytest_django import Settings

from hub.accounts.models import Role, User
from hub.accounts.organizations import add_member
from hub.repos.errors import BlobMissing
from hub.repos.git.errors import PackTooLarge
from hub.repos.git.files import list_files, resolve_revision
from hub.repos.git.history import history
from hub.repos.git.objects import format_pointer
from hub.repos.git.pushing import Command, Push
from hub.repos.models import BranchRule, GitCommit, GitObject, GitPath, GitRef, RefUpdate, Release, RepoBlob, Repository
from hub.repos.releases import create_release
from hub.repos.services import create_branch
from tests.factories import make_blob, make_organization, make_repo, make_user
from tests.repos.git.pushes import Objects, push

pytestmark = pytest.mark.django_db
MAIN = "refs/heads/main"


@pytest.fixture
def repo() -> Repository:
    return make_repo()


@pytest.fixture
def ada(repo: Repository) -> User:
    assert repo.created_by is not None
    return repo.created_by


def head_of(repo: Repository, name: str = MAIN) -> str:
    return GitRef.objects.get(repository=repo, name=name).oid


def push_commit(repo: Repository, files: dict[str, bytes], ref: str = MAIN, *, on: str | None = None) -> str:
    """Push one commit with just these files on top of a ref; return its id."""
    objects = Objects()
    old = head_of(repo, ref) if GitRef.objects.filter(repository=repo, name=ref).exists() else None
    parent = on or old or head_of(repo)
    new = objects.commit(objects.files(files), parent)
    assert repo.created_by is not None
    assert push(repo, repo.created_by, {ref: (old, new)}, objects.pack()) == {ref: ""}
    return new


def test_rows_tell_what_was_pushed(repo: Repository, ada: User) -> None:
    start = head_of(repo)
    objects = Objects()
    one = objects.commit(
        objects.files({"a": b"1", "d/b": b"1", "d/c": b"1"}), start, message="One\n\nAnd why.", at=1_000
    )
    two = objects.commit(objects.files({"a": b"1", "d/b": b"2", "d/c": b"1"}), one, message="Two", at=900)
    assert push(repo, ada, {MAIN: (start, two)}, objects.pack()) == {MAIN: ""}
    head = resolve_revision(repo, "main")
    assert [(c.title, c.description, c.generation) for c in history(repo, head)][:2] == [
        ("Two", "", 3),
        ("One", "And why.", 2),
    ]
    assert head.author is None
    assert (head.author_name, head.author_email) == ("Ada", "ada@elsewhere.example")
    listed = {
        row.path: (row.last_commit, row.last_at.timestamp(), row.size)
        for row in GitPath.objects.filter(repository=repo)
    }
    assert listed == {"a": (one, 1000, 1), "d/b": (two, 900, 1), "d/c": (one, 1000, 1)}
    update = RefUpdate.objects.filter(repository=repo).latest("pk")
    assert (update.name, update.old, update.new, update.actor) == (MAIN, start, two, ada)


def test_a_merge_keeps_the_commits_of_both_sides(repo: Repository, ada: User) -> None:
    start = push_commit(repo, {"a": b"1", "b": b"1"})
    objects = Objects()
    left = objects.commit(objects.files({"a": b"2", "b": b"1"}), start, message="left")
    right = objects.commit(objects.files({"a": b"1", "b": b"2"}), start, message="right")
    merge = objects.commit(objects.files({"a": b"2", "b": b"2", "c": b"3"}), left, right, message="merge")
    assert push(repo, ada, {MAIN: (start, merge)}, objects.pack()) == {MAIN: ""}
    rows = dict(GitPath.objects.filter(repository=repo).values_list("path", "last_commit"))
    assert rows == {"a": left, "b": right, "c": merge}


def test_authors_are_matched_where_nobody_learns_an_address(repo: Repository, ada: User) -> None:
    stranger = make_user()
    for user in (ada, stranger):
        EmailAddress.objects.update_or_create(user=user, email=f"{user}@work.example", defaults={"verified": True})
    objects = Objects()
    tip = head_of(repo)
    for email in (f"{ada}@work.example", f"{stranger}@users.noreply.grove", f"{stranger}@work.example"):
        tip = objects.commit(objects.files({}), tip, author=f"X <{email}>", message=email)
    push(repo, ada, {MAIN: (head_of(repo), tip)}, objects.pack())
    authors = [c.author for c in history(repo, resolve_revision(repo, "main"))][:3]
    assert authors == [None, stranger, ada]


def test_refs_that_are_refused_do_not_keep_others_back(repo: Repository, ada: User) -> None:
    start = head_of(repo)
    objects = Objects()
    new = objects.commit(objects.files({"a": b"1"}), start)
    moves = {
        "refs/heads/one": (None, new),
        "refs/heads/bad..name": (None, new),
        "refs/heads/one/inner": (None, new),
        "refs/foo/bar": (None, new),
        "refs/pr/1": (None, new),
        "refs/heads/gone": (new, None),
        "refs/heads/stale": ("1" * 40, new),
        MAIN: (start, None),
    }
    refused = push(repo, ada, moves, objects.pack())
    assert [name for name, why in refused.items() if not why] == ["refs/heads/one"]
    assert set(GitRef.objects.filter(repository=repo).values_list("name", flat=True)) == {MAIN, "refs/heads/one"}
    assert "cannot be deleted" in refused[MAIN]
    assert "moved meanwhile" in refused["refs/heads/stale"]


def test_an_atomic_push_is_all_or_nothing(repo: Repository, ada: User) -> None:
    objects = Objects()
    new = objects.commit(objects.files({"a": b"1"}), head_of(repo))
    moves = {"refs/heads/one": (None, new), "refs/foo/bar": (None, new)}
    assert all(push(repo, ada, moves, objects.pack(), atomic=True).values())
    assert GitRef.objects.filter(repository=repo).count() == 1
    assert not GitCommit.objects.filter(oid=new).exists()


def test_commits_of_refused_refs_leave_no_rows(repo: Repository, ada: User) -> None:
    objects = Objects()
    good = objects.commit(objects.files({"a": b"good"}), head_of(repo))
    bad = objects.commit(objects.files({"a": b"bad"}), head_of(repo))
    push(repo, ada, {"refs/heads/one": (None, good), "refs/heads/two": ("2" * 40, bad)}, objects.pack())
    assert GitCommit.objects.filter(oid=good).exists()
    assert not GitObject.objects.filter(store=repo.store_id, oid=bad).exists()


def test_a_forced_push_forgets_what_it_takes_away(repo: Repository, ada: User) -> None:
    start = head_of(repo)
    old = push_commit(repo, {"a": b"secret", "b": b"1"})
    objects = Objects()
    new = objects.commit(objects.files({"a": b"public", "b": b"1"}), start)
    assert push(repo, ada, {MAIN: (old, new)}, objects.pack()) == {MAIN: ""}
    assert not GitCommit.objects.filter(store=repo.store_id, oid=old).exists()
    repo.refresh_from_db()
    assert repo.rewrites == 1
    assert dict(GitPath.objects.filter(repository=repo).values_list("path", "last_commit")) == {"a": new, "b": new}
    # Back to an earlier commit, without any new one.
    assert push(repo, ada, {MAIN: (new, start)}) == {MAIN: ""}
    assert dict(GitPath.objects.filter(repository=repo).values_list("path", "last_commit")) == {".gitattributes": start}


def test_protected_branches_keep_their_history(repo: Repository, ada: User) -> None:
    start, old = head_of(repo), push_commit(repo, {"a": b"1"})
    create_branch(repo=repo, actor=ada, name="release")
    BranchRule.objects.create(repository=repo, pattern="release")
    BranchRule.objects.create(repository=repo, pattern="main")
    objects = Objects()
    aside = objects.commit(objects.files({"a": b"2"}), start)
    refused = push(repo, ada, {MAIN: (old, aside), "refs/heads/release": (old, None)}, objects.pack())
    assert all("protected" in why for why in refused.values())
    assert push_commit(repo, {"a": b"3"}) == head_of(repo)


def test_rights_that_end_while_a_push_comes_have_ended() -> None:
    owner, writer = make_user(), make_user()
    organization = make_organization(owner)
    membership = add_member(organization=organization, actor=owner, user=writer, role=Role.WRITE)
    repo = make_repo(owner, organization=organization)
    start = head_of(repo)
    objects = Objects()
    new = objects.commit(objects.files({"a": b"1"}), start)

    class Slow(io.BytesIO):
        def __init__(self, meanwhile: Callable[[], object]) -> None:
            super().__init__(objects.pack())
            self._meanwhile = meanwhile

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 0:
                self._meanwhile()
            return super().read(size)

    def push_slowly(meanwhile: Callable[[], object]) -> str:
        command = Command(MAIN, start, new)
        Push(repo, writer, True, lambda _number: False, [command]).carry_out(Slow(meanwhile))
        return command.refused.message if command.refused else ""

    rule = BranchRule(repository=repo, pattern="main", admins_only=True)
    assert "protected" in push_slowly(rule.save)
    rule.delete()
    assert "pull requests only" in push_slowly(membership.delete)
    assert head_of(repo) == start


def test_deleting_branches_and_tags(repo: Repository, ada: User) -> None:
    new = push_commit(repo, {"a": b"1"}, "refs/heads/dev")
    push(repo, ada, {"refs/tags/v1": (None, new)})
    create_release(repo=repo, actor=ada, tag="v1", notes="One")
    assert push(repo, ada, {"refs/heads/dev": (new, None)}) == {"refs/heads/dev": ""}
    assert GitCommit.objects.filter(oid=new).exists()
    assert push(repo, ada, {"refs/tags/v1": (new, None)}) == {"refs/tags/v1": ""}
    assert not GitCommit.objects.filter(oid=new).exists()
    assert not Release.objects.filter(repository=repo).exists()


def test_what_an_annotated_tag_says_is_a_release(repo: Repository, ada: User) -> None:
    start = head_of(repo)
    objects = Objects()
    tag = objects.tag("v1", start, "The first one.\n\nWith notes.")
    outer = objects.tag("outer", tag, kind="tag")
    moves = {"refs/tags/v1": (None, tag), "refs/tags/outer": (None, outer), "refs/heads/dev": (None, tag)}
    refused = push(repo, ada, moves, objects.pack())
    assert [name for name, why in refused.items() if why] == ["refs/heads/dev"]
    ref = GitRef.objects.get(repository=repo, name="refs/tags/v1")
    assert (ref.oid, ref.peeled) == (tag, start)
    assert GitRef.objects.get(repository=repo, name="refs/tags/outer").peeled == start
    release = Release.objects.get(repository=repo)
    assert (release.tag, release.commit, release.notes) == ("v1", start, "The first one.\n\nWith notes.")
    other = push_commit(repo, {"a": b"1"})
    assert "is released" in push(repo, ada, {"refs/tags/v1": (tag, other)})["refs/tags/v1"]


def test_pull_requests_take_commits_of_those_who_may(repo: Repository, ada: User) -> None:
    start, bob = head_of(repo), make_user()
    GitRef.objects.create(repository=repo, name="refs/pr/1", oid=start)
    objects = Objects()
    new = objects.commit(objects.files({"a": b"1"}), start)
    moves: dict[str, tuple[str | None, str | None]] = {
        "refs/pr/1": (start, new),
        "refs/pr/2": (start, new),
        "refs/pr/3": (None, new),
        MAIN: (start, new),
    }
    refused = push(repo, bob, moves, objects.pack(), writes=False, pulls=(1, 3))
    assert [name for name, why in refused.items() if not why] == ["refs/pr/1"]
    assert "takes commits" in refused["refs/pr/2"]
    assert push(repo, ada, {"refs/pr/1": (new, None)})["refs/pr/1"]


def test_pointers_name_content_that_the_pusher_has_sent(repo: Repository, ada: User) -> None:
    sha256 = "ab" * 32
    objects = Objects()
    new = objects.commit(objects.files({"model.bin": format_pointer(sha256, 5)}), head_of(repo))
    with pytest.raises(BlobMissing, match=r"model\.bin.*git lfs push"):
        push(repo, ada, {MAIN: (head_of(repo), new)}, objects.pack())
    assert not GitObject.objects.filter(oid=new).exists()
    make_blob(repo, ada, sha256, 5)
    assert push(repo, ada, {MAIN: (head_of(repo), new)}, objects.pack()) == {MAIN: ""}
    assert RepoBlob.objects.filter(repository=repo, blob=sha256).exists()
    assert [(f.path, f.size, f.sha256) for f in list_files(repo, resolve_revision(repo, "main"))] == [
        ("model.bin", 5, sha256)
    ]


def test_large_files_are_refused_with_the_way_out(repo: Repository, ada: User, settings: Settings) -> None:
    settings.MAX_REGULAR_FILE = 1000
    objects = Objects()
    new = objects.commit(objects.files({"d/big.bin": bytes(2000)}), head_of(repo))
    with pytest.raises(PackTooLarge, match=r"d/big\.bin.*git lfs migrate"):
        push(repo, ada, {MAIN: (head_of(repo), new)}, objects.pack())
    assert not GitObject.objects.filter(oid=new).exists()
