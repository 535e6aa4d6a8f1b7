"""Where a change goes that is made in the browser: to a branch at once, into a new pull request, or to one that is there."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.utils.translation import gettext as _

from hub.accounts.models import Someone
from hub.community.discussions.pull_requests import commit_as_pull_request, ref_for_commits
from hub.community.models import PullRequest
from hub.community.permissions import get_pull_request_for_push, may_push_pull_request
from hub.repos.errors import RefProtected
from hub.repos.git.commits import Operation, create_commit
from hub.repos.models import Repository
from hub.repos.models.git import BRANCH_PREFIX, number_of_ref
from hub.repos.permissions import check_may_move, may_propose, may_write
from hub.web.forms.repositories import CommitForm
from hub.web.pages.repo_head import Revision, open_branch, open_revision
from hub.web.requests import MemberRequest


@dataclass(frozen=True)
class Place:
    """A revision that somebody is about to change.

    ref_name: what takes the commit. pull: the pull request that the address names. ways: those of CommitForm that they have;
    kept_off: why a branch takes no commit of somebody who may write.
    """

    repo: Repository
    revision: Revision
    ref_name: str
    ways: tuple[str, ...]
    pull: PullRequest | None = None
    kept_off: str = ""

    @property
    def must_propose(self) -> bool:
        return self.ways == (CommitForm.PROPOSE,)

    def commit(
        self,
        request: MemberRequest,
        operations: Iterable[Operation],
        *,
        title: str,
        description: str,
        proposes: bool,
        draft: bool,
        parent: str | None = None,
        done: str,
    ) -> str:
        """Make the commit; return the address of the pull request that has it, "" for a branch, and say what was done.

        parent: the head that it builds on, where another one is to be refused. done: what to say of a commit to a branch.
        Raises what create_commit and commit_as_pull_request raise.
        """
        if proposes:
            pull, _commit = commit_as_pull_request(
                repo=self.repo,
                actor=request.user,
                operations=operations,
                title=title,
                description=description,
                base=self.ref_name,
                parent=self.revision.commit.oid,
                draft=draft,
            )
            messages.success(
                request, _("Your change is a draft now.") if draft else _("Your change is proposed as a pull request.")
            )
            return pull.discussion.get_absolute_url()
        create_commit(
            repo=self.repo,
            actor=request.user,
            operations=operations,
            title=title,
            description=description,
            ref_name=self.ref_name,
            parent=parent,
        )
        messages.success(request, done)
        return self.pull.discussion.get_absolute_url() if self.pull else ""


def open_place(request: MemberRequest, repo: Repository, rev: str) -> Place:
    """Return where somebody who may propose changes is about to make one: a branch, or `refs/pr/N`.

    Raises RevisionNotFound, Invalid for what is neither, PullRequestNotFound, NotYourPullRequest, PullRequestClosed.
    """
    user = request.user
    number = number_of_ref(rev)
    if number is not None:
        pull = get_pull_request_for_push(user, repo, number)
        return Place(repo, open_revision(repo, rev), ref_for_commits(pull, user), (CommitForm.COMMIT,), pull)
    revision, ref_name = open_branch(repo, rev), BRANCH_PREFIX + rev
    if not may_write(user, repo):
        return Place(repo, revision, ref_name, (CommitForm.PROPOSE,))
    try:
        check_may_move(user, repo, ref_name)
    except RefProtected as error:
        return Place(repo, revision, ref_name, (CommitForm.PROPOSE,), kept_off=error.message)
    return Place(repo, revision, ref_name, (CommitForm.COMMIT, CommitForm.PROPOSE))


def may_change(user: Someone, repo: Repository, revision: Revision) -> bool:
    """Tell whether to offer changing the files of a revision: to a branch, whoever may propose; to a pull request, whoever may
    add commits to it."""
    if not user.is_authenticated:
        return False
    number = number_of_ref(revision.name)
    if number is not None:
        return may_push_pull_request(user, repo, number)
    return revision.is_branch and may_propose(user, repo)
