"""Taking pull requests into their branch, and their branch into them.

Locks are taken in the order of `pull_requests.py`: the history, refs by name, the repository's row, the discussion's row. The
refs of both sides stay locked from the comparison to the end, so no commit that comes meanwhile is passed over or lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.discussions.pull_requests import ref_for_commits
from hub.community.discussions.services import add_event, count_post, lock_discussion, post_comment, target_of
from hub.community.errors import DiscussionFull, HeadMoved, MergeConflict, NothingChanged, PullRequestClosed
from hub.community.models import ActivityKind, Discussion, EventKind, PullRequest, Status
from hub.core.errors import Invalid
from hub.core.models import record
from hub.repos.errors import RevisionNotFound
from hub.repos.git.files import resolve_revision
from hub.repos.git.history import Change, history
from hub.repos.git.locks import hold_history
from hub.repos.git.merging import Merge, apply_changes, compare_lines
from hub.repos.git.reachable import reachable_commits
from hub.repos.models import GitCommit, GitRef, Repository
from hub.repos.models.git import PR_PREFIX, pull_request_ref
from hub.repos.permissions import check_may_move

# Commits that the message of a squash names.
MAX_NAMED = 50


class Method(models.TextChoices):
    """How a pull request is taken in."""

    SQUASH = "squash", gettext_lazy("Squash: one commit with all its changes")
    MERGE = "merge", gettext_lazy("Merge: all its commits, and one that joins them to the branch")


class Side(models.TextChoices):
    """Whose file stays where both sides have changed it."""

    OWN = "own", gettext_lazy("As in the pull request")
    BASE = "base", gettext_lazy("As in the branch")


@dataclass(frozen=True)
class Conflict:
    """A file that both sides have changed. decidable: one of the two can simply stay; the other way round a file is in the
    way of a folder."""

    path: str
    own: bool  # whether it is there in the pull request
    base: bool  # and in the branch
    decidable: bool


@dataclass(frozen=True)
class Standing:
    """How a pull request stands to its branch; once it is merged, as it was then. Nothing where either is gone.

    target, head: the heads of both. first: where its commits begin. changes: what they change, by file. commits: the ids of its
    own commits, newest first. behind: commits of the branch that it has not.
    """

    target: GitCommit | None = None
    head: GitCommit | None = None
    first: GitCommit | None = None
    changes: list[Change] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    behind: int = 0

    @property
    def paths(self) -> list[str]:
        """The files that both sides have changed, each in its own way."""
        return [conflict.path for conflict in self.conflicts]


def standing_of(pull: PullRequest) -> Standing:
    """Compare a pull request with its branch. About ten queries, and two for each level of folders that differ."""
    try:
        if pull.head is None:
            return compare_branches(pull.discussion.repository, pull.base, pull.ref)
        found = compare_branches(pull.discussion.repository, pull.start, pull.head)
    except RevisionNotFound:
        return Standing()
    return replace(found, conflicts=[], behind=0)


def compare_branches(repo: Repository, base: str, side: str) -> Standing:
    """Compare a branch, by its full name or a commit's id, with what it may take in. Raises RevisionNotFound."""
    target, head = resolve_revision(repo, base), resolve_revision(repo, side)
    found = compare_lines(repo, target, head)
    tips = [bytes.fromhex(target.oid)], [bytes.fromhex(head.oid)]
    return Standing(
        target=target,
        head=head,
        first=found.base,
        changes=found.brought,
        conflicts=_conflicts(found),
        commits=[commit.oid.hex() for commit in reachable_commits(repo.store_id, tips[1], tips[0])],
        behind=len(reachable_commits(repo.store_id, tips[0], tips[1])),
    )


def _conflicts(found: Merge) -> list[Conflict]:
    brought = {change.path: change.new for change in found.brought}
    return [
        Conflict(
            path,
            own=brought[path] is not None,
            base=found.theirs.get(path) is not None,
            decidable=path in found.theirs,
        )
        for path in found.conflicts
    ]


def commits_of(repo: Repository, standing: Standing, limit: int) -> list[GitCommit]:
    """Return the first `limit` of a pull request's own commits, newest first, with their authors. One query."""
    found = GitCommit.objects.filter(store=repo.store_id, oid__in=standing.commits[:limit])
    return list(found.select_related("author").order_by("-generation", "-committed_at", "oid"))


# --- into the branch ---------------------------------------------------------------------------------------------


