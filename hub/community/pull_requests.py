"""Opening and merging pull requests. What they share with discussions is in `discussions.py`.

Locks are taken in this order: the history (`hold_history`), refs by name, the repository's row, the discussion's row.
"""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.discussions import add_event, begin, count_post, lock_discussion, post_comment, room_in, target_of
from hub.community.errors import MergeConflict, NothingChanged, PullRequestClosed
from hub.community.models import Discussion, DiscussionEvent, EventKind, PullRequest, Status
from hub.community.models.discussion import MAX_TITLE
from hub.community.text import clean_line, clean_text
from hub.core.errors import Invalid
from hub.core.models import record
from hub.repos.errors import RevisionNotFound
from hub.repos.git.commits import Operation, create_commit
from hub.repos.git.files import resolve_revision
from hub.repos.git.history import Change, changes, history, merge_base
from hub.repos.git.locks import hold_history
from hub.repos.git.merging import apply_changes, compare_lines
from hub.repos.models import GitCommit, GitRef, Repository
from hub.repos.models.git import BRANCH_PREFIX, MAIN, pull_request_ref
from hub.repos.permissions import check_may_move
from hub.repos.services import create_ref

# Commits of one push that its pull request tells of, newest first; the others are there, and not told.
MAX_TOLD = 250


@transaction.atomic
def open_pull_request(
    *,
    repo: Repository,
    actor: User,
    title: str,
    description: str = "",
    draft: bool = False,
    base: str = MAIN,
    start: str | None = None,
) -> PullRequest:
    """Open a pull request with its ref `refs/pr/N`, which begins at `start` (a commit id), else at the head of `base`.

    base: the full name of a branch. The caller has passed get_repo_for_proposing. Raises Invalid, TooMany, RevisionNotFound.
    """
    title = clean_line(title, field="title", limit=MAX_TITLE)
    # The commits may say all that there is to say.
    text = clean_text(description, field="description") if description.strip() else ""
    count_post(actor)
    # So that it does not begin at a commit that is being forgotten.
    hold_history(repo)
    first = _first_commit(repo, base, start)
    discussion = begin(repo, actor, title, text, Status.DRAFT if draft else Status.OPEN)
    pull = PullRequest.objects.create(discussion=discussion, base=base, start=first)
    create_ref(repo, actor, pull.ref, first)
    record(actor=actor, verb="pull_request.open", target=target_of(discussion), draft=draft)
    return pull


@transaction.atomic
def commit_as_pull_request(
    *,
    repo: Repository,
    actor: User,
    operations: Iterable[Operation],
    title: str,
    description: str = "",
    base: str = MAIN,
    parent: str | None = None,
) -> tuple[PullRequest, GitCommit]:
    """Open a pull request and put one commit into it, or do neither. `parent`: the commit that it begins at.

    Raises what open_pull_request and create_commit raise.
    """
    pull = open_pull_request(
        repo=repo,
        actor=actor,
        title=" ".join(title.strip().partition("\n")[0].split())[:MAX_TITLE] or _("Update files"),
        description=description,
        base=base,
        start=parent,
    )
    commit = create_commit(
        repo=repo, actor=actor, operations=operations, title=title, description=description, ref_name=pull.ref
    )
    return pull, commit


def _first_commit(repo: Repository, base: str, start: str | None) -> str:
    """Return where a pull request begins. Only what its base has is a beginning: the rest would come along unseen."""
    ref = GitRef.objects.filter(repository=repo, name=base).first() if base.startswith(BRANCH_PREFIX) else None
    if ref is None:
        raise RevisionNotFound(
            _("There is no branch “%(name)s” in this repository.") % {"name": base.removeprefix(BRANCH_PREFIX)[:120]}
        )
    if start is None or start == ref.oid:
        return ref.oid
    if not history(repo, resolve_revision(repo, ref.oid)).filter(oid=start).exists():
        raise Invalid(
            _("A pull request begins at a commit of “%(branch)s”. Fetch that branch, then repeat your change.")
            % {"branch": base.removeprefix(BRANCH_PREFIX)},
            field="parentCommit",
        )
    return start


def tell_commits(*, repo: Repository, number: int, old: str, new: str, actor: User | None) -> None:
    """Note in pull request `number` the commits that its ref has got, in the transaction that moves it.

    Raises PullRequestClosed where it was merged meanwhile.
    """
    discussion = Discussion.objects.pull_requests().filter(repository=repo, number=number).first()
    if discussion is None:
        return
    discussion.repository = repo
    discussion = lock_discussion(discussion)
    if discussion.status == Status.MERGED:
        raise PullRequestClosed(_("This pull request has just been merged. Open another one."))
    head = GitCommit.objects.get(store=repo.store_id, oid=new)
    before = GitCommit.objects.filter(store=repo.store_id, oid=old).first()
    told = history(repo, head)
    if before is not None:
        told = told.exclude(oid__in=history(repo, before).values("oid").order_by())
    room = min(MAX_TOLD, room_in(discussion))
    rows = [
        DiscussionEvent(discussion=discussion, kind=EventKind.COMMIT, author=actor, text=commit.title, after=commit.oid)
        for commit in reversed(list(told[:room]))
    ]
    DiscussionEvent.objects.bulk_create(rows)
    if rows:
        discussion.active_at = rows[-1].created_at
        discussion.save(update_fields=["active_at"])


