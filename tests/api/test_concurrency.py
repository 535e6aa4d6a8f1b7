"""Nobody takes more places than they may, and who leaves makes room."""

from contextlib import ExitStack

import pytest

from hub.api.concurrency import ConcurrencyLimit
from hub.core.errors import TooMany


def test_places_are_of_each_and_of_everybody():
    running = ConcurrencyLimit("Full.", retry_after=5)
    with ExitStack() as held:
        for who in ("ada", "ada", "eve"):
            held.enter_context(running.held_by(who, each=2, everybody=4))
        with pytest.raises(TooMany) as refused:
            held.enter_context(running.held_by("ada", each=2, everybody=4))
        assert refused.value.retry_after == 5
        held.enter_context(running.held_by("eve", each=2, everybody=4))
        with pytest.raises(TooMany):
            held.enter_context(running.held_by("bob", each=2, everybody=4))
    with running.held_by("bob", each=1, everybody=1):
        pass


def test_a_place_is_left_where_something_goes_wrong():
    running = ConcurrencyLimit("Full.", retry_after=5)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), running.held_by("ada", each=1, everybody=1):
            raise ZeroDivisionError
