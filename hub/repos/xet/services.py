"""Taking in Xet content: xorbs first, then the shards that make files of them.

Nothing that a client says is believed. Bytes are durable before the rows that name them, and the
rows before the answer.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import IO, NamedTuple, TypeVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hub.accounts.models import Namespace, Someone
from hub.core.blobs import scratch, store, xorb_key
from hub.core.blobs.contract import PIECE
from hub.core.bodies import Reader, drain
from hub.core.database import give_back_connection
from hub.core.errors import TooLarge
from hub.repos.claims import claim
from hub.repos.models import (
    Blob,
    DedupChunk,
    Repository,
    XetFile,
    XetFileXorb,
    Xorb,
    XorbIndex,
)
from hub.repos.storage.keys import lock_key, touch_blobs, touch_xorbs
from hub.repos.storage.quotas import payer_of, require_quota_of_files
from hub.repos.xet import dedup
from hub.repos.xet.errors import FormatError, TruncatedError, UnknownContent, WrongHash
from hub.repos.xet.hashing import MerkleTree, file_hash, many_to_hex, range_hash, to_hex
from hub.repos.xet.layouts import Layouts, damaged_among, index_row
from hub.repos.xet.reading import Term, open_terms
from hub.repos.xet.shard import MAX_BODY as MAX_SHARD
from hub.repos.xet.shard import ShardFile, read_files
from hub.repos.xet.xorb import XorbLayout, name_of, scan

# The chunker cuts no chunk below 8 KiB except a file's last. Half of that leaves room for other
# chunkers and still bounds the work that a small shard can ask for.
_MIN_MEAN_CHUNK = 4096
_FREE_CHUNKS = 1024
# A file is read back once. What repeats itself costs its author a few bytes and the hub all of that reading, so above
# this size a file's xorbs must hold at least a share of it.
_FREE_REPETITION = 64 * 1024**3  # bytes
_MOST_REPETITION = 64
# Xorbs that one process brings to the store at a time: each holds one of the process's few connections to the database.
_PUTS = threading.BoundedSemaphore(6)

_Row = TypeVar("_Row", Xorb, XorbIndex)


def store_xorb(*, stream: Reader, length: int, expected_hash: str, repository: Repository, user: Someone) -> bool:
    """Check the `length` bytes of `stream` and store them as the xorb `expected_hash` (hex).

    Returns whether it was new. Memory: about 2 MiB; the bytes go to a scratch file while they are
    checked. Raises FormatError, WrongHash, StorageFull; then nothing is stored.
    """
    if is_stored(expected_hash):
        give_back_connection()
        drain(stream, length)
        return False
    payer = payer_of(repository, user)
    give_back_connection()
    scratch.require_room(length)
    with scratch.scratch_file() as handle:
        layout = scan_named(stream, length, handle, expected_hash)

        def put() -> XorbLayout:
            store().put(handle, xorb_key(expected_hash))
            return layout

        return keep_xorb(name=expected_hash, payer=payer, put=put)


def scan_named(stream: Reader, length: int, handle: IO[bytes], name: str) -> XorbLayout:
    """Return the layout of the xorb `name` (hex), whose chunks are copied to `handle`. Raises FormatError, WrongHash."""
    with scratch.room_for_bytes():
        layout = scan(stream, length, sink=handle.write)
    if to_hex(name_of(layout)) != name:
        raise WrongHash(f"The content of the xorb does not have the hash {name}.")
    return layout


@transaction.atomic
def is_stored(name: str) -> bool:
    """Tell whether the hub has this xorb (hex hash), whole as far as it knows. If so, it stays until the caller's transaction
    ends, and counts as used: clients remember for weeks that they need not send it."""
    if not touch_xorbs([name]):
        return False
    kept = Xorb.objects.get(pk=name)
    found = store().stat(xorb_key(name))
    return kept.damaged_at is None and found is not None and found.size == kept.stored_size


def keep_xorb(*, name: str, payer: Namespace | None, put: Callable[[], XorbLayout]) -> bool:
    """Have `put` bring checked bytes under the key of the xorb `name` and tell their layout, and write its rows; return
    whether it was new. What is there already, and whole, stays. It counts for `payer` until a file is made of it.

    One at a time for each xorb: the same chunks can be packed in several ways, and rows must not tell of another way than the
    bytes. The transaction is open while bytes are put, so only a few of these run at once.
    """
    with _PUTS, transaction.atomic():
        lock_key(xorb_key(name))
        if is_stored(name):
            return False
        layout = put()
        now = timezone.now()
        row = Xorb(
            hash=name,
            chunks=len(layout),
            raw_size=layout.raw_size,
            stored_size=layout.stored_size,
            payer=payer,
            last_touched_at=now,
            checked_at=now,
        )
        # Over the rows of one whose bytes were lost or damaged.
        was_known = Xorb.objects.filter(pk=name).exists()
        _upsert(row, "chunks", "raw_size", "stored_size", "last_touched_at", "checked_at", "damaged_at")
        _upsert(index_row(name, layout), "chunk_hashes", "raw_ends", "stored_ends")
        _offer(name, dedup.eligible(layout.hashes))
    return not was_known


def _upsert(row: _Row, *fields: str) -> None:
    [key] = [field.name for field in row._meta.fields if field.primary_key]
    type(row).objects.bulk_create([row], update_conflicts=True, unique_fields=[key], update_fields=fields)


class Progress(NamedTuple):
    """How much of a shard's files has been read back and checked, in bytes."""

    verified: int
    total: int


