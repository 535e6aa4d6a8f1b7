"""How many requests of one kind run at once, of one caller and of all: what takes long and costs much."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from hub.core.errors import TooMany


class ConcurrencyLimit:
    """Requests that run at once are counted in each web process by itself."""

    def __init__(self, refusal: str, *, retry_after: int) -> None:
        self._refusal = refusal
        self._retry_after = retry_after  # seconds
        self._busy: Counter[str] = Counter()
        self._counting = threading.Lock()

    @contextmanager
    def held_by(self, who: str, *, each: int, everybody: int) -> Iterator[None]:
        """Hold one of the `each` places of a caller, and one of those of everybody. Raises TooMany."""
        limits = {f"caller {who}": each, "everybody": everybody}
        with self._counting:
            if any(self._busy[key] >= limit for key, limit in limits.items()):
                raise TooMany(self._refusal, retry_after=self._retry_after)
            self._busy.update(limits.keys())
        try:
            yield
        finally:
            with self._counting:
                self._busy.subtract(limits.keys())
                for key in [key for key in limits if not self._busy[key]]:
                    del self._busy[key]
