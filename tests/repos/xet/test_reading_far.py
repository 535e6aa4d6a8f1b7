"""Reading from a store behind a network: ahead, within bounds, and never a byte that is not what was stored."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
import pytest

from hub.core.blobs import ahead, store, xorb_key
from hub.core.blobs.contract import StoreAway
from hub.repos.models import XetFile
from hub.repos.xet import reading
from hub.repos.xet.errors import DamagedContentError
from tests.core.blobs.conftest import s3_settings
from tests.relay import relaying

from .building import noise, xorb_of
from .conftest import upload

pytestmark = pytest.mark.django_db

# Four reads of a store that is far, the last one short.
PIECES = [noise(seed, 120_000) for seed in range(110)]
CONTENT = b"".join(PIECES)


@pytest.fixture
def relay(swift):
    with relaying(swift.port) as relay:
        yield relay


@pytest.fixture
def bucket(swift, relay, settings, tmp_path) -> Iterator[str]:
    """The store is a bucket of the test's own, behind `relay`."""
    settings.DATA_DIR = tmp_path
    name = swift.make_bucket()
    settings.S3 = s3_settings(swift, name, endpoint=relay.url)
    store.cache_clear()
    yield name
    store.cache_clear()


@pytest.fixture
def file(bucket, repo, ada) -> XetFile:
    return upload(PIECES, repo, ada)


@contextmanager
def all_places() -> Iterator[None]:
    """Hold every place for reading ahead; asserts that they become free."""
    for _ in range(ahead._OF_ALL):
        assert ahead._places.acquire(timeout=30)
    try:
        yield
    finally:
        ahead._places.release(ahead._OF_ALL)


def read_until(file: XetFile, error: type[Exception]) -> bytes:
    """What comes before the error."""
    read = b""
    with pytest.raises(error):
        for piece in reading.open_file(file):
            read += piece
    return read


def test_ranges_read_as_they_were(file):
    rng = np.random.default_rng(4)
    some = [tuple(sorted(map(int, pair))) for pair in rng.integers(0, len(CONTENT), (12, 2))]
    for start, end in [(0, len(CONTENT)), (0, 8), (len(CONTENT) - 1, len(CONTENT)), (7, 7), *some]:
        assert b"".join(reading.open_file(file, start, end)) == CONTENT[start:end], (start, end)
    with all_places():
        # Nobody waits for a place.
        assert b"".join(reading.open_file(file)) == CONTENT


def test_damage_in_the_middle_ends_it_there(file, swift, bucket):
    name, body = xorb_of(PIECES)
    at = 9_000_000
    spoiled = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
    for stored in (spoiled, body[:at]):
        swift.client.put_object(Bucket=bucket, Key=xorb_key(name), Body=stored)
        read = read_until(file, DamagedContentError)
        assert CONTENT.startswith(read)
        assert 8_000_000 < len(read) < at
    swift.client.delete_object(Bucket=bucket, Key=xorb_key(name))
    assert read_until(file, DamagedContentError) == b""
    with all_places():
        pass


def test_a_store_that_breaks_off_is_read_on_and_one_that_goes_on_so_is_an_error(file, relay):
    relay.cut_after, relay.cuts = 1_500_000, 2
    assert b"".join(reading.open_file(file)) == CONTENT
    assert relay.was_cut == 2
    relay.cut_after, relay.cuts = 500_000, None
    read = b""
    with pytest.raises(StoreAway):
        for piece in reading.open_file(file):
            read += piece
    assert CONTENT.startswith(read)
    assert len(read) < len(CONTENT)
    with all_places():
        pass


def test_closed_early_it_frees_its_places(file):
    with closing(reading.open_file(file)) as pieces:
        assert CONTENT.startswith(next(pieces))
    with all_places():
        pass


def test_many_slow_readers_hold_no_more_than_all_may(file):
    slow = [reading.open_file(file) for _ in range(ahead._OF_ALL)]
    try:
        # The first dozen keep two places each; then none is left to keep, and the others read on their own.
        assert all(CONTENT.startswith(next(pieces)) for pieces in slow)
        assert ahead._places._value <= 1
        assert all(len(next(pieces)) > 0 for pieces in slow)
    finally:
        for pieces in slow:
            pieces.close()
    with all_places():
        pass
