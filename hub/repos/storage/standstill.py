"""Keeping content from being deleted while a backup, or a restore, needs it.

A lock of the database's, not a row: it ends with the connection of whoever holds it, however that ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from hub.core.errors import Conflict

# Any number that no other use of advisory locks takes.
_LOCK = 7_020_134
_HELD = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND objsubid = 1 AND mode = 'ExclusiveLock' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def may_delete() -> bool:
    """Tell whether content may be deleted now, and if so, have it stay so until the caller's transaction ends.

    Asked first in every transaction that deletes bytes from the store.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock_shared(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def is_held() -> bool:
    """Tell whether a backup or a restore is running."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [_LOCK])
        return bool(cursor.fetchone()[0])


@contextmanager
def nothing_deleted() -> Iterator[BaseDatabaseWrapper]:
    """Have nothing deleted for the length of the block: deletions under way end before it begins.

    Gives the connection that holds the lock, for the caller's own use. Raises Conflict where another backup or restore runs.
    """
    holder = connection.copy("default")
    try:
        with holder.cursor() as cursor:
            cursor.execute(_HELD, [_LOCK])
            if cursor.fetchone()[0]:
                raise _taken()
            # What it waits for are single deletions, which are short.
            cursor.execute("SET lock_timeout = '60s'")
            try:
                cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
            except OperationalError as error:
                raise _taken() from error
        try:
            yield holder
        finally:
            # The end of the connection would do it too, some moments later.
            with suppress(DatabaseError), holder.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    finally:
        holder.close()


def _taken() -> Conflict:
    return Conflict(_("Another backup, or a restore, is running. Let it end first."))
