"""Pull requests by the services: from commits and from branches, taken in whole or squashed, brought up to date; and what
becomes of all that when it happens at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.db import connection, transaction

from hub.accounts.models import User
from hub.community.discussions.merging import Method, merge_pull_request, note_taken_in
from hub.community.discussions.pull_requests import (
    change_base,
    commit_as_pull_request,
    open_from_branch,
    open_pull_request,
)
from hub.community.discussions.services import set_status
from hub.community.discussions.standing import standing_of
from hub.community.discussions.updating import update_from_base
from hub.community.errors import (
    Blocked,
    HeadMoved,
    MergeConflict,
    NothingChanged,
    NotYourDiscussion,
    PullRequestClosed,
    PullRequestExists,
)
from hub.community.models import Activity, ActivityKind, Block, Discussion, PullRequest, Status
from hub.community.permissions import get_pull_request_for_push
from hub.core.errors import HubError
from hub.core.models import AuditEvent
from hub.repos.branch_rules import add_branch_rule
from hub.repos.errors import RefProtected, RevisionNotFound
from hub.repos.git.commits import Delete, Stage, create_commit, move_ref
from hub.repos.git.files import find_entries, list_files, resolve_revision
from hub.repos.git.history import changes, history, join_renames
from hub.repos.models import GitCommit, GitPath, GitRef, Repository
from hub.repos.models.git import BRANCH_PREFIX, MAIN
from hub.repos.services import create_branch, delete_branch
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def repo(db: None) -> Repository:
    made = make_repo()
    put(made, "base.txt", "base")
    return made


@pytest.fixture
def author(db: None) -> User:
    return make_user()


def owner(repo: Repository) -> User:
    assert repo.created_by is not None
    return repo.created_by


def put(repo: Repository, path: str, text: str | None, ref: str = MAIN, by: User | None = None) -> GitCommit:
    """Commit one file, or its deletion."""
    stage = Stage(repo)
    operation = Delete(path) if text is None else stage.file(path, text.encode())
    stage.finish()
    return create_commit(repo=repo, actor=by or owner(repo), operations=[operation], title=f"Put {path}", ref_name=ref)


def propose(
    repo: Repository, by: User, path: str = "new.txt", text: str = "new", *, draft: bool = False
) -> PullRequest:
    stage = Stage(repo)
    operation = stage.file(path, text.encode())
    stage.finish()
    title = f"Add {path}"
    return commit_as_pull_request(repo=repo, actor=by, operations=[operation], title=title, draft=draft)[0]


def branch(repo: Repository, name: str = "side", path: str = "side.txt") -> str:
    create_branch(repo=repo, actor=owner(repo), name=name, start="main")
    put(repo, path, "1", BRANCH_PREFIX + name)
    return BRANCH_PREFIX + name


def head(repo: Repository, name: str = "main") -> GitCommit:
    return resolve_revision(repo, name)


def files(repo: Repository, name: str = "main") -> set[str]:
    return {file.path for file in list_files(repo, head(repo, name))} - {".gitattributes"}


def told(pull: PullRequest) -> list[tuple[str, str]]:
    rows = pull.discussion.events.order_by("pk")
    return [(e.kind, e.text if e.kind == "commit" else e.after) for e in rows if not e.is_opening]


# --- taking in ---------------------------------------------------------------------------------------------------


def test_a_squash_is_one_commit_with_the_words_that_were_given(repo: Repository, author: User) -> None:
    pull = propose(repo, author)
    put(repo, "second.txt", "2", pull.ref, author)
    put(repo, "elsewhere.txt", "3")
    before = head(repo)
    done = merge_pull_request(pull=pull, actor=owner(repo), title="In my words", message="And why")
    assert (done.parents, done.title, done.description) == ([before.oid], "In my words", "And why")
    assert files(repo) == {"base.txt", "new.txt", "second.txt", "elsewhere.txt"}
    assert pull.discussion.events.filter(kind="status-change", after="merged").count() == 1
    activity = Activity.objects.get(kind=ActivityKind.STATUS)
    assert (activity.actor, activity.event and activity.event.after) == (owner(repo), "merged")
    assert AuditEvent.objects.get(verb="pull_request.merge").data["method"] == "squash"


def test_what_git_has_taken_in_is_merged(repo: Repository, author: User) -> None:
    pull, empty = propose(repo, author), open_pull_request(repo=repo, actor=author, title="Nothing yet")
    other = propose(repo, author, "other.txt")
    before = head(repo)
    assert note_taken_in(repo=repo, base=MAIN, old=before.oid, actor=owner(repo)) == []
    with transaction.atomic():
        ref = GitRef.objects.select_for_update().get(repository=repo, name=MAIN)
        move_ref(repo=repo, ref=ref, new=head(repo, pull.ref).oid, actor=owner(repo))
    assert note_taken_in(repo=repo, base=MAIN, old=before.oid, actor=owner(repo)) == [pull.discussion.number]
    assert note_taken_in(repo=repo, base=MAIN, old=before.oid, actor=owner(repo)) == []
    states = dict(Discussion.objects.values_list("number", "status"))
    assert [states[p.discussion.number] for p in (pull, empty, other)] == [Status.MERGED, Status.OPEN, Status.OPEN]
    pull.refresh_from_db()
    assert (pull.start, pull.merge) == (before.oid, head(repo).oid)
    assert [change.path for change in standing_of(pull).changes] == ["new.txt"]
    with pytest.raises(PullRequestClosed):
        merge_pull_request(pull=pull, actor=owner(repo))


def test_a_pull_request_that_is_given_the_branchs_own_commits_is_merged_by_nobody(
    repo: Repository, author: User
) -> None:
    first = head(repo)
    put(repo, "second.txt", "2")
    before = head(repo)
    pull = open_pull_request(repo=repo, actor=author, title="Make me an administrator", start=first.oid)
    with transaction.atomic():
        ref = GitRef.objects.select_for_update().get(repository=repo, name=pull.ref)
        move_ref(repo=repo, ref=ref, new=before.oid, actor=author)
    put(repo, "third.txt", "3")
    assert note_taken_in(repo=repo, base=MAIN, old=before.oid, actor=owner(repo)) == []
    assert not AuditEvent.objects.filter(verb="pull_request.merge").exists()


def test_a_merge_keeps_every_commit_and_joins_the_lines(repo: Repository, author: User) -> None:
    pull = propose(repo, author)
    put(repo, "second.txt", "2", pull.ref, author)
    put(repo, "elsewhere.txt", "3")
    before, side = head(repo), head(repo, pull.ref)
    done = merge_pull_request(pull=pull, actor=owner(repo), method=Method.MERGE)
    assert done.parents == [before.oid, side.oid]
    assert done.title == f"Merge #1: {pull.discussion.title}"
    assert {c.title for c in history(repo, done)} >= {"Add new.txt", "Put second.txt", "Put elsewhere.txt"}
    assert files(repo) == {"base.txt", "new.txt", "second.txt", "elsewhere.txt"}
    # The listing of main says the same as the trees.
    assert set(GitPath.objects.filter(repository=repo).values_list("path", flat=True)) - {".gitattributes"} == files(
        repo
    )
    standing = standing_of(PullRequest.objects.select_related("discussion__repository").get(pk=pull.pk))
    assert [c.path for c in standing.changes] == ["new.txt", "second.txt"]
    assert (len(standing.commits), standing.behind) == (2, 0)


def test_what_was_not_looked_at_is_not_merged(repo: Repository, author: User) -> None:
    pull = propose(repo, author)
    seen = head(repo, pull.ref).oid
    put(repo, "smuggled.txt", "x", pull.ref, author)
    with pytest.raises(HeadMoved):
        merge_pull_request(pull=pull, actor=owner(repo), expected=seen)
    assert files(repo) == {"base.txt"}
    merge_pull_request(pull=pull, actor=owner(repo), expected=head(repo, pull.ref).oid)


@pytest.mark.parametrize("method", Method.values)
def test_what_is_no_longer_open_or_conflicts_is_not_merged(repo: Repository, author: User, method: str) -> None:
    def merge(pull: PullRequest) -> GitCommit:
        return merge_pull_request(pull=pull, actor=owner(repo), method=method)

    draft = propose(repo, author, draft=True)
    with pytest.raises(PullRequestClosed, match="draft"):
        merge(draft)
    closed = propose(repo, author)
    set_status(discussion=closed.discussion, actor=author, status="closed")
    with pytest.raises(PullRequestClosed):
        merge(closed)
    clash = propose(repo, author, "base.txt", "theirs")
    put(repo, "base.txt", "ours")
    with pytest.raises(MergeConflict, match=r"base\.txt"):
        merge(clash)
    empty = open_pull_request(repo=repo, actor=author, title="Nothing")
    with pytest.raises(NothingChanged):
        merge(empty)
    pull = propose(repo, author, "fine.txt")
    merge(pull)
    with pytest.raises(PullRequestClosed):
        merge(pull)


def test_a_protected_branch_takes_nothing_from_writers() -> None:
    admin, writer = make_user(), make_user()
    repo = make_repo(admin, organization=make_organization(admin, write=writer))
    put(repo, "base.txt", "1")
    pull = propose(repo, writer)
    add_branch_rule(repo=repo, actor=admin, pattern="main", admins_only=True)
    with pytest.raises(RefProtected):
        merge_pull_request(pull=pull, actor=writer)
    merge_pull_request(pull=pull, actor=admin)


# --- up to date --------------------------------------------------------------------------------------------------


def test_a_pull_request_is_brought_up_to_date(repo: Repository, author: User) -> None:
    pull = propose(repo, author)
    with pytest.raises(NothingChanged):
        update_from_base(pull=pull, actor=author)
    put(repo, "later.txt", "1")
    side, target = head(repo, pull.ref), head(repo)
    assert standing_of(pull).behind == 1
    done = update_from_base(pull=pull, actor=author, expected=side.oid)
    assert done.parents == [side.oid, target.oid]
    assert files(repo, pull.ref) == {"base.txt", "new.txt", "later.txt"}
    standing = standing_of(pull)
    assert ([c.path for c in standing.changes], standing.behind) == (["new.txt"], 0)
    # What the branch has is no news of the pull request.
    assert told(pull) == [("commit", "Add new.txt"), ("commit", done.title)]
    assert merge_pull_request(pull=pull, actor=owner(repo)).parents == [target.oid]


def test_conflicts_are_named_and_settled_file_by_file(repo: Repository, author: User) -> None:
    for path in ("mine", "yours", "gone", "free"):
        put(repo, path, "1")
    pull = propose(repo, author, "mine", "theirs")
    put(repo, "yours", "theirs", pull.ref, author)
    put(repo, "gone", "theirs", pull.ref, author)
    for path, text in (("mine", "ours"), ("yours", "ours"), ("gone", None), ("free", "ours")):
        put(repo, path, text)
    found = standing_of(pull).conflicts
    assert [(c.path, c.own, c.base, c.decidable) for c in found] == [
        ("gone", True, False, True),
        ("mine", True, True, True),
        ("yours", True, True, True),
    ]
    with pytest.raises(MergeConflict, match="yours"):
        update_from_base(pull=pull, actor=author, keep={"mine": "own", "gone": "base", "yours": "neither"})
    done = update_from_base(pull=pull, actor=author, keep={"mine": "own", "gone": "base", "yours": "base"})
    at = find_entries(repo, done, ["mine", "yours", "gone", "free"])
    assert at["yours"] == find_entries(repo, head(repo), ["yours"])["yours"]
    assert at["mine"] != find_entries(repo, head(repo), ["mine"])["mine"]
    assert "gone" not in at
    assert not standing_of(pull).conflicts
    merge_pull_request(pull=pull, actor=owner(repo), method=Method.MERGE)


def test_a_file_in_the_way_of_a_folder_is_left_to_people(repo: Repository, author: User) -> None:
    pull = propose(repo, author, "docs/a.md", "1")
    put(repo, "docs", "a file")
    assert [(c.path, c.decidable) for c in standing_of(pull).conflicts] == [("docs/a.md", False)]
    with pytest.raises(MergeConflict):
        update_from_base(pull=pull, actor=author, keep={"docs/a.md": "own"})


# --- branches ----------------------------------------------------------------------------------------------------


def test_a_branch_is_proposed_and_followed(repo: Repository, author: User) -> None:
    source = branch(repo)
    pull = open_from_branch(repo=repo, actor=author, source=source, title="The side")
    assert told(pull) == [("commit", "Put side.txt")]
    with pytest.raises(PullRequestExists, match="#1"):
        open_from_branch(repo=repo, actor=owner(repo), source=source, title="Again")
    assert Discussion.objects.filter(repository=repo).count() == 1
    put(repo, "more.txt", "2", source)
    assert head(repo, pull.ref) == head(repo, source)
    assert told(pull)[1:] == [("commit", "Put more.txt")]
    # Whoever may write brings both up to date; the author alone, only the pull request, which is on its own from then on.
    put(repo, "later.txt", "1")
    update_from_base(pull=pull, actor=owner(repo))
    assert head(repo, pull.ref) == head(repo, source)
    put(repo, "latest.txt", "1")
    update_from_base(pull=pull, actor=author)
    own = head(repo, pull.ref)
    put(repo, "apart.txt", "1", source)
    assert head(repo, pull.ref) == own
    merge_pull_request(pull=pull, actor=owner(repo))
    put(repo, "after.txt", "1", source)
    assert head(repo, pull.ref) == own


def test_a_branch_with_nothing_of_its_own_is_not_proposed(repo: Repository, author: User) -> None:
    create_branch(repo=repo, actor=owner(repo), name="same", start="main")
    with pytest.raises(NothingChanged):
        open_from_branch(repo=repo, actor=author, source=BRANCH_PREFIX + "same", title="t")
    with pytest.raises(RevisionNotFound):
        open_from_branch(repo=repo, actor=author, source=BRANCH_PREFIX + "absent", title="t")
    with pytest.raises(NothingChanged):
        propose(repo, author, "base.txt", "base")
    assert not Discussion.objects.filter(repository=repo).exists()


def test_a_deleted_branch_leaves_its_pull_request(repo: Repository, author: User) -> None:
    source = branch(repo)
    pull = open_from_branch(repo=repo, actor=author, source=source, title="t")
    delete_branch(repo=repo, actor=owner(repo), name="side")
    merge_pull_request(pull=pull, actor=owner(repo), method=Method.MERGE)
    assert "side.txt" in files(repo)


def test_a_pull_request_turns_to_another_branch(repo: Repository, author: User) -> None:
    create_branch(repo=repo, actor=owner(repo), name="next", start="main")
    pull = propose(repo, author)
    with pytest.raises(NotYourDiscussion):
        change_base(pull=pull, actor=make_user(), base=BRANCH_PREFIX + "next")
    stale = PullRequest.objects.select_related("discussion__repository").get(pk=pull.pk)
    change_base(pull=pull, actor=author, base=BRANCH_PREFIX + "next")
    assert told(pull)[-1] == ("base-change", "next")
    # Who merges has looked at the other branch.
    with pytest.raises(HeadMoved):
        merge_pull_request(pull=stale, actor=owner(repo))
    assert files(repo) == {"base.txt"}
    merge_pull_request(pull=PullRequest.objects.get(pk=pull.pk), actor=owner(repo))
    assert (files(repo), "new.txt" in files(repo, "next")) == ({"base.txt"}, True)


# --- who hears of it, and who may not ----------------------------------------------------------------------------


def test_a_draft_is_told_when_it_is_published(repo: Repository, author: User) -> None:
    pull = propose(repo, author, draft=True)
    assert not Activity.objects.filter(discussion=pull.discussion).exists()
    set_status(discussion=pull.discussion, actor=author, status="open")
    assert [a.kind for a in Activity.objects.filter(discussion=pull.discussion)] == [ActivityKind.PULL_REQUEST]
    other = propose(repo, author, "other.txt")
    activity = Activity.objects.get(discussion=other.discussion)
    assert (activity.kind, activity.event and activity.event.is_opening) == (ActivityKind.PULL_REQUEST, True)


def test_whom_the_owner_blocked_proposes_nothing(repo: Repository, author: User) -> None:
    pull = propose(repo, author)
    Block.objects.create(blocker=owner(repo), blocked=author)
    with pytest.raises(Blocked):
        propose(repo, author, "more.txt")
    with pytest.raises(Blocked):
        get_pull_request_for_push(author, repo, pull.discussion.number)


def test_files_that_were_moved_are_joined(repo: Repository) -> None:
    before = put(repo, "old/name.txt", "same")
    put(repo, "old/name.txt", None)
    after = put(repo, "new/name.txt", "same")
    found = join_renames(changes(repo, before, after))
    assert [(c.path, c.source) for c in found] == [("new/name.txt", "old/name.txt")]


# --- at once -----------------------------------------------------------------------------------------------------


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do all of it at the same time; return what came of each, or why it was refused."""
    ready = threading.Barrier(len(acts))

    def act(what: Callable[[], object]) -> object:
        try:
            ready.wait(10)
            return what()
        except HubError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", Method.values)
