"""Nothing enters the store that is not what it says, and everything that is acknowledged is there."""

import hashlib
import io
import resource

import numpy as np
import pytest
from django.conf import settings as hub_settings
from django.utils import timezone

from hub.core import blobs
from hub.core.errors import StorageFull, TooLarge
from hub.repos.models import Blob, BlobClaim, DedupChunk, XetFile, XetFileXorb, Xorb, XorbIndex
from hub.repos.xet import hashing, services
from hub.repos.xet.errors import DamagedContentError, FormatError, TruncatedError, UnknownContent, WrongHash
from hub.repos.xet.reading import open_file
from hub.repos.xet.services import keep_xorb, store_xorb

from .building import file_of, noise, packed, shard_of, term, xorb_footer, xorb_of
from .conftest import register, store, upload

pytestmark = pytest.mark.django_db

PIECES = [noise(i, 8200 + i) for i in range(20)]
CONTENT = b"".join(PIECES)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def staged() -> list:
    return list((hub_settings.DATA_DIR / "blobs" / "staging").glob("*"))


def damage(name: str, at: int) -> None:
    path = hub_settings.DATA_DIR / "blobs" / blobs.xorb_key(name)
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.write_bytes(body)


@pytest.fixture(autouse=True)
def own_store(settings, tmp_path):
    settings.DATA_DIR = tmp_path


# --- xorbs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", [0, 1, 2])
def test_a_xorb_is_stored_once_and_indexed(repo, scheme):
    name, body = xorb_of(PIECES, scheme)
    whole = body + xorb_footer(name, PIECES, [1] * len(PIECES))
    first = store_xorb(
        stream=io.BytesIO(whole), length=len(whole), expected_hash=name, repository=repo, user=repo.created_by
    )
    again = io.BytesIO(whole)
    second = store_xorb(stream=again, length=len(whole), expected_hash=name, repository=repo, user=repo.created_by)
    assert (first, second) == (True, False)
    assert again.tell() == len(whole)
    with blobs.store().open_file(blobs.xorb_key(name)) as stored:
        assert stored.read() == body
    row = Xorb.objects.get()
    assert (row.hash, row.chunks, row.raw_size, row.stored_size) == (name, 20, len(CONTENT), len(body))
    index = XorbIndex.objects.get()
    assert bytes(index.chunk_hashes) == b"".join(map(hashing.chunk_hash, PIECES))
    assert np.frombuffer(index.raw_ends, "<u4").tolist() == np.cumsum([len(p) for p in PIECES]).tolist()
    assert staged() == []


def test_a_xorb_whose_bytes_are_lost_is_stored_again(repo):
    name = store(PIECES, repo)
    (hub_settings.DATA_DIR / "blobs" / blobs.xorb_key(name)).unlink()
    store(PIECES, repo)
    assert blobs.store().stat(blobs.xorb_key(name))


def test_a_damaged_xorb_is_taken_again_in_whatever_packing(repo, ada):
    file = upload(PIECES, repo, ada)
    [name] = {term[0] for term in file.terms}
    damage(name, 100)
    Xorb.objects.update(damaged_at=timezone.now(), condemned_at=1)
    store(PIECES, repo, scheme=1)
    kept = Xorb.objects.get()
    assert (kept.damaged_at, kept.condemned_at) == (None, None)
    assert blobs.store().stat(blobs.xorb_key(name)).size == kept.stored_size == len(xorb_of(PIECES, 1)[1])
    assert b"".join(open_file(file)) == CONTENT


def test_a_second_packing_of_the_same_chunks_is_not_stored(repo):
    name, body = xorb_of(PIECES)
    store(PIECES, repo)
    other = xorb_of(PIECES, 1)[1]
    assert not keep_xorb(name=name, payer=repo.namespace, put=lambda: pytest.fail("it was put over the first"))
    assert (
        store_xorb(
            stream=io.BytesIO(other), length=len(other), expected_hash=name, repository=repo, user=repo.created_by
        )
        is False
    )
    assert b"".join(blobs.store().read(blobs.xorb_key(name))) == body


def test_a_damaged_file_is_put_together_anew_from_other_xorbs(repo, ada):
    file = upload(PIECES, repo, ada)
    [damaged] = {term[0] for term in file.terms}
    damage(damaged, 100)
    Xorb.objects.update(damaged_at=timezone.now())
    halves = [(store(part, repo), part) for part in (PIECES[:7], PIECES[7:])]
    register(shard_of([(file.hash, [term(name, part) for name, part in halves], SHA256)]), repo, ada)
    file.refresh_from_db()
    assert b"".join(open_file(file)) == CONTENT
    assert set(XetFileXorb.objects.values_list("xorb", flat=True)) == {name for name, _ in halves}


