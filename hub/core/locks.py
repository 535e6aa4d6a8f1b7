"""Advisory locks of the database, by name. Two names of one number wait for each other, and that is all."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from django.db import DatabaseError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import LockNotAvailable

_NUMBER = "hashtextextended(%s, 0)"
# PostgreSQL shows a number in two halves.
_IS_LOCKED = f"""
SELECT EXISTS (
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND mode = 'ExclusiveLock' AND granted
    AND (classid::bigint << 32 | objid::bigint) = {_NUMBER}
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""  # noqa: S608 - _NUMBER is ours


def lock(name: str) -> None:
    """Have a lock alone until the caller's transaction ends. Not after `share`."""
    _take("pg_advisory_xact_lock", name)


def share(name: str) -> None:
    """Have a lock together with others who share it, until the caller's transaction ends."""
    _take("pg_advisory_xact_lock_shared", name)


def try_share(name: str) -> bool:
    """Do what `share` does, unless somebody has the lock alone; tell whether it was done."""
    return bool(_take("pg_try_advisory_xact_lock_shared", name))


def _take(function: str, name: str) -> object:
    assert connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({_NUMBER})", [name])
        return cursor.fetchone()[0]


def is_locked(name: str) -> bool:
    """Tell whether somebody has a lock alone."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_LOCKED, [name])
        return bool(cursor.fetchone()[0])


@contextmanager
def alone(name: str, *, wait_seconds: float | None = 0) -> Iterator[BaseDatabaseWrapper | None]:
    """Have a lock alone for the length of the block, through a connection of its own: the lock ends with that, however that
    ends, and nobody gives it back meanwhile.

    Gives the connection, for the caller's own use; None where others have the lock for longer than `wait_seconds` (None:
    wait as long as they do).
    """
    with closing(connections.create_connection("default")) as own:
        taken = _taken(own, name, wait_seconds)
        try:
            yield own if taken else None
        finally:
            if taken:
                # A connection of a pool does not end here, and the end of another would do it some moments later.
                with suppress(DatabaseError), own.cursor() as cursor:
                    cursor.execute(f"SELECT pg_advisory_unlock({_NUMBER})", [name])


def _taken(own: BaseDatabaseWrapper, name: str, wait_seconds: float | None) -> bool:
    with own.cursor() as cursor:
        if wait_seconds == 0:
            cursor.execute(f"SELECT pg_try_advisory_lock({_NUMBER})", [name])
            return bool(cursor.fetchone()[0])
        if wait_seconds is not None:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{int(wait_seconds * 1000)}ms"])
        try:
            cursor.execute(f"SELECT pg_advisory_lock({_NUMBER})", [name])
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            return False
        finally:
            cursor.execute("RESET lock_timeout")
        return True
