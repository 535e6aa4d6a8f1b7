"""Nobody takes more places than they may, and who leaves makes room."""

from contextlib import ExitStack

import pytest

from hub.api.places import Places
from hub.core.errors import TooMany


def test_places_are_of_each_and_of_everybody():
    places = Places("Full.", retry_after=5)
    with ExitStack() as held:
        for who in ("ada", "ada", "eve"):
            held.enter_context(places.taken_by(who, each=2, everybody=4))
        with pytest.raises(TooMany) as refused:
            held.enter_context(places.taken_by("ada", each=2, everybody=4))
        assert refused.value.retry_after == 5
        held.enter_context(places.taken_by("eve", each=2, everybody=4))
        with pytest.raises(TooMany):
            held.enter_context(places.taken_by("bob", each=2, everybody=4))
    with places.taken_by("bob", each=1, everybody=1):
        pass


def test_a_place_is_left_where_something_goes_wrong():
    places = Places("Full.", retry_after=5)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), places.taken_by("ada", each=1, everybody=1):
            raise ZeroDivisionError
