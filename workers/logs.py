"""The log of a worker, and the id of the request that what is being done goes back to."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from workers.contracts import LOG_FORMAT, NO_REQUEST, REQUEST_ID_HEADER

_current: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)


@contextmanager
def under(request_id: str) -> Iterator[None]:
    """Log under this id, and ask the hub with it, in this thread and for the length of the block."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


def headers() -> dict[str, str]:
    """Return what a call to the hub carries, so that its log has the same id; nothing where no request is the cause."""
    return {REQUEST_ID_HEADER: _current.get()} if _current.get() != NO_REQUEST else {}


class _RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = _current.get()
        return True


def configure(**_kwargs: object) -> None:
    """Write lines as the hub does: what the worker itself says, and warnings of the libraries."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    handler.addFilter(_RequestIdFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("workers").setLevel(logging.INFO)
