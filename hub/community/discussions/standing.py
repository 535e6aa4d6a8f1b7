"""How a pull request stands to its branch: what it brings, what both have changed, how many commits part them."""

from dataclasses import dataclass, field, replace

from hub.community.models import PullRequest
from hub.repos.errors import RevisionNotFound
from hub.repos.git.files import resolve_revision
from hub.repos.git.history import Change
from hub.repos.git.line_merging import Why
from hub.repos.git.merging import Merge, compare_lines
from hub.repos.git.reachable import reachable_commits
from hub.repos.models import GitCommit, Repository


@dataclass(frozen=True)
class Conflict:
    """A file that both sides have changed in ways that do not go together. decidable: one of the two can simply stay; the
    other way round a file is in the way of a folder."""

    path: str
    own: bool  # whether it is there in the pull request
    base: bool  # and in the branch
    decidable: bool
    why: Why


@dataclass(frozen=True)
class Standing:
    """How a pull request stands to its branch; once it is merged, as it was then. Nothing where either is gone.

    target, head: the heads of both. first: where its commits begin. changes: what they change, by file. is_taken: the branch
    has all of these changes. commits: the ids of its own commits, newest first. behind: commits of the branch that it has not.
    """

    target: GitCommit | None = None
    head: GitCommit | None = None
    first: GitCommit | None = None
    changes: list[Change] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    behind: int = 0
    is_taken: bool = False

    @property
    def is_mergeable(self) -> bool:
        """Whether the branch could take something in, as it is."""
        return bool(self.changes) and not self.conflicts and not self.is_taken

    @property
    def paths(self) -> list[str]:
        """The files that both sides have changed in ways that do not go together."""
        return [conflict.path for conflict in self.conflicts]


def standing_of(pull: PullRequest) -> Standing:
    """Compare a pull request with its branch. About ten queries, and two for each level of folders that differ."""
    try:
        if pull.head is None:
            return compare_branches(pull.discussion.repository, pull.base, pull.ref)
        found = compare_branches(pull.discussion.repository, pull.start, pull.head)
    except RevisionNotFound:
        return Standing()
    return replace(found, conflicts=[], behind=0, is_taken=False)


def compare_branches(repo: Repository, base: str, side: str) -> Standing:
    """Compare a branch, by its full name or a commit's id, with what it may take in. Raises RevisionNotFound."""
    target, head = resolve_revision(repo, base), resolve_revision(repo, side)
    found = compare_lines(repo, target, head, texts=False)
    tips = [bytes.fromhex(target.oid)], [bytes.fromhex(head.oid)]
    return Standing(
        target=target,
        head=head,
        first=found.base,
        changes=found.brought,
        conflicts=_conflicts(found),
        commits=[commit.oid.hex() for commit in reachable_commits(repo.store_id, tips[1], tips[0])],
        behind=len(reachable_commits(repo.store_id, tips[0], tips[1])),
        is_taken=bool(found.brought) and not found.changes and not found.conflicts,
    )


def _conflicts(found: Merge) -> list[Conflict]:
    return [
        Conflict(
            path,
            own=found.own[path] is not None,
            base=found.theirs.get(path) is not None,
            decidable=path in found.theirs,
            why=found.why(path),
        )
        for path in found.conflicts
    ]


def commits_of(repo: Repository, standing: Standing, limit: int) -> list[GitCommit]:
    """Return the first `limit` of a pull request's own commits, newest first, with their authors. One query."""
    found = GitCommit.objects.filter(store=repo.store_id, oid__in=standing.commits[:limit])
    return list(found.select_related("author").order_by("-generation", "-committed_at", "oid"))
