"""Somebody who does something at the same time, and has come as far as a test wants."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

from tests.waiting import SECONDS, wait_until

_WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
"""


class Other(threading.Thread):
    """Somebody else, on a connection of their own; `wait_blocked` returns once the database has them wait for a lock."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self._work = work
        self._ready = threading.Event()
        self._process = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                self._process = cursor.fetchone()[0]
            self._ready.set()
            self._work()
        except BaseException as error:
            self.error = error
        finally:
            self._ready.set()
            connection.close()

    def wait_blocked(self, waiting: int = 1) -> None:
        """Return once so many connections wait, this one the last of them: it may have taken another connection meanwhile."""
        assert self._ready.wait(SECONDS)

        def blocked() -> bool:
            assert self.is_alive(), self.error
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_stat_clear_snapshot()")
                cursor.execute(_WAITING)
                return bool(cursor.fetchone()[0] >= waiting)

        wait_until(blocked)

    def kill(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [self._process])

    def finish(self) -> None:
        self.join(SECONDS)
        assert not self.is_alive()
        if self.error:
            raise self.error


@contextmanager
def other(work: Callable[[], object]) -> Iterator[Other]:
    thread = Other(work)
    thread.start()
    yield thread
    thread.join(SECONDS)