def test_of_merges_at_once_one_wins(method: str) -> None:
    repo = make_repo()
    put(repo, "base.txt", "base")
    pull = propose(repo, make_user())
    before = head(repo)

    def merge() -> GitCommit:
        mine = PullRequest.objects.select_related("discussion__repository__namespace").get(pk=pull.pk)
        return merge_pull_request(pull=mine, actor=owner(repo), method=method)

    results = at_once(*[merge] * 6)
    won = [result for result in results if isinstance(result, GitCommit)]
    assert len(won) == 1
    assert all(isinstance(result, PullRequestClosed) for result in results if result not in won)
    assert head(repo).oid == won[0].oid
    assert head(repo).parents[0] == before.oid
    assert pull.discussion.events.filter(kind="status-change").count() == 1


@pytest.mark.django_db(transaction=True)
def test_pull_requests_merged_at_once_are_all_there_together_with_commits_to_the_branch() -> None:
    repo, author = make_repo(), make_user()
    put(repo, "base.txt", "base")
    pulls = [propose(repo, author, f"{number}.txt") for number in range(4)]

    def merge(pull: PullRequest) -> Callable[[], object]:
        def act() -> object:
            mine = PullRequest.objects.select_related("discussion__repository__namespace").get(pk=pull.pk)
            method = Method.MERGE if mine.discussion.number % 2 else Method.SQUASH
            return merge_pull_request(pull=mine, actor=owner(repo), method=method)

        return act

    acts = [merge(pull) for pull in pulls] + [lambda: put(repo, "pushed.txt", "p"), lambda: put(repo, "also.txt", "p")]
    results = at_once(*acts)
    assert all(isinstance(result, GitCommit) for result in results), results
    assert files(repo) == {"base.txt", "0.txt", "1.txt", "2.txt", "3.txt", "pushed.txt", "also.txt"}
    line = {commit.oid for commit in history(repo, head(repo))}
    assert line >= {result.oid for result in results if isinstance(result, GitCommit)}


@pytest.mark.django_db(transaction=True)
def test_a_commit_that_races_a_merge_is_in_it_or_refused() -> None:
    repo, author = make_repo(), make_user()
    put(repo, "base.txt", "base")
    for number in range(3):
        pull = propose(repo, author, f"{number}/a.txt")
        path = f"{number}/late.txt"

        def merge(pull: PullRequest = pull) -> object:
            mine = PullRequest.objects.select_related("discussion__repository__namespace").get(pk=pull.pk)
            return merge_pull_request(pull=mine, actor=owner(repo))

        def late(pull: PullRequest = pull, path: str = path) -> object:
            return put(repo, path, "late", pull.ref, author)

        merged, added = at_once(merge, late)
        assert isinstance(merged, GitCommit)
        assert isinstance(added, GitCommit) == (path in files(repo))
        assert isinstance(added, (GitCommit, PullRequestClosed))
        pull.discussion.refresh_from_db()
        assert pull.discussion.status == Status.MERGED
