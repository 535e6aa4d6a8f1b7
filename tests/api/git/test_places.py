"""How many fetches and pushes one caller, and all together, may have running."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from pytest_django import Settings

from hub.api.git.http import _place
from hub.core.errors import TooMany


def test_one_caller_leaves_room_for_others(settings: Settings) -> None:
    settings.GIT_CONCURRENCY, settings.GIT_PROCESSES = 1, 2
    requests = [RequestFactory(REMOTE_ADDR=f"192.0.2.{n}").get("/") for n in range(3)]
    for request in requests:
        request.user = AnonymousUser()
    with _place(requests[0]):
        with pytest.raises(TooMany), _place(requests[0]):
            pass
        with _place(requests[1]), pytest.raises(TooMany), _place(requests[2]):
            pass
        with _place(requests[2]):
            pass
    with _place(requests[0]):
        pass
