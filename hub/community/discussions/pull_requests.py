"""Opening pull requests, and what becomes of their commits. Merging is in `merging.py`; what they share with discussions is
in `services.py`.

Locks are taken in this order: the history (`hold_history`), refs by name, the repository's row, the discussion's row.
"""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.discussions.cross_references import follow_references
from hub.community.discussions.services import (
    add_event,
    begin,
    check_steering,
    count_post,
    lock_discussion,
    opening_of,
    room_in,
    target_of,
)
from hub.community.errors import NothingChanged, PullRequestClosed, PullRequestExists
from hub.community.limits import Act, check_pace
from hub.community.models import ActivityKind, Discussion, DiscussionEvent, EventKind, PullRequest, Status
from hub.community.models.discussion import MAX_TITLE
from hub.community.permissions import check_not_blocked
from hub.community.writing.text import MAX_TEXT
from hub.core.errors import Invalid
from hub.core.models import record
from hub.core.text import clean_text, clean_title
from hub.repos.errors import RefProtected, RevisionNotFound
from hub.repos.git.commits import Operation, create_commit, move_ref
from hub.repos.git.files import resolve_revision
from hub.repos.git.history import history, merge_bases
from hub.repos.git.locks import hold_history
from hub.repos.models import GitCommit, GitRef, Repository
from hub.repos.models.git import BRANCH_PREFIX, MAIN, pull_request_ref
from hub.repos.permissions import check_may_move, may_write
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

    base: the full name of a branch. The caller has passed get_repo_for_proposing.
    Raises Invalid, TooMany, RevisionNotFound, Blocked.
    """
    # So that it does not begin at a commit that is being forgotten.
    hold_history(repo)
    first = _first_commit(repo, base, start)
    return _open(repo, actor, title, description, draft, base, start=first, head=first)


@transaction.atomic
def open_from_branch(
    *,
    repo: Repository,
    actor: User,
    source: str,
    title: str,
    description: str = "",
    draft: bool = False,
    base: str = MAIN,
) -> PullRequest:
    """Open a pull request with the commits that the branch `source` has and `base` has not; both are full names.

    It gets the branch's later commits, too, as long as it has none of its own. The caller has passed get_repo_for_proposing.
    Raises what open_pull_request raises, NothingChanged where there are no such commits, PullRequestExists.
    """
    hold_history(repo)
    target, side = (resolve_revision(repo, _branch(repo, name).oid) for name in (base, source))
    first = next(iter(merge_bases(repo, target, side)), None)
    if first == side:
        raise NothingChanged(
            _("“%(branch)s” has every commit of “%(source)s”, so there is nothing to propose.")
            % {"branch": base.removeprefix(BRANCH_PREFIX), "source": source.removeprefix(BRANCH_PREFIX)},
            field="source",
        )
    pull = _open(
        repo, actor, title, description, draft, base, start=(first or target).oid, head=side.oid, source=source
    )
    # The repository's row is locked by now, so two cannot pass here at once.
    others = PullRequest.objects.filter(discussion__repository=repo, base=base, source=source)
    other = others.filter(discussion__in=Discussion.objects.open()).exclude(pk=pull.pk).first()
    if other is not None:
        raise PullRequestExists(
            _("Pull request #%(number)d proposes this branch already.") % {"number": other.discussion.number},
            field="source",
        )
    tell_commits(repo=repo, number=pull.discussion.number, old=target.oid, new=side.oid, actor=actor)
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
    draft: bool = False,
) -> tuple[PullRequest, GitCommit]:
    """Open a pull request and put one commit into it, or do neither. `parent`: the commit that it begins at.

    Raises what open_pull_request and create_commit raise, and NothingChanged.
    """
    pull = open_pull_request(
        repo=repo,
        actor=actor,
        title=" ".join(title.strip().partition("\n")[0].split())[:MAX_TITLE] or _("Update files"),
        description=description,
        draft=draft,
        base=base,
        start=parent,
    )
    commit = create_commit(
        repo=repo, actor=actor, operations=operations, title=title, description=description, ref_name=pull.ref
    )
    if commit.oid == pull.start:
        raise NothingChanged(_("This changes nothing, so there is nothing to propose."))
    return pull, commit


def _open(
    repo: Repository,
    actor: User,
    title: str,
    description: str,
    draft: bool,
    base: str,
    *,
    start: str,
    head: str,
    source: str = "",
) -> PullRequest:
    """Make the rows and the ref, in the caller's transaction, which holds the history."""
    title = clean_title(title, limit=MAX_TITLE)
    # The commits may say all that there is to say.
    text = clean_text(description, field="description", limit=MAX_TEXT, optional=True)
    if not may_write(actor, repo):
        check_not_blocked(actor, repo.namespace.user_id)
    count_post(actor, f"{title}\n{text}")
    if repo.namespace.user_id != actor.pk:
        check_pace(actor, Act.DISCUSSION)
    discussion = begin(repo, actor, title, text, Status.DRAFT if draft else Status.OPEN)
    pull = PullRequest.objects.create(discussion=discussion, base=base, start=start, source=source)
    create_ref(repo, actor, pull.ref, head)
    record(actor=actor, verb="pull_request.open", target=target_of(discussion), draft=draft)
    opening = opening_of(discussion)
    if not draft:
        note(ActivityKind.PULL_REQUEST, actor=actor, discussion=discussion, event=opening)
    follow_references(opening, actor)
    return pull


