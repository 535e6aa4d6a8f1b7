"""What is read is what was stored, for every range, or it is an error."""

import hashlib

import numpy as np
import pytest
from django.conf import settings as hub_settings

from hub.core.blobs import xorb_key
from hub.repos.models import XetFile
from hub.repos.xet import chunks
from hub.repos.xet.errors import DamagedContentError, RangeNotSatisfiable
from hub.repos.xet.reading import open_file, open_stored, reconstruct

from .building import file_of, noise, shard_of, term, xorb_of
from .conftest import register, store, upload

pytestmark = pytest.mark.django_db

PIECES = [noise(i, 30_000 + 1000 * i) for i in range(40)]


@pytest.fixture(autouse=True)
def own_store(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def content() -> bytes:
    return b"".join(PIECES[:25]) + b"".join(PIECES[3:10]) + b"".join(PIECES[25:])


@pytest.fixture
def file(repo, ada, content) -> XetFile:
    """A file over two xorbs, one of which it uses in three places, twice the same chunks."""
    one, two = store(PIECES[:25], repo), store(PIECES[25:], repo, scheme=chunks.SCHEME_BG4_LZ4)
    order = PIECES[:25] + PIECES[3:10] + PIECES[25:]
    terms = [
        term(one, PIECES[:25], 0, 8),
        term(one, PIECES[:25], 8, 25),
        term(one, PIECES[:25], 3, 10),
        term(two, PIECES[25:]),
    ]
    sha256 = hashlib.sha256(content).hexdigest()
    register(shard_of([(file_of(order), terms, sha256)]), repo, ada)
    return XetFile.objects.get()


def ranges(size: int) -> list[tuple[int, int]]:
    edges = np.cumsum([len(p) for p in PIECES]).tolist()
    rng = np.random.default_rng(3)
    some = [tuple(sorted(map(int, pair))) for pair in rng.integers(0, size, (40, 2))]
    at_edges = [(e + a, e + b) for e in edges[:25:6] for a in (-1, 0, 1) for b in (0, 1, 2) if a < b]
    return [(0, 1), (0, size), (size - 1, size), *some, *at_edges]


def test_every_range_reads_as_it_was(file, content):
    for start, end in ranges(len(content)):
        assert b"".join(open_file(file, start, end)) == content[start:end], (start, end)


def test_a_range_beyond_the_end_is_cut(file, content):
    assert b"".join(open_file(file, 5, 10**12)) == content[5:]


def test_every_reconstruction_leads_to_its_bytes(file, content):
    """Put the file together as a client does: fetch the runs, take the terms out of them."""
    for start, end in ranges(len(content)):
        if start == end:
            continue
        plan = reconstruct(file, start, end)
        fetched = {run: b"".join(open_stored(run)) for runs in plan.ranges.values() for run in runs}
        out = b""
        for wanted, inflated in plan.terms:
            [run] = [
                run
                for run in plan.ranges[wanted.xorb]
                if run.first_chunk <= wanted.first_chunk and wanted.end_chunk <= run.end_chunk
            ]
            raw = inflate(fetched[run][wanted.start - run.start : wanted.end - run.start])
            assert len(raw) == inflated
            out += raw
        assert out[plan.skip : plan.skip + end - start] == content[start:end], (start, end)


def inflate(stored: bytes) -> bytes:
    out = b""
    while stored:
        header = chunks.parse_header(stored)
        out += chunks.decode(header, stored[8 : 8 + header.compressed])
        stored = stored[8 + header.compressed :]
    return out


def test_runs_of_one_xorb_are_merged(file):
    plan = reconstruct(file)
    assert [len(runs) for runs in plan.ranges.values()] == [1, 1]
    assert len(plan.terms) == 4


def test_nothing_lies_behind_the_end(file):
    for start in (file.size, file.size + 1):
        with pytest.raises(RangeNotSatisfiable):
            reconstruct(file, start)
    with pytest.raises(RangeNotSatisfiable):
        reconstruct(file, 10, 5)


def test_a_flipped_byte_anywhere_is_an_error(repo, ada):
    pieces = [noise(i, 9000) for i in range(6)]
    for scheme in (chunks.SCHEME_NONE, chunks.SCHEME_BG4_LZ4):
        file = upload([*pieces, bytes([scheme])], repo, ada, scheme)
        name, body = xorb_of([*pieces, bytes([scheme])], scheme)
        path = hub_settings.DATA_DIR / "blobs" / xorb_key(name)
        [run] = reconstruct(file).ranges[name]
        content = b"".join(open_file(file))
        rng = np.random.default_rng(5)
        for at in rng.integers(0, len(body), 60):
            spoiled = bytearray(body)
            spoiled[at] ^= 1 << int(rng.integers(8))
            path.write_bytes(spoiled)
            try:
                assert b"".join(open_file(file)) == content
            except DamagedContentError:
                with pytest.raises(DamagedContentError):
                    list(open_stored(run))
            else:
                # A bit of an LZ4 frame that carries no content.
                assert scheme == chunks.SCHEME_BG4_LZ4
        path.write_bytes(body[:-1])
        with pytest.raises(DamagedContentError):
            list(open_file(file))
        path.unlink()
        with pytest.raises(DamagedContentError):
            list(open_file(file))