def merge_title(discussion: Discussion, method: str) -> str:
    """Return what the commit that takes a pull request in is called, where nobody says otherwise."""
    if method == Method.MERGE:
        return f"Merge #{discussion.number}: {discussion.title}"
    return f"{discussion.title} (#{discussion.number})"


def squash_message(repo: Repository, target: GitCommit, side: GitCommit) -> str:
    """Return what a squash says below its title: the commits that it takes in, and who wrote them."""
    before = history(repo, target).values("oid").order_by()
    taken = list(history(repo, side).exclude(oid__in=before)[:MAX_NAMED])
    lines = [f"- {commit.title} ({commit.oid[:7]})" for commit in reversed(taken)]
    people = dict.fromkeys(f"Co-authored-by: {commit.author_name} <{commit.author_email}>" for commit in taken)
    return "\n".join([*lines, "", *people]).strip()


@transaction.atomic
def merge_pull_request(
    *,
    pull: PullRequest,
    actor: User,
    text: str = "",
    method: str = Method.SQUASH,
    title: str = "",
    message: str | None = None,
    expected: str | None = None,
) -> GitCommit:
    """Take a pull request into its base; return the commit that does. The caller has passed get_repo_for_write.

    text: a comment in the discussion. title, message: of the commit; "" and None are what it says by itself. expected: the id
    of the head that the actor has looked at.

    Raises RefProtected, PullRequestClosed for one that is not open, HeadMoved, MergeConflict, NothingChanged, RevisionNotFound,
    Invalid, TooMany.
    """
    if method not in Method.values:
        raise Invalid(
            _("A pull request is merged by %(methods)s.") % {"methods": ", ".join(Method.values)}, field="method"
        )
    repo = pull.discussion.repository
    check_may_move(actor, repo, pull.base)
    refs = _hold(pull)
    target, side = (_head(repo, refs[name]) for name in (pull.base, pull.ref))
    _check_expected(side, expected)
    found = compare_lines(repo, target, side)
    if found.conflicts:
        raise MergeConflict(
            _(
                "“%(branch)s” has changed the same files meanwhile: %(paths)s. Bring them up to date in the pull request first."
            )
            % {"branch": pull.branch, "paths": ", ".join(found.conflicts[:10])}
        )
    # Written before the discussion is locked, in the order that commits keep.
    commit = None
    if found.changes:
        if message is None:
            message = squash_message(repo, target, side) if method == Method.SQUASH else ""
        commit = apply_changes(
            repo=repo,
            ref=refs[pull.base],
            wanted=found.changes,
            actor=actor,
            title=title.strip() or merge_title(pull.discussion, method),
            description=message.strip(),
            merged=side if method == Method.MERGE else None,
        )
    discussion = lock_discussion(pull.discussion)
    _check_open(discussion)
    if PullRequest.objects.get(pk=pull.pk).base != pull.base:
        raise HeadMoved(_("This pull request is for another branch now. Look at it again, then merge."))
    if commit is None:
        raise NothingChanged(
            _("This pull request changes nothing that “%(branch)s” has not got.") % {"branch": pull.branch}
        )
    if text.strip():
        post_comment(discussion=discussion, actor=actor, text=text)
    else:
        count_post(actor)
    pull.start, pull.head, pull.merge = target.oid, side.oid, commit.oid
    _call_merged(discussion, pull, actor, method=str(method))
    return commit


def _call_merged(discussion: Discussion, pull: PullRequest, actor: User | None, *, method: str) -> None:
    """Write down that a pull request, its discussion locked, is taken in as `pull` says. Raises DiscussionFull."""
    event = add_event(discussion, actor, kind=EventKind.STATUS, before=discussion.status, after=Status.MERGED)
    discussion.status = Status.MERGED
    discussion.save(update_fields=["status"])
    pull.save(update_fields=["start", "head", "merge"])
    note(ActivityKind.STATUS, actor=actor, discussion=discussion, event=event)
    record(actor=actor, verb="pull_request.merge", target=target_of(discussion), commit=pull.merge, method=method)