def register_shard(*, stream: Reader, length: int, repository: Repository, user: Someone) -> Iterator[Progress]:
    """Check the files of a shard of `length` bytes and claim them for `repository`.

    A generator: the body has been read and its structure checked when the first progress comes,
    and each file is registered in a transaction of its own once its content has been read back,
    so an upload that is cut short goes on where it stopped. Memory: one file's records.
    Raises FormatError, UnknownContent, WrongHash, TooLarge, DamagedContentError, StorageFull, QuotaExceeded.
    """
    if length > MAX_SHARD:
        raise FormatError(f"A shard has at most {MAX_SHARD} bytes, not {length}.")
    give_back_connection()
    with scratch.scratch_file() as handle:
        left = length
        with scratch.room_for_bytes():
            while left:
                block = stream.read(min(left, PIECE))
                if not block:
                    raise TruncatedError("The shard ended before its announced length. Send it again.")
                handle.write(block)
                left -= len(block)
        handle.seek(0)
        total = sum(_checked_size(found) for found in read_files(handle, length))
        handle.seek(0)
        sizes = ((to_hex(found.file_hash), found.size) for found in read_files(handle, length))
        require_quota_of_files(repo=repository, user=user, files=sizes)
        yield Progress(0, total)
        handle.seek(0)
        done = 0
        for found in read_files(handle, length):
            for verified in _register_file(found, repository, user):
                yield Progress(done + verified, total)
            done += found.size
            yield Progress(done, total)


def _checked_size(found: ShardFile) -> int:
    if found.size > settings.MAX_LFS_FILE:
        raise TooLarge(f"A file of {found.size} bytes is too large; this hub takes up to {settings.MAX_LFS_FILE}.")
    return found.size


def _register_file(found: ShardFile, repository: Repository, user: Someone) -> Iterator[int]:
    """Check one file and write its rows; yield how many of its bytes have been read back."""
    name = to_hex(found.file_hash)
    terms, first_chunk = _proven_terms(found)
    known = XetFile.objects.filter(pk=name).first()
    if known is not None and not _is_damaged(known):
        sha256 = known.sha256
    else:
        digest = hashlib.sha256()
        read = 0
        for block in open_terms(terms, 0, found.size):
            digest.update(block)
            read += len(block)
            yield read
        sha256 = digest.hexdigest()
    if found.sha256 is not None and found.sha256 != sha256:
        raise WrongHash(
            f"The content of a file has the sha256 {sha256}, not {found.sha256} as announced. "
            "It may have changed while it was uploaded; send it again."
        )
    _write_file(
        file=XetFile(hash=name, size=found.size, sha256=sha256, terms=terms),
        first_chunk=first_chunk,
        repository=repository,
        user=user,
    )


