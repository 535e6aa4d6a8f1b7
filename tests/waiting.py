"""Waiting for something to become true, with a limit."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], seconds: float = 90) -> None:
    """Return as soon as the condition holds; AssertionError where it does not within the limit.

    The limit is for what will never come true: on a machine with too much to do, all else takes many times as long.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not come true in time."
        time.sleep(0.05)