@transaction.atomic
def note_taken_in(*, repo: Repository, base: str, old: str, actor: User | None) -> list[int]:
    """Call those pull requests merged whose commits the branch `base` has got without their being merged here: somebody merged
    them by git, and pushed. Returns their numbers. A squash by hand cannot be told from any other commit.

    old: the head of `base` before that push. What it had then was taken in by nobody, even where a pull request is given it.
    """
    before_push = GitCommit.objects.filter(store=repo.store_id, oid=old).first()
    if before_push is None:
        return []  # The push took that away; what it brought cannot be told from what was there.
    waiting = Discussion.objects.pull_requests().open().filter(repository=repo, pull_request__base=base)
    heads = dict(GitRef.objects.filter(repository=repo, name__startswith=PR_PREFIX).values_list("name", "oid"))
    had = history(repo, before_push).values("oid").order_by()
    has = history(repo, resolve_revision(repo, base)).filter(oid__in=set(heads.values())).exclude(oid__in=had)
    brought = set(has.values_list("oid", flat=True))
    merged = []
    for discussion in waiting.select_related("pull_request").order_by("number"):
        pull = discussion.pull_request
        head = heads.get(pull.ref)
        if head not in brought or head == pull.start:
            continue  # Not taken in, or without commits of its own.
        discussion.repository = repo
        discussion = lock_discussion(discussion)
        if not discussion.is_open:
            continue
        pull.head = pull.merge = head
        try:
            _call_merged(discussion, pull, actor, method="push")
        except DiscussionFull:
            continue  # It has no room to say so, and must not keep the others from it.
        merged.append(discussion.number)
    return merged


def _check_open(discussion: Discussion) -> None:
    if discussion.status != Status.OPEN:
        raise PullRequestClosed(
            _("This pull request is a draft. Publish it first: set its status to open.")
            if discussion.status == Status.DRAFT
            else _("This pull request is not open, so there is nothing to merge.")
        )


# --- the branch into it ------------------------------------------------------------------------------------------


@transaction.atomic
def update_from_base(
    *, pull: PullRequest, actor: User, expected: str | None = None, keep: Mapping[str, str] | None = None
) -> GitCommit:
    """Merge the branch into a pull request that lags behind it; return the commit that does. The caller has passed
    get_pull_request_for_push.

    expected: the id of the head that the actor has looked at. keep: path -> Side, for files that both sides have changed.
    Raises HeadMoved, MergeConflict for files that nobody has decided, NothingChanged where it has all that the branch has,
    RevisionNotFound, PullRequestClosed once it is merged.
    """
    repo = pull.discussion.repository
    written = ref_for_commits(pull, actor)
    refs = _hold(pull, written)
    target, side = (_head(repo, refs[name]) for name in (pull.base, pull.ref))
    _check_expected(side, expected)
    if refs[written].oid != side.oid:
        raise HeadMoved(_("The branch of this pull request has moved meanwhile. Try again."))
    found = compare_lines(repo, side, target)
    if found.base == target:
        raise NothingChanged(_("This pull request has every commit of “%(branch)s”.") % {"branch": pull.branch})
    decided = {path: (keep or {}).get(path) for path in found.conflicts if path in found.theirs}
    open_paths = [path for path in found.conflicts if decided.get(path) not in Side.values]
    if open_paths:
        raise MergeConflict(
            _("Both sides have changed these files: %(paths)s. Say which of the two stays, or merge them by git.")
            % {"paths": ", ".join(open_paths[:10])}
        )
    taken = [change for change in found.brought if decided.get(change.path) == Side.BASE]
    commit = apply_changes(
        repo=repo,
        ref=refs[written],
        wanted=found.changes + taken,
        actor=actor,
        title=f"Merge {pull.branch} into pull request #{pull.discussion.number}",
        description="",
        merged=target,
    )
    record(actor=actor, verb="pull_request.update", target=target_of(pull.discussion), commit=commit.oid)
    return commit


def _hold(pull: PullRequest, *more: str) -> dict[str, GitRef]:
    """Lock the refs of both sides, in the order of their names, and let nothing be forgotten. Raises RevisionNotFound."""
    repo = pull.discussion.repository
    hold_history(repo)
    names = {pull.base, pull_request_ref(pull.discussion.number), *more}
    refs = {
        ref.name: ref
        for ref in GitRef.objects.select_for_update().filter(repository=repo, name__in=names).order_by("name")
    }
    if len(refs) < len(names):
        raise RevisionNotFound(
            _("The branch “%(name)s” that this pull request is for is not there any more.") % {"name": pull.branch}
        )
    return refs


def _head(repo: Repository, ref: GitRef) -> GitCommit:
    return GitCommit.objects.get(store=repo.store_id, oid=ref.oid)


def _check_expected(side: GitCommit, expected: str | None) -> None:
    if expected is not None and expected != side.oid:
        raise HeadMoved(
            _("This pull request is at %(head)s now, not at %(expected)s. Look at the newer commits, then try again.")
            % {"head": side.oid[:7], "expected": expected[:7]},
            field="head",
        )
