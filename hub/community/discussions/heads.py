"""Holding the heads of a pull request and its branch while the one is taken into the other."""

from django.utils.translation import gettext as _

from hub.community.errors import HeadMoved
from hub.community.models import PullRequest
from hub.repos.errors import RevisionNotFound
from hub.repos.git.locks import hold_history
from hub.repos.models import GitCommit, GitRef, Repository
from hub.repos.models.git import pull_request_ref


def hold_heads(pull: PullRequest, *more: str) -> dict[str, GitRef]:
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


def head_of(repo: Repository, ref: GitRef) -> GitCommit:
    """Return the commit that a locked ref points at."""
    return GitCommit.objects.get(store=repo.store_id, oid=ref.oid)


def check_expected(side: GitCommit, expected: str | None) -> None:
    """Refuse an act on commits that its actor has not looked at. Raises HeadMoved."""
    if expected is not None and expected != side.oid:
        raise HeadMoved(
            _("This pull request is at %(head)s now, not at %(expected)s. Look at the newer commits, then try again.")
            % {"head": side.oid[:7], "expected": expected[:7]},
            field="head",
        )
