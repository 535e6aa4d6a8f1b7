"""Where a commit goes, by the address that it is sent to: a branch, a pull request, or one that is yet to be opened."""

from dataclasses import dataclass

from hub.accounts.models import Someone
from hub.community.permissions import get_pull_request_for_push
from hub.repos.git.commits import get_target
from hub.repos.models import GitCommit, Repository
from hub.repos.models.git import BRANCH_PREFIX, number_of_ref
from hub.repos.permissions import check_may_move, get_repo_for_content, get_repo_for_proposing, get_repo_for_write


@dataclass(frozen=True)
class Target:
    """What a caller may commit to: the ref by its full name and its head. opens: to a new pull request into that branch."""

    repo: Repository
    ref_name: str
    head: GitCommit
    opens: bool


def get_target_for_commit(user: Someone, kind: str, namespace: str, name: str, revision: str, *, opens: bool) -> Target:
    """Return where `user` commits with `revision`: a branch's name, or `refs/pr/N`. opens: the call asks for a pull request.

    Raises what loading the repository for it raises, RevisionNotFound for what is no branch, RefProtected,
    NotYourPullRequest, PullRequestClosed.
    """
    ref_name = revision if revision.startswith("refs/") else BRANCH_PREFIX + revision
    number = number_of_ref(ref_name)
    if number is not None and not opens:
        repo = get_repo_for_content(user, kind, namespace, name)
        get_pull_request_for_push(user, repo, number)
        return Target(repo, ref_name, get_target(repo, ref_name), opens=False)
    repo = (get_repo_for_proposing if opens else get_repo_for_write)(user, kind, namespace, name)
    head = get_target(repo, ref_name, branches_only=True)
    if not opens:
        check_may_move(user, repo, ref_name)
    return Target(repo, ref_name, head, opens)
