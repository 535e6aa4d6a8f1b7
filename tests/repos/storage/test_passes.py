"""Passes over the storage find what is damaged, say so once, and find it well again when it is."""

import hashlib
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_django
from django.core import mail
from django.utils import timezone

from hub.core.blobs import lfs_key, store, xorb_key
from hub.repos.claims import claim, claim_blob
from hub.repos.content import open_blob
from hub.repos.git.commits import PutBlob
from hub.repos.models import Blob, Repository, StorageRun, Xorb, XorbIndex
from hub.repos.storage import passes, scrubbing
from hub.repos.storage.damages import list_damaged
from hub.repos.xet.errors import DamagedContentError
from tests.core.blobs.conftest import s3_settings
from tests.factories import make_repo, make_user
from tests.repos.filling import commit, sent
from tests.repos.xet.building import noise
from tests.repos.xet.conftest import upload

pytestmark = pytest.mark.django_db

Task = StorageRun.Task


@pytest.fixture
def own_folder(tmp_path: Path, settings: pytest_django.Settings) -> Iterator[None]:
    """A store that holds nothing of other tests."""
    settings.DATA_DIR = tmp_path
    store.cache_clear()
    yield
    store.cache_clear()


@pytest.fixture
def repo(own_folder: None) -> Repository:
    """A repository with a file that came whole and one that came in chunks."""
    repo = make_repo()
    assert repo.created_by is not None
    commit(repo, PutBlob("whole.bin", sent(repo, WHOLE)))
    file = upload(PIECES, repo, repo.created_by)
    commit(repo, PutBlob("folder/chunked.bin", file.sha256))
    return repo


WHOLE = b"large content that is stored whole" * 1000
SHA256 = hashlib.sha256(WHOLE).hexdigest()
PIECES = [noise(number, 30_000) for number in range(3)]


def run(task: str, *, everything: bool = False) -> StorageRun:
    begun = passes.ask(task, everything=everything)
    while passes.work(seconds=30):
        pass
    begun.refresh_from_db()
    assert begun.finished_at is not None
    return begun


def put(key: str, content: bytes, folder: Path) -> None:
    """Have other bytes in the store than were put there, as a bad disk has."""
    path = folder / "content"
    path.write_bytes(content)
    with path.open("rb") as handle:
        store().put(handle, key)
    path.unlink()


