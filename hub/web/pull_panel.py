"""What the pages of a pull request say about it: how it stands, and what the reader may do with it."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from hub.community.discussions.merging import Method, merge_title, squash_message
from hub.community.discussions.standing import Standing, standing_of
from hub.community.models import Discussion, PullRequest, Status
from hub.community.permissions import may_push_pull_request, may_steer
from hub.core.errors import HubError
from hub.core.links import base_url, repo_path
from hub.repos.comparing import BETWEEN
from hub.repos.git.history import Change, join_renames
from hub.repos.models import GitCommit, GitRef, Repository
from hub.repos.models.git import BRANCH_PREFIX
from hub.repos.permissions import check_may_delete, check_may_move, may_fetch, may_write
from hub.web.forms.pulls import MergeForm

# Branches that a pull request can be turned to, and that a new one is offered to come from.
BRANCHES_SHOWN = 100


@dataclass(frozen=True)
class PullPanel:
    """A pull request as one visitor sees it.

    files: what it changes, moved files joined; empty for those who may not fetch files, whom `withheld` tells. merging: the
    form for those who may merge it as it is. may_mark: the reader may call it merged, since the branch has all of it. kept_off:
    why somebody who may write may not merge it. may_push: whether the reader adds commits to it. bases: other branches that it
    can be turned to. deletable: the branch that it came from, once that can go. strayed: it and that branch have parted, so it
    gets no more of its commits. news: what to compare to see what it has got since the reader last looked. address: for git.
    """

    request: PullRequest
    standing: Standing
    files: list[Change]
    withheld: bool
    address: str
    may_write: bool = False
    may_push: bool = False
    merging: MergeForm | None = None
    may_mark: bool = False
    kept_off: str = ""
    bases: list[str] = field(default_factory=list)
    deletable: str = ""
    strayed: bool = False
    news: str = ""

    @property
    def state(self) -> str:
        """draft, closed, merged, gone (no branch to take it), conflicts, taken (the branch has all of it),
        empty (nothing to take in), ready."""
        status = self.request.discussion.status
        if status in (Status.MERGED, Status.CLOSED):
            return status
        if self.standing.head is None:
            return "gone"
        if self.standing.conflicts:
            return "conflicts"
        if status == Status.DRAFT:
            return status
        if self.standing.is_taken:
            return "taken"
        return "ready" if self.standing.changes else "empty"

    @property
    def can_update(self) -> bool:
        """Whether the reader may bring it up to date, and it needs that."""
        return self.may_push and self.standing.behind > 0 and self.request.discussion.is_open


def panel_of(
    request: HttpRequest, repo: Repository, discussion: Discussion, *, seen: str | None = None
) -> PullPanel | None:
    """Return what the pages tell of a pull request, None for a discussion that is none. seen: the head that it had when the
    visitor last looked."""
    if not discussion.is_pull_request:
        return None
    pull = discussion.pull_request
    user, standing = request.user, standing_of(pull)
    writes = may_write(user, repo)
    admitted = may_fetch(user, repo)
    more: dict[str, Any] = {}
    if writes and discussion.status == Status.OPEN and standing.changes and not standing.conflicts:
        try:
            check_may_move(user, repo, pull.base)
        except HubError as error:
            more["kept_off"] = error.message
        else:
            if standing.is_taken:
                more["may_mark"] = True
            else:
                more["merging"] = MergeForm(initial=merge_words(pull, standing), auto_id="merge-%s")
    if discussion.is_open and may_steer(user, discussion):
        more["bases"] = [name for name in branches_of(repo) if name not in (pull.branch, pull.source_branch)]
    if pull.source and discussion.is_open and standing.head:
        source = GitRef.objects.filter(repository=repo, name=pull.source)
        more["strayed"] = source.exclude(oid=standing.head.oid).exists()
    if writes and discussion.status == Status.MERGED and pull.source:
        more["deletable"] = _deletable(request, repo, pull)
    if seen and admitted and standing.head and seen != standing.head.oid:
        # History may have been rewritten since.
        known = GitCommit.objects.filter(store=repo.store_id, oid=seen).exists()
        more["news"] = f"{seen}{BETWEEN}{standing.head.oid}" if known else ""
    return PullPanel(
        pull,
        standing,
        join_renames(standing.changes) if admitted else [],
        withheld=not admitted,
        address=f"{base_url(request)}{repo_path(repo.kind, repo.full_name)}.git",
        may_write=writes,
        may_push=user.is_authenticated and admitted and may_push_pull_request(user, repo, discussion.number),
        **more,
    )


def merge_words(pull: PullRequest, standing: Standing) -> dict[str, str]:
    """Return what the form for a merge begins with."""
    assert standing.target is not None
    assert standing.head is not None
    return {
        "head": standing.head.oid,
        "method": Method.SQUASH,
        "title": merge_title(pull.discussion, Method.SQUASH),
        "message": squash_message(pull.discussion.repository, standing.target, standing.head),
    }


def branches_of(repo: Repository) -> list[str]:
    """Return the short names of a repository's branches, up to BRANCHES_SHOWN, those that moved last first."""
    names = GitRef.objects.filter(repository=repo, name__startswith=BRANCH_PREFIX).order_by("-updated_at", "name")
    return [name.removeprefix(BRANCH_PREFIX) for name in names.values_list("name", flat=True)[:BRANCHES_SHOWN]]


def _deletable(request: HttpRequest, repo: Repository, pull: PullRequest) -> str:
    """Return the branch that a merged pull request came from if it holds nothing else, and may be deleted."""
    if not GitRef.objects.filter(repository=repo, name=pull.source, oid=pull.head).exists():
        return ""
    try:
        check_may_delete(request.user, repo, pull.source)
    except HubError:
        return ""
    return pull.source_branch
