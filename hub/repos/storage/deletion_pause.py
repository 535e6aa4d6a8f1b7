"""Keeping content from being deleted while a backup, or a restore, needs it.

A lock of the database's, not a row: it ends with the connection of whoever holds it, however that ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from hub.core import locks
from hub.core.errors import Conflict

_LOCK = "deletion of content"


def may_delete() -> bool:
    """Tell whether content may be deleted now, and if so, have it stay so until the caller's transaction ends.

    Asked first in every transaction that deletes bytes from the store.
    """
    return locks.try_share(_LOCK)


def is_paused() -> bool:
    """Tell whether a backup or a restore is running."""
    return locks.is_locked(_LOCK)


@contextmanager
def deletions_paused() -> Iterator[BaseDatabaseWrapper]:
    """Have nothing deleted for the length of the block: deletions under way end before it begins.

    Gives the connection that holds the lock, for the caller's own use. Raises Conflict where another backup or restore runs.
    """
    if is_paused():
        raise _taken()
    # What it waits for are single deletions, which are short.
    with locks.alone(_LOCK, wait_seconds=60) as holder:
        if holder is None:
            raise _taken()
        yield holder


def _taken() -> Conflict:
    return Conflict(_("Another backup, or a restore, is running. Let it end first."))
