"""Waiting for something to become true, with a limit."""

import time
from collections.abc import Callable

# For what will never come true: on a machine with too much to do, all else takes many times as long.
SECONDS = 90


def wait_until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Return as soon as the condition holds; AssertionError where it does not within the limit."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not come true in time."
        time.sleep(0.02)
