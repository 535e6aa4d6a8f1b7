"""Locks of the database, held by two connections at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from hub.core import locks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool
        pool.submit(connections.close_all).result()


def test_one_has_it_alone_and_others_are_told(elsewhere: ThreadPoolExecutor) -> None:
    with locks.alone("a name") as own:
        assert own is not None
        assert elsewhere.submit(locks.is_locked, "a name").result()
        assert not locks.is_locked("another name")
        with locks.alone("a name") as second, locks.alone("a name", wait_seconds=0.05) as third:
            assert second is None
            assert third is None
        with locks.alone("another name") as other:
            assert other is not None
    assert not locks.is_locked("a name")
    with locks.alone("a name", wait_seconds=None) as own:
        assert own is not None


def test_many_share_what_nobody_then_has_alone(elsewhere: ThreadPoolExecutor) -> None:
    @transaction.atomic
    def try_share() -> bool:
        return locks.try_share("a name")

    with transaction.atomic():
        locks.share("a name")
        assert elsewhere.submit(try_share).result()
        with locks.alone("a name") as own:
            assert own is None
        assert not locks.is_locked("a name")
    with locks.alone("a name"):
        assert not try_share()
