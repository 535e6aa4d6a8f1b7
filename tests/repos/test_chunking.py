"""Files that came whole, cut into chunks in the background: the same content by either form, the whole form gone in time."""

import hashlib
import io
import os
import random
import signal
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.db import connections
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.core.blobs import lfs_key, store, xorb_key
from hub.core.blobs.scratch import blobs_folder
from hub.repos.chunking import chunk_blob, chunk_pending, drop_whole, stays_whole
from hub.repos.content import open_blob
from hub.repos.git.commits import PutBlob
from hub.repos.large_uploads import receive_whole
from hub.repos.models import Blob, BlobClaim, Repository, StorageRun, Visibility, XetFile, Xorb
from hub.repos.services import set_visibility
from hub.repos.xet.errors import DamagedContentError
from tests.factories import make_repo, make_user
from tests.repos.filling import commit

# The chunker's calls come on other connections to the database.
pytestmark = pytest.mark.django_db(transaction=True)

MB = 1024 * 1024


@pytest.fixture
def repo() -> Repository:
    return make_repo(make_user())


def sent(repo: Repository, content: bytes, path: str = "model.bin") -> str:
    """Send content whole and commit it; return its sha256."""
    assert repo.created_by is not None
    blob = receive_whole(repo=repo, user=repo.created_by, stream=io.BytesIO(content), length=len(content))
    commit(repo, PutBlob(path, blob.sha256))
    return blob.sha256


def loaded(sha256: str) -> Blob:
    return Blob.objects.select_related("xet_file").get(pk=sha256)


def read(sha256: str, start: int = 0, stop: int | None = None) -> bytes:
    blob = loaded(sha256)
    return b"".join(open_blob(blob, start, blob.size if stop is None else stop))


def let_time_pass(hours: float) -> None:
    XetFile.objects.update(created_at=timezone.now() - timedelta(hours=hours))


def flip(key: str, at: int) -> None:
    """Change one byte of what is stored."""
    with (blobs_folder() / key).open("r+b") as handle:
        handle.seek(at)
        byte = handle.read(1)[0]
        handle.seek(at)
        handle.write(bytes([byte ^ 1]))


def test_later_versions_cost_what_changed(repo: Repository) -> None:
    content = random.Random(1).randbytes(6 * MB)
    changed = content[: 3 * MB] + b"another layer" + content[3 * MB :]
    first = sent(repo, content)
    assert (loaded(first).xet_file, stays_whole(loaded(first), 10**9)) == (None, True)
    run = chunk_pending(seconds=60)
    assert run is not None and run.finished_at and run.counts == {"files cut": 1, "bytes cut": len(content)}
    assert loaded(first).whole and read(first) == content
    before = sum(Xorb.objects.values_list("stored_size", flat=True))
    second = sent(repo, changed, "second.bin")
    assert chunk_pending(seconds=60)
    # Two chunks or so of 64 KB: what was stored before is found by asking as clients do.
    assert sum(Xorb.objects.values_list("stored_size", flat=True)) - before < 600_000
    assert chunk_pending(seconds=60) is None
    let_time_pass(25)
    run = chunk_pending(seconds=60)
    assert run is not None and run.counts["files dropped"] == 2
    for sha256, whole in ((first, content), (second, changed)):
        assert not loaded(sha256).whole and store().stat(lfs_key(sha256)) is None
        assert read(sha256) == whole
    # Nobody gets a claim by it.
    assert not BlobClaim.objects.exclude(user=repo.created_by).exists()
    assert StorageRun.objects.filter(task="chunk").count() == 3


def test_what_is_looked_for_is_public_or_in_the_same_repository(repo: Repository) -> None:
    content = random.Random(2).randbytes(3 * MB)
    assert repo.created_by is not None
    chunk_blob(sha256=sent(repo, content))
    set_visibility(repo=repo, actor=repo.created_by, visibility=Visibility.PRIVATE)
    stranger = make_repo(make_user())
    copy = sent(stranger, content + b"and more")
    before = sum(Xorb.objects.values_list("stored_size", flat=True))
    chunk_blob(sha256=copy)
    assert sum(Xorb.objects.values_list("stored_size", flat=True)) - before > 3_000_000
    assert read(copy) == content + b"and more"


@pytest.mark.parametrize(("size", "kept_hours", "cut"), [(MB - 1, 24, False), (MB, -1, True), (2 * MB + 1, 24, False)])
def test_limits(repo: Repository, settings: LazySettings, size: int, kept_hours: int, cut: bool) -> None:
    settings.CHUNK_UP_TO, settings.KEEP_WHOLE_HOURS = 2 * MB, kept_hours
    sha256 = sent(repo, random.Random(3).randbytes(size))
    run = chunk_pending(seconds=60)
    assert (loaded(sha256).xet_file is not None, run is not None) == (cut, cut)
    if cut:
        let_time_pass(10**4)
        assert chunk_pending(seconds=60) is None
        assert drop_whole(sha256=sha256) == 0 and loaded(sha256).whole


