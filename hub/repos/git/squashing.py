"""Putting one commit in place of a branch's history: the files stay, what came before them goes."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core.models import record
from hub.repos.errors import RevisionNotFound
from hub.repos.git.commits import move_ref, write_commit
from hub.repos.git.locks import lock_history
from hub.repos.git.objects import ObjectWriter
from hub.repos.git.pruning import forget_unreachable
from hub.repos.models import GitCommit, GitPath, GitRef, Repository
from hub.repos.models.git import BRANCH_PREFIX, MAIN
from hub.repos.permissions import check_may_move


@transaction.atomic
def squash_branch(*, repo: Repository, actor: User, branch: str, message: str = "") -> GitCommit:
    """Make a branch one commit without a parent, with the files of its head; return that commit.

    Commits that no other branch, tag or pull request reaches are forgotten, for good. The caller has passed
    get_repo_for_write. Raises RefProtected, RevisionNotFound.
    """
    name = BRANCH_PREFIX + branch.removeprefix(BRANCH_PREFIX)
    check_may_move(actor, repo, name, takes_away=True)
    lock_history(repo)
    ref = GitRef.objects.select_for_update().filter(repository=repo, name=name).first()
    if ref is None:
        raise RevisionNotFound(_("There is no branch “%(name)s” in this repository.") % {"name": branch[:120]})
    head = GitCommit.objects.get(store=repo.store_id, oid=ref.oid)
    commit = write_commit(
        repo=repo,
        writer=ObjectWriter(repo.store_id),
        tree=head.tree,
        parents=[],
        actor=actor,
        title=message or _("Squash the history of %(branch)s") % {"branch": name.removeprefix(BRANCH_PREFIX)},
    )
    if name == MAIN:
        # No file is older than the only commit there is.
        GitPath.objects.filter(repository=repo).update(last_commit=commit.oid, last_at=timezone.now())
    move_ref(repo=repo, ref=ref, new=commit.oid, actor=actor)
    forget_unreachable(repo)
    record(actor=actor, verb="repo.squash", target=repo.audit_name, ref=name, old=head.oid, new=commit.oid)
    return commit
