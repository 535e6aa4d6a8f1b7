"""One lock for the history of each repository: many may build on what is there, or one may take some of it away.

It is taken before any row of a ref, of the repository or of a discussion is locked, and lasts until the transaction ends.
Without it a commit could name content, or a branch start at a commit, that is being forgotten at that moment.
"""

from hub.core import locks
from hub.repos.models import Repository


def hold_history(repo: Repository) -> None:
    """Keep what the refs of `repo` reach from being forgotten. Others may hold it, too."""
    locks.share(_name(repo))


def lock_history(repo: Repository) -> None:
    """Let nobody else build on the history of `repo`, some of which will be forgotten. Not after `hold_history`."""
    locks.lock(_name(repo))


def _name(repo: Repository) -> str:
    return f"history of {repo.pk}"