def flipped(key: str) -> bytes:
    content = bytearray(b"".join(store().read(key)))
    content[len(content) // 2] ^= 1
    return bytes(content)


def test_a_check_looks_at_everything(repo: Repository) -> None:
    done = run(Task.CHECK)
    assert done.damages == []
    assert {name: done.counts[name] for name in ("repositories", "large files", "xorbs")} == {
        "repositories": 1,
        "large files": 2,
        "xorbs": 1,
    }


def _lost(repo: Repository, folder: Path) -> str:
    store().delete(lfs_key(SHA256))
    return f"large file {SHA256}: it is not in the store."


def _cut_off(repo: Repository, folder: Path) -> str:
    put(lfs_key(SHA256), WHOLE[:-1], folder)
    return f"large file {SHA256}: it has 33999 bytes in the store, not 34000."


def _lost_xorb(repo: Repository, folder: Path) -> str:
    name = Xorb.objects.get().pk
    store().delete(xorb_key(name))
    return f"xorb {name}: it is not in the store."


def _other_index(repo: Repository, folder: Path) -> str:
    index = XorbIndex.objects.get()
    XorbIndex.objects.update(raw_ends=bytes(index.raw_ends)[:-1] + b"\x07")
    return f"xorb {index.pk}: its index does not fit its row."


@pytest.mark.parametrize("harm", [_lost, _cut_off, _lost_xorb, _other_index])
def test_a_check_finds_what_is_not_there(repo, harm, tmp_path, caplog) -> None:  # type: ignore[no-untyped-def]
    make_user("admin1", admin=True)
    said = harm(repo, tmp_path)
    assert run(Task.CHECK).damages == [said]
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [f"damaged: {said}"]
    assert [(sent.to, said in sent.body) for sent in mail.outbox] == [(["admin1@example.org"], True)]
    # It is told once.
    assert run(Task.CHECK).damages == [said]
    assert len(mail.outbox) == 1


def test_a_check_goes_on_where_it_stopped(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        sent(repo, b"more %d" % number)
    monkeypatch.setattr("hub.repos.storage.checking.ROWS_AT_ONCE", 2)
    begun = passes.ask(Task.CHECK)
    rounds = 0
    while StorageRun.objects.filter(finished_at=None).exists():
        # In no time at all, one batch is done.
        passes._Pass(StorageRun.objects.get(), until=0).go_on()
        rounds += 1
    begun.refresh_from_db()
    assert begun.finished_at is not None
    assert rounds >= 5
    assert (begun.counts["repositories"], begun.counts["large files"], begun.counts["xorbs"]) == (1, 7, 1)
    assert begun.damages == []


def test_what_nothing_names_is_counted_and_is_no_damage(repo: Repository, tmp_path: Path) -> None:
    for name in ("00" * 32, "ff" * 32):
        put(lfs_key(name), b"of nobody", tmp_path)
    put(xorb_key("77" * 32), b"of nobody", tmp_path)
    done = run(Task.CHECK)
    assert (done.counts["orphans"], done.damages) == (3, [])


def test_reading_again_finds_changed_bytes_and_notes_when_they_are_well(repo: Repository, tmp_path: Path) -> None:
    xorb = Xorb.objects.get().pk
    well = {key: b"".join(store().read(key)) for key in (lfs_key(SHA256), xorb_key(xorb))}
    for key in well:
        put(key, flipped(key), tmp_path)
    assert run(Task.CHECK).damages == []
    damages = run(Task.SCRUB, everything=True).damages
    assert len(damages) == 2
    assert any(said.startswith(f"large file {SHA256}: its bytes have the sha256") for said in damages)
    assert any(said.startswith(f"xorb {xorb}: ") for said in damages)
    found = {each.name: each for each in list_damaged(10)}
    assert [place.path for place in found[SHA256].places] == ["whole.bin"]
    assert [place.path for place in found[xorb].places] == ["folder/chunked.bin"]
    assert not found[SHA256].readable
    assert not found[xorb].readable
    for key, content in well.items():
        put(key, content, tmp_path)
    assert (run(Task.SCRUB).damages, list_damaged(10)) == ([], [])


def test_reading_again_makes_the_sums_of_blocks(repo: Repository) -> None:
    made = Blob.objects.filter(pk=SHA256).values_list("block_sums", flat=True).get()
    Blob.objects.filter(pk=SHA256).update(block_sums=None)
    run(Task.SCRUB, everything=True)
    assert made is not None
    assert Blob.objects.filter(pk=SHA256).values_list("block_sums", flat=True).get() == made


def test_everything_is_read_within_the_days(repo: Repository, settings: pytest_django.Settings) -> None:
    settings.SCRUB_DAYS = 3
    # Each of the same size, so that each night has a third of them.
    for number in range(6):
        sent(repo, b"%034000d" % number)
    size = scrubbing.total_bytes()
    long_ago = timezone.now() - timedelta(days=9)
    Blob.objects.update(created_at=long_ago)
    Xorb.objects.update(created_at=long_ago)
    for _night in range(3):
        begun = timezone.now()
        done = run(Task.SCRUB)
        assert size / 3 <= done.counts["bytes"] <= size / 3 + 34000 + Xorb.objects.get().stored_size
        # What was read tonight is not read again in the same night, but tomorrow.
        Blob.objects.filter(checked_at__gte=begun).update(checked_at=begun - timedelta(hours=20))
        Xorb.objects.filter(checked_at__gte=begun).update(checked_at=begun - timedelta(hours=20))
    assert not Blob.objects.filter(whole=True, checked_at__lte=long_ago).exists()
    assert not Xorb.objects.filter(checked_at__lte=long_ago).exists()


def test_very_large_content_is_compared_in_several_sittings(repo, monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    content = bytes(5 * 1024**2) + b"end"
    sha256 = sent(repo, content)
    Xorb.objects.update(checked_at=timezone.now())
    Blob.objects.exclude(pk=sha256).update(checked_at=timezone.now())
    monkeypatch.setattr(scrubbing, "_IN_ONE_GO", 1024**2)
    kept = scrubbing.Kept(sha256, False, len(content))
    at, sittings = 0, 0
    while at < len(content):
        damage, at = scrubbing.reread(kept, scrubbing.Pace(0), start=at, until=0)
        assert damage is None
        sittings += 1
    assert sittings == 6
    assert Blob.objects.get(pk=sha256).checked_at is not None
    put(lfs_key(sha256), content[:-1] + b"!", tmp_path)
    assert scrubbing.reread(kept, scrubbing.Pace(0), start=2 * 1024**2).damage == (
        f"large file {sha256}: its bytes from {5 * 1024**2} on are not what they were.",
        sha256,
        "",
        True,
    )


def test_sending_it_again_heals(repo: Repository, tmp_path: Path) -> None:
    put(lfs_key(SHA256), flipped(lfs_key(SHA256)), tmp_path)
    assert len(run(Task.SCRUB, everything=True).damages) == 1
    assert sent(repo, WHOLE) == SHA256
    assert list_damaged(10) == []
    assert run(Task.SCRUB, everything=True).damages == []
    assert repo.created_by is not None
    xorb = xorb_key(Xorb.objects.get().pk)
    put(xorb, flipped(xorb), tmp_path)
    assert len(run(Task.SCRUB, everything=True).damages) == 1
    upload(PIECES, repo, repo.created_by)
    assert list_damaged(10) == []
    assert run(Task.SCRUB, everything=True).damages == []


def test_relying_on_what_is_there_heals_nothing(repo: Repository) -> None:
    Blob.objects.filter(pk=SHA256).update(damaged_at=timezone.now())
    other = make_repo()
    assert other.created_by is not None
    claim(repo=other, user=other.created_by, sha256=SHA256)
    assert Blob.objects.get(pk=SHA256).damaged_at is not None
    claim_blob(repo=other, user=other.created_by, sha256=SHA256, size=len(WHOLE))
    assert Blob.objects.get(pk=SHA256).damaged_at is None


def test_passes_begin_at_night_or_when_long_overdue() -> None:
    night = timezone.now().replace(hour=3)
    noon = timezone.now().replace(hour=12)
    ago = timedelta(hours=25)
    assert passes._is_due(night - ago, night)
    assert not passes._is_due(noon - ago, noon)
    assert passes._is_due(noon - timedelta(hours=31), noon)
    assert not passes._is_due(night - timedelta(hours=10), night)
    # A hub that was made a moment ago has nothing to do; a clock that went back does no harm.
    passes.start_due()
    assert not StorageRun.objects.exists()
    assert not passes._is_due(noon + ago, noon)


def test_against_s3(swift, tmp_path, settings: pytest_django.Settings) -> None:  # type: ignore[no-untyped-def]
    """What differs there: the listing, and reading."""
    settings.DATA_DIR = tmp_path
    settings.S3 = s3_settings(swift, swift.make_bucket())
    store.cache_clear()
    try:
        repo = make_repo()
        assert repo.created_by is not None
        commit(repo, PutBlob("whole.bin", sent(repo, WHOLE)))
        upload(PIECES, repo, repo.created_by)
        put(lfs_key("00" * 32), b"of nobody", tmp_path)
        assert run(Task.CHECK).counts["orphans"] == 1
        assert run(Task.SCRUB, everything=True).damages == []
        xorb = Xorb.objects.get().pk
        put(xorb_key(xorb), flipped(xorb_key(xorb)), tmp_path)
        store().delete(lfs_key(SHA256))
        assert run(Task.CHECK).damages == [f"large file {SHA256}: it is not in the store."]
        assert len(run(Task.SCRUB, everything=True).damages) == 2
    finally:
        store.cache_clear()


def test_what_can_be_read_in_no_form_is_not_sound(repo: Repository) -> None:
    chunked = Blob.objects.get(whole=False).pk
    assert set(Blob.objects.sound().values_list("pk", flat=True)) == {SHA256, chunked}
    Xorb.objects.update(damaged_at=timezone.now())
    Blob.objects.filter(pk=SHA256).update(damaged_at=timezone.now())
    assert not Blob.objects.sound().exists()
    # Sent whole, what came in chunks can be read again; so can what is stored in both forms and damaged in one.
    assert sent(repo, b"".join(PIECES)) == chunked
    Blob.objects.filter(pk=SHA256).update(xet_file=Blob.objects.get(pk=chunked).xet_file)
    assert set(Blob.objects.sound().values_list("pk", flat=True)) == {chunked}
    Xorb.objects.update(damaged_at=None)
    assert set(Blob.objects.sound().values_list("pk", flat=True)) == {SHA256, chunked}


def test_a_download_that_meets_damage_marks_it(repo: Repository, tmp_path: Path) -> None:
    xorb = Xorb.objects.get()
    put(xorb_key(xorb.pk), flipped(xorb_key(xorb.pk)), tmp_path)
    blob = Blob.objects.select_related("xet_file").get(whole=False)
    with pytest.raises(DamagedContentError):
        list(open_blob(blob, 0, blob.size))
    xorb.refresh_from_db()
    assert xorb.damaged_at is not None
    make_user("admin2", admin=True)
    run(Task.SCRUB)
    assert [xorb.pk in sent.body for sent in mail.outbox] == [True]
