"""Taking pull requests into their branch, and noticing those that it has taken in otherwise.

Locks are taken in the order of `pull_requests.py`: the history, refs by name, the repository's row, the discussion's row. The
refs of both sides stay locked from the comparison to the end, so no commit that comes meanwhile is passed over or lost.
"""

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.discussions.heads import check_expected, head_of, hold_heads
from hub.community.discussions.services import add_event, count_post, lock_discussion, post_comment, target_of
from hub.community.errors import DiscussionFull, HeadMoved, MergeConflict, NothingChanged, NotTakenIn, PullRequestClosed
from hub.community.models import ActivityKind, Discussion, EventKind, PullRequest, Status
from hub.core.errors import Invalid
from hub.core.models import record
from hub.repos.git.files import resolve_revision
from hub.repos.git.history import history
from hub.repos.git.merging import apply_changes, compare_lines
from hub.repos.models import GitCommit, GitRef, Repository
from hub.repos.models.git import PR_PREFIX
from hub.repos.permissions import check_may_move

# Commits that the message of a squash names.
MAX_NAMED = 50


class Method(models.TextChoices):
    """How a pull request is taken in."""

    SQUASH = "squash", gettext_lazy("Squash: one commit with all its changes")
    MERGE = "merge", gettext_lazy("Merge: all its commits, and one that joins them to the branch")


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
    refs = hold_heads(pull)
    target, side = (head_of(repo, refs[name]) for name in (pull.base, pull.ref))
    check_expected(side, expected)
    found = compare_lines(repo, target, side)
    if found.conflicts:
        raise MergeConflict(
            _(
                "“%(branch)s” has changed the same lines meanwhile: %(paths)s. Bring them up to date in the pull request first."
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
            contents=found.lines.contents,
            merged=side if method == Method.MERGE else None,
        )
    discussion = _locked(pull)
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


@transaction.atomic
def mark_merged(*, pull: PullRequest, actor: User, expected: str | None = None) -> None:
    """Call a pull request merged whose changes its branch has got otherwise: somebody squashed them by hand. The caller has
    passed get_repo_for_write.

    Nobody but a maintainer can tell this from somebody else's having made the same change, so it is never done unasked.
    Raises what merge_pull_request raises, and NotTakenIn where the branch has not all of it.
    """
    repo = pull.discussion.repository
    check_may_move(actor, repo, pull.base)
    refs = hold_heads(pull)
    target, side = (head_of(repo, refs[name]) for name in (pull.base, pull.ref))
    check_expected(side, expected)
    found = compare_lines(repo, target, side, texts=False)
    discussion = _locked(pull)
    if not found.brought or found.changes or found.conflicts:
        raise NotTakenIn(
            _("“%(branch)s” does not have all that this pull request changes, so it is not merged.")
            % {"branch": pull.branch}
        )
    count_post(actor)
    pull.start, pull.head, pull.merge = target.oid, side.oid, target.oid
    _call_merged(discussion, pull, actor, method="elsewhere")


def _locked(pull: PullRequest) -> Discussion:
    """Lock the discussion of a pull request that is about to be called merged. Raises PullRequestClosed, HeadMoved."""
    discussion = lock_discussion(pull.discussion)
    _check_open(discussion)
    if PullRequest.objects.get(pk=pull.pk).base != pull.base:
        raise HeadMoved(_("This pull request is for another branch now. Look at it again, then merge."))
    return discussion


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
