"""Reading ahead: the next ranges are fetched while the first is worked on, where each waits for a network."""

import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

from hub.core.blobs import store

# Ranges in flight, or waiting to be taken, of one reader and of all readers of a process. With ranges of 4 MB that is at most
# 96 MB; who finds all places taken reads one range at a time.
_OF_ONE = 3
_OF_ALL = 24
_places = threading.BoundedSemaphore(_OF_ALL)


class Range(NamedTuple):
    """Bytes ``start`` to ``end`` (exclusive) of what lies under ``key``."""

    key: str
    start: int
    end: int


def read_ahead(ranges: Iterable[Range]) -> Generator[bytes, None, None]:
    """Yield the bytes of each range, in order, as one piece each; fewer bytes where the store holds fewer.

    `ranges` is asked for the next ones before the first has been taken, in the caller's thread. Closed early, it lets what is
    in flight come to its end and forgets it. Raises BlobMissing, StoreAway.
    """
    if not store().is_far:
        yield from map(_read, ranges)
        return
    coming = iter(ranges)
    begun: deque[_Begun] = deque()
    try:
        while True:
            while len(begun) < _OF_ONE and _places.acquire(blocking=False):
                try:
                    wanted = next(coming)
                except BaseException as error:
                    _places.release()
                    if isinstance(error, StopIteration):
                        break
                    raise
                begun.append(_Begun(wanted))
            if begun:
                yield begun.popleft().take()
            elif (last := next(coming, None)) is not None:
                yield _read(last)
            else:
                return
    finally:
        for range_ in begun:
            range_.forget()


class _Begun:
    """A range that is being read in a thread. It holds a place until it is taken, or has come to its end forgotten."""

    def __init__(self, wanted: Range) -> None:
        self._future = _threads().submit(_read, wanted)

    def take(self) -> bytes:
        try:
            return self._future.result()
        finally:
            _places.release()

    def forget(self) -> None:
        self._future.cancel()
        self._future.add_done_callback(lambda _future: _places.release())


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_OF_ALL, thread_name_prefix="read-ahead")


def _read(wanted: Range) -> bytes:
    return b"".join(store().read(*wanted))