# --- what it would change ----------------------------------------------------------------------------------------


def changes_of(pull: PullRequest) -> tuple[GitCommit | None, GitCommit | None, list[Change]]:
    """Return (where its commits begin, its head, the files that differ between them); (None, None, []) where its branch or
    its commits are gone. What is merged is told as it was then."""
    repo = pull.discussion.repository
    try:
        head = resolve_revision(repo, pull.head or pull.ref)
        base = resolve_revision(repo, pull.start if pull.head else pull.base)
    except RevisionNotFound:
        return None, None, []
    first = merge_base(repo, base, head)
    return first, head, changes(repo, first, head)


def conflicts_of(pull: PullRequest) -> list[str]:
    """Return the files that its base and its own commits have both changed, each in its own way."""
    repo = pull.discussion.repository
    if pull.merge is not None:
        return []
    try:
        target, side = resolve_revision(repo, pull.base), resolve_revision(repo, pull.ref)
    except RevisionNotFound:
        return []
    return compare_lines(repo, target, side).conflicts


@transaction.atomic
def merge_pull_request(*, pull: PullRequest, actor: User, text: str = "") -> GitCommit:
    """Take a pull request into its base as one commit; return that commit. The caller has passed get_repo_for_write.

    Raises RefProtected, PullRequestClosed for one that is not open, MergeConflict, NothingChanged, RevisionNotFound, TooMany.
    """
    repo = pull.discussion.repository
    check_may_move(actor, repo, pull.base)
    hold_history(repo)
    names = [pull.base, pull_request_ref(pull.discussion.number)]
    refs = {
        ref.name: ref
        for ref in GitRef.objects.select_for_update().filter(repository=repo, name__in=names).order_by("name")
    }
    if len(refs) < len(names):
        raise RevisionNotFound(
            _("The branch “%(name)s” that this pull request is for is not there any more.") % {"name": pull.branch}
        )
    target, side = (GitCommit.objects.get(store=repo.store_id, oid=refs[name].oid) for name in names)
    found = compare_lines(repo, target, side)
    if found.conflicts:
        raise MergeConflict(
            _(
                "“%(branch)s” has changed the same files meanwhile: %(paths)s. Bring them up to date in the pull request first."
            )
            % {"branch": pull.branch, "paths": ", ".join(found.conflicts[:10])}
        )
    # Written before the discussion is locked, in the order that commits keep.
    commit = apply_changes(
        repo=repo,
        ref=refs[pull.base],
        wanted=found.changes,
        actor=actor,
        title=f"{pull.discussion.title} (#{pull.discussion.number})",
        description=_message(repo, pull, target, side),
    )
    discussion = lock_discussion(pull.discussion)
    if discussion.status != Status.OPEN:
        raise PullRequestClosed(
            _("This pull request is a draft. Publish it first: set its status to open.")
            if discussion.status == Status.DRAFT
            else _("This pull request is not open, so there is nothing to merge.")
        )
    if commit.oid == target.oid:
        raise NothingChanged(
            _("This pull request changes nothing that “%(branch)s” has not got.") % {"branch": pull.branch}
        )
    if text.strip():
        post_comment(discussion=discussion, actor=actor, text=text)
    else:
        count_post(actor)
    before, discussion.status = discussion.status, Status.MERGED
    add_event(discussion, actor, kind=EventKind.STATUS, before=before, after=Status.MERGED)
    discussion.save(update_fields=["status"])
    pull.start, pull.head, pull.merge = target.oid, side.oid, commit.oid
    pull.save(update_fields=["start", "head", "merge"])
    record(actor=actor, verb="pull_request.merge", target=target_of(discussion), commit=commit.oid)
    return commit


def _message(repo: Repository, pull: PullRequest, target: GitCommit, side: GitCommit) -> str:
    """Return what a merge says below its title: the commits that it takes in, and who wrote them."""
    before = history(repo, target).values("oid").order_by()
    taken = list(history(repo, side).exclude(oid__in=before)[:50])
    lines = [f"- {commit.title} ({commit.oid[:7]})" for commit in reversed(taken)]
    people = dict.fromkeys(f"Co-authored-by: {commit.author_name} <{commit.author_email}>" for commit in taken)
    return "\n".join([*lines, "", *people]).strip()