def test_either_form_gives_every_range_and_stands_in_for_the_other(repo: Repository) -> None:
    content = random.Random(4).randbytes(3 * MB + 77)
    sha256 = sent(repo, content)
    chunk_blob(sha256=sha256)
    file = loaded(sha256).xet_file
    assert file is not None
    chunk_ends = [sum(term[3] for term in file.terms[: number + 1]) for number in range(len(file.terms))]
    borders = st.sampled_from([0, 1, MB - 1, MB, MB + 1, 2 * MB, 3 * MB, len(content), *chunk_ends])
    places = st.one_of(borders, st.integers(0, len(content)))

    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
    )
    @given(places, places, st.booleans())
    def same(one: int, other: int, whole: bool) -> None:
        blob = loaded(sha256)
        blob.whole = whole
        start, stop = sorted((one, other))
        assert b"".join(open_blob(blob, start, stop)) == content[start:stop]

    same()
    # The second block of the whole form: what comes before it has left already, and the rest comes from the chunks.
    flip(lfs_key(sha256), MB + 5)
    assert read(sha256) == content
    assert loaded(sha256).damaged_at is not None
    # Now the chunks come first; with one of them damaged, the whole form still gives what is sound of it.
    xorb = file.terms[0][0]
    flip(xorb_key(xorb), 100)
    assert read(sha256, 0, MB) == content[:MB]
    with pytest.raises(DamagedContentError):
        read(sha256)
    # Sent again, all is well.
    assert sent(repo, content, "again.bin") == sha256
    assert loaded(sha256).damaged_at is None and read(sha256) == content


def test_a_damaged_whole_form_goes_at_once_where_the_chunks_give_it(repo: Repository) -> None:
    content = random.Random(6).randbytes(2 * MB)
    sha256 = sent(repo, content)
    chunk_blob(sha256=sha256)
    assert chunk_pending(seconds=60) is None
    flip(lfs_key(sha256), MB + 5)
    assert b"".join(open_blob(loaded(sha256), 0, len(content))) == content
    assert loaded(sha256).damaged_at is not None
    run = chunk_pending(seconds=60)
    assert run is not None and run.counts["files dropped"] == 1
    assert not loaded(sha256).whole and loaded(sha256).damaged_at is None and read(sha256) == content


def test_the_whole_form_stays_where_the_chunks_do_not_give_it(repo: Repository) -> None:
    content = random.Random(5).randbytes(2 * MB)
    sha256 = sent(repo, content)
    chunk_blob(sha256=sha256)
    let_time_pass(25)
    flip(xorb_key(XetFile.objects.get(sha256=sha256).terms[0][0]), 1000)
    run = chunk_pending(seconds=60)
    assert run is not None and run.counts["failed"] == 1
    assert loaded(sha256).whole and read(sha256) == content
    # It is cut anew, and only a day later looked at again whether it may go.
    run = chunk_pending(seconds=60)
    assert run is not None and run.counts == {"files cut": 1, "bytes cut": len(content)}
    assert chunk_pending(seconds=60) is None
    cache.clear()
    run = chunk_pending(seconds=60)
    assert run is not None and run.counts["files dropped"] == 1
    assert read(sha256) == content


def test_damaged_content_is_not_cut(repo: Repository) -> None:
    sha256 = sent(repo, random.Random(6).randbytes(2 * MB))
    flip(lfs_key(sha256), 2 * MB - 1)
    run = chunk_pending(seconds=60)
    assert run is not None and run.counts == {"failed": 1}
    assert loaded(sha256).xet_file is None and loaded(sha256).damaged_at is not None
    assert not (blobs_folder().parent / "chunking").exists()


def test_one_pass_at_a_time_and_again_after_a_kill(repo: Repository) -> None:
    content = random.Random(7).randbytes(24 * MB)
    sha256 = sent(repo, content)
    runs: list[StorageRun | None] = []

    def work() -> None:
        runs.append(chunk_pending(seconds=60))
        connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    chunkers = (pid for _ in iter(int, 1) for pid in processes_with(sha256))
    pid = next(chunkers)
    assert chunk_pending(seconds=60) is None
    os.kill(pid, signal.SIGKILL)
    worker.join()
    assert runs[0] is not None and runs[0].counts == {"failed": 1}
    assert loaded(sha256).xet_file is None and read(sha256) == content
    assert not processes_with(sha256)
    cache.clear()
    run = chunk_pending(seconds=60)
    assert run is not None and run.counts["files cut"] == 1
    blob = loaded(sha256)
    blob.whole = False
    assert hashlib.sha256(b"".join(open_blob(blob, 0, blob.size))).hexdigest() == sha256


def processes_with(argument: str) -> list[int]:
    """Return the processes that were started with this argument."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in line.read_bytes().split(b"\0"):
                found.append(int(line.parent.name))
        except OSError:
            continue
    return found