def test_a_file_is_not_built_on_a_damaged_xorb(repo, ada):
    file = upload(PIECES, repo, ada)
    Xorb.objects.update(damaged_at=timezone.now())
    [name] = {term[0] for term in file.terms}
    with pytest.raises(UnknownContent, match="damaged"):
        register(shard_of([(file_of(PIECES), [term(name, PIECES)], SHA256)]), repo, ada)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda body: body[:-1], FormatError),
        (lambda body: body + b"\0", FormatError),
        (lambda body: body[: len(packed(PIECES[0]))], WrongHash),
        (lambda body: body[:9] + bytes([body[9] ^ 1]) + body[10:], WrongHash),
    ],
)
def test_a_xorb_that_is_not_what_it_says_leaves_nothing(repo, spoil, error):
    name, body = xorb_of(PIECES)
    body = spoil(body)
    with pytest.raises(error):
        store_xorb(stream=io.BytesIO(body), length=len(body), expected_hash=name, repository=repo, user=repo.created_by)
    assert not blobs.store().stat(blobs.xorb_key(name))
    assert not Xorb.objects.exists()
    assert staged() == []


def test_an_upload_that_breaks_off_leaves_nothing(repo):
    name, body = xorb_of(PIECES)
    with pytest.raises(TruncatedError):
        store_xorb(
            stream=io.BytesIO(body[:-100]), length=len(body), expected_hash=name, repository=repo, user=repo.created_by
        )
    assert not Xorb.objects.exists()
    assert staged() == []


def test_chunks_that_clients_may_ask_about_are_listed(repo):
    seed = next(
        i for i in range(100_000) if hashing.hash_modulo(hashing.chunk_hash(i.to_bytes(4, "little")), 1024) == 0
    )
    chunk = seed.to_bytes(4, "little")
    name = store([b"something else", chunk], repo)
    assert list(DedupChunk.objects.values_list("hash", "xorb")) == [(hashing.to_hex(hashing.chunk_hash(chunk)), name)]


def test_a_full_disk_says_so_and_leaves_nothing(repo):
    name, body = xorb_of([noise(i, 100_000) for i in range(20)])
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, allowed[1]))
    try:
        with pytest.raises(StorageFull):
            store_xorb(
                stream=io.BytesIO(body), length=len(body), expected_hash=name, repository=repo, user=repo.created_by
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)
    assert not Xorb.objects.exists()
    assert staged() == []


# --- shards -----------------------------------------------------------------------------------------


def test_a_file_over_several_xorbs_becomes_a_claimed_blob(repo, ada):
    one, two = store(PIECES[:12], repo), store(PIECES[12:], repo, scheme=2)
    terms = [term(one, PIECES[:12], 0, 5), term(one, PIECES[:12], 5, 12), term(two, PIECES[12:])]
    progress = register(shard_of([(file_of(PIECES), terms, SHA256)], [(one, PIECES[:12])]), repo, ada)
    assert progress[0] == (0, len(CONTENT))
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    file = XetFile.objects.get()
    assert (file.hash, file.size, file.sha256) == (file_of(PIECES), len(CONTENT), SHA256)
    assert set(XetFileXorb.objects.values_list("xorb", flat=True)) == {one, two}
    blob = Blob.objects.get()
    assert (blob.sha256, blob.size, blob.whole, blob.xet_file_id) == (SHA256, len(CONTENT), False, file.hash)
    assert BlobClaim.objects.filter(repository=repo, blob=blob, user=ada).count() == 1
    first = hashing.to_hex(hashing.chunk_hash(PIECES[0]))
    assert DedupChunk.objects.filter(hash=first, xorb=one).exists()
    assert b"".join(open_file(file)) == CONTENT


def test_a_file_without_announced_sha256_gets_its_own(repo, ada):
    name = store(PIECES, repo)
    register(shard_of([(file_of(PIECES), [term(name, PIECES)], None)]), repo, ada)
    assert Blob.objects.get().sha256 == SHA256


def test_an_empty_file_has_a_place(repo, ada):
    register(shard_of([(file_of([]), [], hashlib.sha256().hexdigest())]), repo, ada)
    assert list(open_file(XetFile.objects.get())) == []


def test_the_same_file_twice_is_one_blob_with_two_claims(repo, ada, eve, make_repo):
    file = upload(PIECES, repo, ada)
    upload(PIECES, make_repo(eve), eve)
    # Other terms over other xorbs, the same content.
    halves = [store(PIECES[:7], repo), store(PIECES[7:], repo)]
    terms = [term(halves[0], PIECES[:7]), term(halves[1], PIECES[7:])]
    register(shard_of([(file_of(PIECES), terms, SHA256)]), repo, ada)
    assert Blob.objects.get().sha256 == file.sha256
    assert BlobClaim.objects.count() == 2
    assert XetFileXorb.objects.count() == 1


def test_a_blob_that_lies_whole_gains_its_chunks(repo, ada):
    Blob.objects.create(sha256=SHA256, size=len(CONTENT), whole=True)
    file = upload(PIECES, repo, ada)
    blob = Blob.objects.get()
    assert blob.whole
    assert blob.xet_file_id == file.hash


def assert_refused(body: bytes, error: type[Exception], repo, user) -> None:
    with pytest.raises(error):
        register(body, repo, user)
    assert not XetFile.objects.exists()
    assert not BlobClaim.objects.exists()
    assert staged() == []


