"""One lock for the history of each repository: many may build on what is there, or one may take some of it away.

It is taken before any row of a ref, of the repository or of a discussion is locked, and lasts until the transaction ends.
Without it a commit could name content, or a branch start at a commit, that is being forgotten at that moment.
"""

from django.db import connection

from hub.repos.models import Repository

# The first half of the key tells these locks from others of this database; the second is the repository.
_HISTORY = 0x68697374


def hold_history(repo: Repository) -> None:
    """Keep what the refs of `repo` reach from being forgotten. Others may hold it, too."""
    _take("SELECT pg_advisory_xact_lock_shared(%s, %s)", repo)


def lock_history(repo: Repository) -> None:
    """Let nobody else build on the history of `repo`, some of which will be forgotten. Not after `hold_history`."""
    _take("SELECT pg_advisory_xact_lock(%s, %s)", repo)


def _take(statement: str, repo: Repository) -> None:
    assert connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute(statement, [_HISTORY, repo.pk % 2**31])