def _branch(repo: Repository, name: str) -> GitRef:
    """Return a branch by its full name. Raises RevisionNotFound."""
    ref = GitRef.objects.filter(repository=repo, name=name).first() if name.startswith(BRANCH_PREFIX) else None
    if ref is None:
        raise RevisionNotFound(
            _("There is no branch “%(name)s” in this repository.") % {"name": name.removeprefix(BRANCH_PREFIX)[:120]}
        )
    return ref


def _first_commit(repo: Repository, base: str, start: str | None) -> str:
    """Return where a pull request begins. Only what its base has is a beginning: the rest would come along unseen."""
    ref = _branch(repo, base)
    if start is None or start == ref.oid:
        return ref.oid
    if not history(repo, resolve_revision(repo, ref.oid)).filter(oid=start).exists():
        raise Invalid(
            _("A pull request begins at a commit of “%(branch)s”. Fetch that branch, then repeat your change.")
            % {"branch": base.removeprefix(BRANCH_PREFIX)},
            field="parentCommit",
        )
    return start


# --- what becomes of it ------------------------------------------------------------------------------------------


@transaction.atomic
def change_base(*, pull: PullRequest, actor: User, base: str) -> DiscussionEvent:
    """Have another branch (a full name) take a pull request in; returns the change.

    Raises NotYourDiscussion, PullRequestClosed once it is merged, RevisionNotFound, NothingChanged, Invalid, DiscussionFull,
    DiscussionLocked, Blocked.
    """
    repo = pull.discussion.repository
    hold_history(repo)
    target = _branch(repo, base)
    discussion = lock_discussion(pull.discussion)
    check_steering(actor, discussion)
    pull = PullRequest.objects.get(pk=pull.pk)
    if discussion.status == Status.MERGED:
        raise PullRequestClosed(_("This pull request is merged, and stays so."))
    if base == pull.base:
        raise NothingChanged(_("It is for that branch already."), field="base")
    if base == pull.source:
        raise Invalid(_("A branch cannot take itself in. Choose another one."), field="base")
    count_post(actor)
    before, pull.base, pull.start = pull.branch, base, target.oid
    pull.save(update_fields=["base", "start"])
    event = add_event(discussion, actor, kind=EventKind.BASE, before=before[:MAX_TITLE], after=pull.branch[:MAX_TITLE])
    record(actor=actor, verb="pull_request.base", target=target_of(discussion), before=before, after=pull.branch)
    return event


def follow_branch(*, repo: Repository, name: str, old: str, new: str, actor: User | None) -> None:
    """Give the pull requests that were made from a branch what it has got, in the transaction that moves it. One that has
    commits of its own, or is merged, stays where it is."""
    pulls = Discussion.objects.filter(repository=repo, pull_request__source=name).exclude(status=Status.MERGED)
    names = [pull_request_ref(number) for number in pulls.values_list("number", flat=True)]
    if not names:
        return
    for ref in GitRef.objects.select_for_update().filter(repository=repo, name__in=names, oid=old).order_by("name"):
        move_ref(repo=repo, ref=ref, new=new, actor=actor)


def ref_for_commits(pull: PullRequest, actor: User) -> str:
    """Return the ref that takes what `actor`, who may add commits to a pull request, adds to it: the branch that it was made
    from while they are the same and the actor may move that, so that they stay the same; else its own."""
    repo = pull.discussion.repository
    if pull.source and may_write(actor, repo):
        refs = GitRef.objects.filter(repository=repo, name__in=[pull.source, pull.ref])
        if len(heads := dict(refs.values_list("name", "oid"))) == 2 and len(set(heads.values())) == 1:
            try:
                check_may_move(actor, repo, pull.source)
            except RefProtected:
                return pull.ref
            return pull.source
    return pull.ref


def tell_commits(*, repo: Repository, number: int, old: str, new: str, actor: User | None) -> None:
    """Note in pull request `number` the commits that its ref has got, in the transaction that moves it. What its base has is
    no news: it comes along when the pull request is brought up to date.

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
    told = history(repo, head)
    base = GitRef.objects.filter(repository=repo, name=discussion.pull_request.base).values("oid")
    for before in GitCommit.objects.filter(store=repo.store_id).filter(Q(oid=old) | Q(oid__in=base)):
        told = told.exclude(oid__in=history(repo, before).values("oid").order_by())
    room = min(MAX_TOLD, room_in(discussion))
    # What it was opened with is no news.
    has_begun = discussion.events.filter(kind=EventKind.COMMIT).exists()
    rows = [
        DiscussionEvent(discussion=discussion, kind=EventKind.COMMIT, author=actor, text=commit.title, after=commit.oid)
        for commit in reversed(list(told[:room]))
    ]
    DiscussionEvent.objects.bulk_create(rows)
    if rows:
        discussion.active_at = rows[-1].created_at
        discussion.save(update_fields=["active_at"])
        if has_begun and discussion.status == Status.OPEN:
            note(ActivityKind.COMMITS, actor=actor, discussion=discussion, event=rows[-1], before=old)
