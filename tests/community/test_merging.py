"""Pull requests by the services: from commits and from branches, taken in whole or squashed, brought up to date; and what
becomes of all that when it happens at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.db import connection, transaction

from hub.accounts.models import User
from hub.community.discussions import computing
from hub.community.discussions.conflicts import disputes_of
from hub.community.discussions.merging import Method, mark_merged, merge_pull_request, note_taken_in
from hub.community.discussions.pull_requests import (
    change_base,
    commit_as_pull_request,
    open_from_branch,
    open_pull_request,
)
from hub.community.discussions.services import post_comment, set_status
from hub.community.discussions.standing import standing_of
from hub.community.discussions.updating import update_from_base
from hub.community.errors import (
    Blocked,
    HeadMoved,
    MergeConflict,
    NothingChanged,
    NotTakenIn,
    NotYourDiscussion,
    PullRequestClosed,
    PullRequestExists,
)
from hub.community.feed import activity_of
from hub.community.models import Activity, ActivityKind, Block, Discussion, Notification, PullRequest, Status
from hub.community.notifications.mails import send_for
from hub.community.notifications.subscriptions import set_deliveries
from hub.community.notifications.telling import head_last_seen, mark_thread_read, tell
from hub.community.permissions import get_pull_request_for_push
from hub.core.errors import HubError, Invalid, TooMany
from hub.core.models import AuditEvent
from hub.repos.branch_rules import add_branch_rule
from hub.repos.errors import RefProtected, RevisionNotFound
from hub.repos.git.commits import Delete, Stage, create_commit, move_ref
from hub.repos.git.files import find_entries, find_file, list_files, read_file, resolve_revision
from hub.repos.git.history import changes, history, join_renames
from hub.repos.models import GitCommit, GitPath, GitRef, Repository
from hub.repos.models.git import BRANCH_PREFIX, MAIN
from hub.repos.services import create_branch, delete_branch
from tests.factories import make_organization, make_repo, make_user
from tests.waiting import SECONDS

pytestmark = pytest.mark.django_db


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


def text(repo: Repository, path: str, name: str = "main") -> str:
    return read_file(repo, find_file(repo, head(repo, name), path)).decode()


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


LINES = "".join(f"line {number}\n" for number in range(12))


def test_what_both_have_changed_in_other_lines_is_merged(repo: Repository, author: User) -> None:
    for path in ("README.md", "both.txt"):
        put(repo, path, LINES)
    pull = propose(repo, author, "both.txt", LINES.replace("line 1\n", "ONE\n"))
    card = "---\nlicense: mit\n---\n" + LINES
    put(repo, "README.md", card, pull.ref, author)
    put(repo, "both.txt", LINES.replace("line 9\n", "NINE\n"))
    put(repo, "README.md", LINES + "The end\n")
    assert standing_of(pull).is_mergeable
    for _again in range(2):  # the second answer is remembered
        assert standing_of(pull).conflicts == []
    done = merge_pull_request(pull=pull, actor=owner(repo))
    merged = LINES.replace("line 1\n", "ONE\n").replace("line 9\n", "NINE\n")
    assert text(repo, "both.txt") == merged
    assert text(repo, "README.md") == card + "The end\n"
    # The listing of main says the same.
    assert GitPath.objects.get(repository=repo, path="both.txt").size == len(merged)
    assert done.parents[1:] == []


def test_json_that_would_break_is_for_people(repo: Repository, author: User) -> None:
    config = '{\n "a": 1,\n "b": 2,\n "c": 3,\n "d": 4,\n "e": 5\n}\n'
    put(repo, "config.json", config)
    # Each is well-formed; together the same name comes twice.
    pull = propose(repo, author, "config.json", config.replace(' "a": 1,\n', ' "new": 1,\n "a": 1,\n'))
    put(repo, "config.json", config.replace(' "e": 5\n', ' "e": 5,\n "new": 2\n'))
    found = standing_of(pull)
    assert [(c.path, c.why) for c in found.conflicts] == [("config.json", "json")]
    assert standing_of(pull) == found
    dispute = disputes_of(repo, found, author)["config.json"]
    assert dispute.text is not None and dispute.text.count('"new"') == 2
    with pytest.raises(MergeConflict, match=r"config\.json"):
        merge_pull_request(pull=pull, actor=owner(repo))
    with pytest.raises(Invalid, match="JSON"):
        update_from_base(pull=pull, actor=author, texts={"config.json": dispute.text})
    update_from_base(pull=pull, actor=author, texts={"config.json": '{"new": 3}\r\n'})
    assert text(repo, "config.json", pull.ref) == '{"new": 3}\n'
    merge_pull_request(pull=pull, actor=owner(repo))


def test_a_conflict_is_settled_by_a_text_without_marks(repo: Repository, author: User) -> None:
    underlined = "Title\n=======\n" + LINES
    put(repo, "same.md", underlined)
    pull = propose(repo, author, "same.md", underlined.replace("line 5", "own"))
    put(repo, "same.md", underlined.replace("line 5", "base").replace("line 11", "eleven"))
    standing = standing_of(pull)
    assert [(c.path, c.why) for c in standing.conflicts] == [("same.md", "lines")]
    dispute = disputes_of(repo, standing, author)["same.md"]
    (hunk,) = dispute.hunks
    assert (hunk.own.lines, hunk.before.lines, hunk.base.lines) == (["own"], ["line 5"], ["base"])
    # Seven signs would be the line under the title.
    assert dispute.marks == 8
    assert dispute.text is not None and "<<<<<<<< pull-request\nown\n========\nbase\n>>>>>>>> branch" in dispute.text
    with pytest.raises(Invalid, match="marks"):
        update_from_base(pull=pull, actor=author, texts={"same.md": dispute.text})
    with pytest.raises(Invalid, match="marks"):
        update_from_base(
            pull=pull, actor=author, texts={"same.md": dispute.text.replace("<<<<<<<< pull-request\n", "")}
        )
    seen = head(repo)
    put(repo, "later.txt", "1")
    settled = underlined.replace("line 5", "own and base")
    with pytest.raises(HeadMoved):
        update_from_base(pull=pull, actor=author, texts={"same.md": settled}, expected_base=seen.oid)
    done = update_from_base(pull=pull, actor=author, texts={"same.md": settled}, expected_base=head(repo).oid)
    assert done.parents[1] == head(repo).oid
    assert text(repo, "same.md", pull.ref) == settled
    merge_pull_request(pull=pull, actor=owner(repo), method=Method.MERGE)
    assert text(repo, "same.md") == settled


def test_texts_with_carriage_returns_and_what_is_no_text(repo: Repository, author: User) -> None:
    lines = LINES.replace("\n", "\r\n")
    put(repo, "dos.txt", lines)
    put(repo, "raw.dat", "\0")
    pull = propose(repo, author, "dos.txt", lines.replace("line 5", "own"))
    put(repo, "raw.dat", "\0own", pull.ref, author)
    put(repo, "dos.txt", lines.replace("line 5", "base"))
    put(repo, "raw.dat", "\0base")
    standing = standing_of(pull)
    assert [(c.path, c.why) for c in standing.conflicts] == [("dos.txt", "lines"), ("raw.dat", "whole")]
    assert disputes_of(repo, standing, author)["dos.txt"].hunks[0].own.lines == ["own"]
    with pytest.raises(MergeConflict, match=r"raw\.dat"):
        update_from_base(pull=pull, actor=author, texts={"dos.txt": "x", "raw.dat": "x"})
    update_from_base(pull=pull, actor=author, texts={"dos.txt": "a\nb\n"}, keep={"raw.dat": "base"})
    assert (text(repo, "dos.txt", pull.ref), text(repo, "raw.dat", pull.ref)) == ("a\r\nb\r\n", "\0base")


def test_long_files_and_what_attributes_keep_apart_are_not_merged_by_line(
    repo: Repository, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(repo, ".gitattributes", "*.lock -merge\n*.log merge=union\n")
    for path in ("a.lock", "a.log", "a.txt"):
        put(repo, path, LINES)
    pull = propose(repo, author, "a.lock", "own\n" + LINES)
    for path in ("a.log", "a.txt"):
        put(repo, path, "own\n" + LINES, pull.ref, author)
    for path in ("a.lock", "a.txt"):
        put(repo, path, LINES + "base\n")
    put(repo, "a.log", "base\n" + LINES)
    assert [(c.path, c.why) for c in standing_of(pull).conflicts] == [("a.lock", "whole")]
    update_from_base(pull=pull, actor=author, keep={"a.lock": "own"})
    assert sorted(text(repo, "a.log", pull.ref).splitlines()[:2]) == ["base", "own"]
    monkeypatch.setattr("hub.repos.git.line_merging.MAX_BYTES", 50)
    other = propose(repo, author, "a.txt", "more\n" + text(repo, "a.txt"))
    put(repo, "a.txt", text(repo, "a.txt") + "even more\n")
    assert [(c.path, c.why) for c in standing_of(other).conflicts] == [("a.txt", "large")]


def test_what_takes_much_computing_is_left_to_people_and_counted(
    repo: Repository, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = "1\n2\n3\n4\n5\n6\n" * 70_000
    pull = propose(repo, author)
    for path in ("long-marks.txt", "many.txt", "plain.txt"):
        begin = "".join("<" * length + "\n" for length in range(7, 70)) if path == "long-marks.txt" else ""
        text = short if path == "many.txt" else "1\n2\n3"
        put(repo, path, begin + text)
        update_from_base(pull=pull, actor=author)
        put(repo, path, begin + text.replace("2", "own"), pull.ref, author)
        put(repo, path, begin + text.replace("2", "base"))
        # Texts with marks in them are many times as long as what both sides have, or would be.
        found = standing_of(pull)
        assert [(each.path, each.why) for each in found.conflicts] == [
            (path, "lines" if path == "plain.txt" else "large")
        ]
        if path != "plain.txt":
            assert disputes_of(repo, found, author) == {}
            update_from_base(pull=pull, actor=author, keep={path: "own"})
    assert disputes_of(repo, found, author) and disputes_of(repo, found, AnonymousUser())
    monkeypatch.setattr(computing, "SHARE", -1)
    assert disputes_of(repo, found, AnonymousUser()) == {}
    for act in (lambda: disputes_of(repo, found, author), lambda: update_from_base(pull=pull, actor=author)):
        with pytest.raises(TooMany):
            act()


def test_what_a_branch_has_taken_in_otherwise_is_called_merged_by_maintainers(repo: Repository, author: User) -> None:
    put(repo, "long.txt", LINES)
    pull = propose(repo, author, "long.txt", LINES.replace("line 1\n", "ONE\n"))
    empty = open_pull_request(repo=repo, actor=author, title="Nothing yet")
    with pytest.raises(NotTakenIn):
        mark_merged(pull=pull, actor=owner(repo))
    # By hand, and with something more.
    put(repo, "long.txt", LINES.replace("line 1\n", "ONE\n") + "More\n")
    standing = standing_of(pull)
    assert (standing.is_taken, standing.is_mergeable) == (True, False)
    with pytest.raises(NothingChanged):
        merge_pull_request(pull=pull, actor=owner(repo))
    with pytest.raises(NotTakenIn):
        mark_merged(pull=empty, actor=owner(repo))
    with pytest.raises(HeadMoved):
        mark_merged(pull=pull, actor=owner(repo), expected="0" * 40)
    mark_merged(pull=pull, actor=owner(repo), expected=head(repo, pull.ref).oid)
    assert PullRequest.objects.get(pk=pull.pk).merge == head(repo).oid
    assert AuditEvent.objects.get(verb="pull_request.merge").data["method"] == "elsewhere"
    with pytest.raises(PullRequestClosed):
        mark_merged(pull=pull, actor=owner(repo))


# --- new commits -------------------------------------------------------------------------------------------------


def test_who_takes_part_hears_once_of_new_commits(repo: Repository, author: User) -> None:
    pull = propose(repo, author)
    assert not Activity.objects.filter(kind=ActivityKind.COMMITS).exists(), "What it was opened with is no news."
    reviewer, stranger = make_user(), make_user()
    post_comment(discussion=pull.discussion, actor=reviewer, text="Nearly.")
    set_deliveries(user=reviewer, watch_own=True, participating="mail")
    before = head(repo, pull.ref).oid
    for number in range(3):
        put(repo, f"{number}.txt", "x", pull.ref, author)
    for activity in Activity.objects.filter(kind=ActivityKind.COMMITS).order_by("pk"):
        tell(activity.pk)
    waiting = Notification.objects.filter(activity__kind=ActivityKind.COMMITS)
    assert [(n.user, n.reason, n.mail) for n in waiting] == [(reviewer, "participating", "now")]
    assert send_for(waiting[0].activity_id, seconds=10) == 1
    said = mail.outbox[-1].body
    assert f"{author.username} added commits to Add new.txt #1 of {repo.full_name}" in said and "Put 0.txt" in said
    assert head_last_seen(reviewer, pull.discussion) == before
    assert head_last_seen(stranger, pull.discussion) is None
    # Who has looked is told of the next ones.
    mark_thread_read(reviewer, pull.discussion)
    assert head_last_seen(reviewer, pull.discussion) is None
    before = head(repo, pull.ref).oid
    put(repo, "late.txt", "x", pull.ref, author)
    tell(Activity.objects.filter(kind=ActivityKind.COMMITS).latest("pk").pk)
    assert (waiting.all().count(), head_last_seen(reviewer, pull.discussion)) == (2, before)
    # Feeds hold none of it.
    assert ActivityKind.COMMITS not in {a.kind for a in activity_of(author.namespace, author).activities}


def test_nobody_hears_of_commits_to_drafts(repo: Repository, author: User) -> None:
    pull = propose(repo, author, draft=True)
    put(repo, "more.txt", "x", pull.ref, author)
    assert not Activity.objects.filter(kind=ActivityKind.COMMITS).exists()


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
            ready.wait(SECONDS)
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