def test_content_under_a_foreign_sha256_is_refused(repo, ada):
    name = store(PIECES, repo)
    foreign = hashlib.sha256(b"somebody's famous weights").hexdigest()
    assert_refused(shard_of([(file_of(PIECES), [term(name, PIECES)], foreign)]), WrongHash, repo, ada)


def test_a_known_file_under_a_foreign_sha256_is_refused(repo, ada, eve, make_repo):
    upload(PIECES, repo, ada)
    foreign = hashlib.sha256(b"other").hexdigest()
    name, _ = xorb_of(PIECES)
    other = make_repo(eve)
    with pytest.raises(WrongHash):
        register(shard_of([(file_of(PIECES), [term(name, PIECES)], foreign)]), other, eve)
    assert not BlobClaim.objects.filter(repository=other).exists()


def test_a_term_without_proof_claims_nothing(repo, ada, eve, make_repo):
    """Knowing the names of somebody's xorb and file is not having them."""
    upload(PIECES, repo, ada)
    name, _ = xorb_of(PIECES)
    other = make_repo(eve)
    guessed = [(term(name, PIECES)[0], bytes(32))]
    for body, error in [
        (shard_of([(file_of(PIECES), guessed, SHA256)]), WrongHash),
        (shard_of([(file_of(PIECES), guessed, SHA256)], proofs=False), FormatError),
    ]:
        with pytest.raises(error):
            register(body, other, eve)
    assert not BlobClaim.objects.filter(repository=other).exists()


def test_terms_must_fit_what_is_stored(repo, ada):
    name = store(PIECES, repo)
    unknown, _ = xorb_of(PIECES[:3])
    file = file_of(PIECES)

    def with_term(**changes: int) -> bytes:
        record, proof = term(name, PIECES)
        for key, value in changes.items():
            record[key] = value
        return shard_of([(file, [(record, proof)], SHA256)])

    for body, error in [
        (shard_of([(file, [term(unknown, PIECES[:3])], SHA256)]), UnknownContent),
        (with_term(end=21), UnknownContent),
        (with_term(start=20), UnknownContent),
        (with_term(end=2**32 - 1), UnknownContent),
        (with_term(raw=len(CONTENT) - 1), WrongHash),
        (with_term(start=1), WrongHash),
        (shard_of([(file_of(PIECES[1:]), [term(name, PIECES)], SHA256)]), WrongHash),
        (shard_of([(file, [term(name, PIECES, 0, 3), term(name, PIECES, 4, 20)], SHA256)]), WrongHash),
        (shard_of([(file, [term(name, PIECES)], SHA256)])[:-1], FormatError),
    ]:
        assert_refused(body, error, repo, ada)


def test_a_file_of_far_too_many_chunks_is_refused(repo, ada):
    pieces = [b"x"] * 2000
    name = store(pieces, repo)
    sha256 = hashlib.sha256(b"x" * 2000).hexdigest()
    assert_refused(shard_of([(file_of(pieces), [term(name, pieces)], sha256)]), FormatError, repo, ada)


def test_a_large_file_of_one_chunk_again_and_again_is_refused(repo, ada, monkeypatch):
    monkeypatch.setattr(services, "_FREE_REPETITION", 1000)
    name = store(PIECES[:1], repo)
    for times, refused in ((60, False), (80, True)):
        pieces = PIECES[:1] * times
        sha256 = hashlib.sha256(b"".join(pieces)).hexdigest()
        body = shard_of([(file_of(pieces), [term(name, PIECES[:1])] * times, sha256)])
        if refused:
            with pytest.raises(FormatError, match="repeats"):
                register(body, repo, ada)
        else:
            register(body, repo, ada)
            assert Blob.objects.get(pk=sha256).size == len(b"".join(pieces))


def test_a_file_above_the_limit_is_refused(repo, ada, settings):
    settings.MAX_LFS_FILE = 1000
    name = store(PIECES, repo)
    assert_refused(shard_of([(file_of(PIECES), [term(name, PIECES)], SHA256)]), TooLarge, repo, ada)


def test_a_shard_of_several_files_keeps_those_before_the_bad_one(repo, ada):
    name = store(PIECES, repo)
    good = (file_of(PIECES[:4]), [term(name, PIECES, 0, 4)], None)
    bad = (file_of(PIECES), [term(name, PIECES)], "0" * 64)
    with pytest.raises(WrongHash):
        register(shard_of([good, bad]), repo, ada)
    assert XetFile.objects.get().hash == file_of(PIECES[:4])
    register(shard_of([good, (file_of(PIECES), [term(name, PIECES)], SHA256)]), repo, ada)
    assert XetFile.objects.count() == 2


def test_damaged_chunks_are_not_registered(repo, ada):
    name = store(PIECES, repo)
    damage(name, 50_000)
    body = shard_of([(file_of(PIECES), [term(name, PIECES)], SHA256)])
    assert_refused(body, DamagedContentError, repo, ada)