def _proven_terms(found: ShardFile) -> tuple[list[Term], bytes | None]:
    """Return the file's terms after checking each claim about them, and its first chunk's hash.

    The range hashes prove that the uploader has the chunks, also those of xorbs which they could
    not read: the hub never gives chunk hashes away.
    """
    if found.range_hashes is None:
        raise FormatError("The shard does not prove its terms; send it with verification entries.")
    names = many_to_hex(found.terms["xorb"].tobytes())
    most_chunks = found.size // _MIN_MEAN_CHUNK + _FREE_CHUNKS
    layouts = Layouts()
    tree = MerkleTree()
    terms: list[Term] = []
    first_chunk: bytes | None = None
    chunks_seen = 0
    held: dict[str, int] = {}
    for i, (name, record) in enumerate(zip(names, found.terms, strict=True)):
        layout = layouts[name]
        held[name] = layout.raw_size
        start, end, size = int(record["start"]), int(record["end"]), int(record["raw"])
        if not start < end <= len(layout):
            raise UnknownContent(f"Term {i} of a file names chunks that the xorb {name} does not have.")
        low, high = layout.raw_range(start, end)
        if high - low != size:
            raise WrongHash(f"Term {i} of a file does not have the size that the shard announces.")
        hashes = layout.hashes_of(start, end)
        if range_hash(hashes) != found.range_hashes[32 * i : 32 * i + 32]:
            raise WrongHash(f"Term {i} of a file is not proven: its verification hash is wrong.")
        chunks_seen += end - start
        if chunks_seen > most_chunks:
            raise FormatError("A file is cut into chunks that are far too small.")
        tree.extend(hashes, layout.raw_lengths[start:end].tolist())
        terms.append((name, start, end, size))
        first_chunk = first_chunk or hashes[:32]
    if damaged := damaged_among(held):
        raise UnknownContent(
            f"The hub's copy of the xorb {damaged} is damaged, and it takes a new one. Delete the folder `xet` of your local "
            "Hugging Face cache, which remembers that the hub had it, and upload the file again."
        )
    if found.size > _FREE_REPETITION + _MOST_REPETITION * sum(held.values()):
        raise FormatError(f"A file of more than {_FREE_REPETITION} bytes repeats the same content too often.")
    if file_hash(tree.root()) != found.file_hash:
        raise WrongHash(f"The terms of a file do not have the file hash {to_hex(found.file_hash)}.")
    return terms, first_chunk


@transaction.atomic
def _write_file(*, file: XetFile, first_chunk: bytes | None, repository: Repository, user: Someone) -> None:
    needed = {term[0] for term in file.terms}
    if touch_xorbs(needed) < needed:
        raise UnknownContent("A xorb of this file has just been deleted. Upload the file again.")
    terms = file.terms
    values = {"size": file.size, "sha256": file.sha256, "terms": terms}
    # Locked where it is there: a file that nothing refers to yet may be about to go.
    file, created = XetFile.objects.select_for_update().get_or_create(pk=file.hash, defaults=values)
    if not created and _is_damaged(file):
        # The same content, from xorbs that are sound.
        file.terms, created = terms, True
        file.save(update_fields=["terms"])
        XetFileXorb.objects.filter(file=file).delete()
    if created:
        XetFileXorb.objects.bulk_create([XetFileXorb(file=file, xorb_id=name) for name in needed])
    if created and first_chunk is not None:
        _offer(file.terms[0][0], [first_chunk])
    blob = Blob(sha256=file.sha256, size=file.size, xet_file=file)
    Blob.objects.bulk_create([blob], ignore_conflicts=True)
    touch_blobs([file.sha256])
    Blob.objects.filter(pk=file.sha256, xet_file=None).update(xet_file=file)
    claim(repo=repository, user=user, sha256=file.sha256)


def _is_damaged(file: XetFile) -> bool:
    return damaged_among(term[0] for term in file.terms) is not None


def _offer(xorb: str, hashes: Iterable[bytes]) -> None:
    """Let clients find the chunks with these raw hashes in the xorb."""
    rows = [DedupChunk(hash=to_hex(raw), xorb_id=xorb) for raw in hashes]
    DedupChunk.objects.bulk_create(rows, ignore_conflicts=True)
