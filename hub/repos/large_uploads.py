"""Large files that arrive whole: in one piece through the hub, or in parts, through it or straight to the store.

An upload is somebody's own, for one repository. Parts may come in any order and again; nothing counts before the whole has
been checked against its sha256. What goes straight to the store is a part of an upload, too, be it the only one: it is the hub
that completes it, and nobody can change it from then on.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from hub.accounts.models import User
from hub.core.blobs import lfs_key, store
from hub.core.blobs.intake import ContentCheck, received
from hub.core.database import give_back_connection
from hub.core.errors import Conflict, Invalid, TooMany, Unavailable
from hub.repos.claims import claim_blob
from hub.repos.models import Blob, BlobClaim, LargeUpload, Repository
from hub.repos.storage.keys import put_again_if_gone, share_key, touch_blobs
from hub.repos.storage.quotas import require_quota

log = logging.getLogger(__name__)

# What one answer lists of parts, roughly; above it parts become larger.
MAX_PARTS = 2000
# What S3 wants of parts: these many bytes of each but the last, and at most as many of any.
_LEAST_PART, MOST_PART = 5 * 1024**2, 5 * 1024**3
# Up to here a file goes straight to the store in one piece. git-lfs waits three times 30 seconds for the check of it.
MOST_IN_ONE_PIECE = 2 * 1024**3
UPLOAD_LIFE = timedelta(days=7)
# Of one account: each is a row here, and an upload that the store keeps open. One more call may go past it.
MAX_BEGUN = 10_000
_MEGABYTE = 1024 * 1024
# How long one who asks for the check waits while another's runs, and how long a check counts as running that says no more.
_PATIENCE, _SILENCE = 25, 20  # seconds
# The least that a store copies in a second, in bytes. It says nothing meanwhile.
_COPIED = 4 * 1024**2


def receive_whole(*, repo: Repository, user: User, stream: BinaryIO, length: int, sha256: str = "") -> Blob:
    """Store `length` bytes of `stream` whole, and let commits of `user` to `repo` name them.

    Raises TooLarge, Invalid when the stream ends early or its hash is not `sha256`, StorageFull. Memory: one copy buffer.
    """
    require_quota(repo=repo, user=user, new=length, besides=[sha256] if sha256 else [])
    # Whoever sends slowly holds a thread, not a connection to the database.
    give_back_connection()
    with received(stream, length=length, limit=settings.MAX_LFS_FILE, sha256=sha256) as content:
        key = lfs_key(content.sha256)
        store().put(content.handle, key)
        with transaction.atomic():
            share_key(key)
            put_again_if_gone(content.handle, key)
            return claim_blob(repo=repo, user=user, sha256=content.sha256, size=content.size, sums=content.sums)


def part_size_for(sizes: Iterable[int]) -> int | None:
    """Return the bytes of each part where some of the files, of `sizes` bytes, are sent in parts; None where none is."""
    sizes = list(sizes)
    direct = store().is_direct
    usual = max(settings.LFS_PART_SIZE, _LEAST_PART) if direct else settings.LFS_PART_SIZE
    if max(sizes, default=0) <= usual:
        return None
    wanted = -(-sum(sizes) // MAX_PARTS)
    size = -(-wanted // _MEGABYTE) * _MEGABYTE if wanted > usual else usual
    return min(size, MOST_PART) if direct else size


def check_may_begin(user: User) -> None:
    """Raise TooMany where `user` has begun more uploads than they finish."""
    if LargeUpload.objects.filter(user=user).count() >= MAX_BEGUN:
        raise TooMany(
            f"You have begun {MAX_BEGUN} uploads and finished none of them. Finish some; what is left is forgotten after "
            f"{UPLOAD_LIFE.days} days.",
            retry_after=3600,
        )


def begin_upload(*, repo: Repository, user: User, sha256: str, size: int, part_size: int) -> LargeUpload:
    """Return an upload of this content by this user: one that they have begun already goes on, with the parts that it has.

    The caller has passed get_repo_for_proposing.
    """
    wanted = {"repository": repo, "user": user, "sha256": sha256, "size": size, "part_size": part_size}
    begun = LargeUpload.objects.filter(**wanted, created_at__gte=timezone.now() - UPLOAD_LIFE).order_by("pk").last()
    if begun is None:
        return LargeUpload.objects.create(**wanted, parts=store().begin_parts())
    _begin_again_if_over(begun)
    return begun


def _begin_again_if_over(upload: LargeUpload) -> None:
    """Give an upload new parts where the store knows it no more: they were refused, or whoever joined them was killed."""
    if not store().is_open(upload.parts):
        upload.parts = store().begin_parts()
        # It may have been finished and forgotten meanwhile.
        LargeUpload.objects.filter(pk=upload.pk).update(parts=upload.parts)


def receive_part(*, upload: LargeUpload, number: int, stream: BinaryIO) -> str:
    """Keep part `number`, from 1, of an upload; return the tag by which `finish_upload` wants it named.

    Raises Invalid for a number that there is not, and a length that is not that part's; Conflict, StorageFull.
    """
    if not 1 <= number <= parts_of(upload):
        raise Invalid(f"This upload has parts 1 to {parts_of(upload)}.")
    give_back_connection()
    return store().put_part(upload.parts, number, stream, length=length_of(upload, number))


def finish_direct(*, repo: Repository, user: User, sha256: str, size: int) -> bool:
    """Finish what came straight to the store in one piece, whose sender does not know its tag; tell whether there was such.

    Raises Conflict where it has not come; else as `finish_upload`.
    """
    waiting = LargeUpload.objects.filter(repository=repo, user=user, sha256=sha256, size=size, part_size=size)
    upload = waiting.select_related("repository__namespace", "user").order_by("pk").last()
    if upload is None:
        return False
    # Without parts, it has not come, or was put together by somebody who was killed: the store knows.
    finish_upload(upload=upload, parts=[part.tag for part in store().parts(upload.parts)][:1] or ["none"])
    return True


def finish_upload(*, upload: LargeUpload, parts: list[str]) -> None:
    """Put the parts with these tags together, check the whole, and let its sender's commits name it.

    One at a time for each upload: a large file takes long, and whoever asks meanwhile waits and finds it done. Asked again
    after it was done, it does nothing. Raises Invalid, Conflict, Unavailable while it is being done, StorageFull.
    """
    repo, user, sha256 = upload.repository, upload.user, upload.sha256
    with _alone(upload) as lock:
        if not LargeUpload.objects.filter(pk=upload.pk).exists():
            if is_finished(repo, user, sha256):
                return
            raise Conflict("This upload is over. Ask for a new one.")
        _require_parts(upload, parts)
        with transaction.atomic():
            # Whoever has the content already keeps it until this is done.
            touch_blobs([sha256])
        check = _Check(sha256, lock)
        try:
            store().join_parts(upload.parts, parts, lfs_key(sha256), check)
        except Invalid:
            # The hub's own addresses take the right bytes at once; those of the store are asked for anew.
            _begin_again_if_over(upload)
            raise
        except Conflict:
            if not is_finished(repo, user, sha256):
                raise
            # Another call was faster.
            upload.delete()
            return
        claim_blob(repo=repo, user=user, sha256=sha256, size=upload.size, sums=check.sums())
        upload.delete()


def _require_parts(upload: LargeUpload, tags: list[str]) -> None:
    """Raise Invalid where these are not all the parts, Conflict where one that the store has is not as long as announced."""
    count = parts_of(upload)
    if len(tags) != count:
        raise Invalid(f"Name all {count} parts, each with the ETag that it was answered with.", field="parts")
    for part in store().parts(upload.parts):
        if part.number > count or part.size != length_of(upload, part.number):
            raise Conflict(f"Part {part.number} has {part.size} bytes, not as many as announced. Send it again.")


class _Check(ContentCheck):
    """The check of joined parts, which keeps its lock for as long as bytes pass."""

    def __init__(self, expected: str, lock: str) -> None:
        super().__init__(expected)
        self._lock = lock
        self._told = time.monotonic()
        self._passed = 0  # bytes

    def update(self, piece: bytes) -> None:
        super().update(piece)
        self._passed += len(piece)
        if time.monotonic() - self._told > _SILENCE / 6:
            _extend(self._lock, _SILENCE)
            self._told = time.monotonic()

    def __call__(self, pieces: Iterable[bytes]) -> None:
        give_back_connection()
        super().__call__(pieces)
        # The store now copies the whole. Where this process is killed meanwhile, whoever sends it waits for no longer.
        _extend(self._lock, _SILENCE + self._passed // _COPIED)


@contextmanager
def _alone(upload: LargeUpload) -> Iterator[str]:
    """Have an upload alone, for the length of the block. Raises Unavailable where another has it for longer than _PATIENCE.

    The lock spares work, and no more: two that put the same parts together do no harm, so where it cannot be taken because the
    cache is away, nobody waits for it.
    """
    lock = f"large-upload-{upload.pk}"
    until = time.monotonic() + _PATIENCE
    while not _take(lock):
        if time.monotonic() > until:
            raise Unavailable("The bytes of this file are being checked. Ask again in a few seconds.", retry_after=5)
        give_back_connection()
        time.sleep(0.2)
    try:
        yield lock
    finally:
        with suppress(RedisError):
            cache.delete(lock)


def _take(lock: str) -> bool:
    try:
        return bool(cache.add(lock, 1, _SILENCE))
    except RedisError as error:
        log.warning("%s is done without a lock: %s", lock, error)
        return True


def _extend(lock: str, seconds: int) -> None:
    with suppress(RedisError):
        cache.touch(lock, seconds)


def is_finished(repo: Repository, user: User, sha256: str) -> bool:
    """Tell whether `user` has sent this content whole to `repo`."""
    return BlobClaim.objects.standing(repo, user).filter(blob=sha256, blob__whole=True).exists()


def parts_of(upload: LargeUpload) -> int:
    """Return how many parts an upload has."""
    return -(-upload.size // upload.part_size)


def length_of(upload: LargeUpload, number: int) -> int:
    """Return the bytes of part `number`, from 1."""
    count = parts_of(upload)
    return upload.part_size if number < count else upload.size - (count - 1) * upload.part_size


def drop_old_uploads() -> int:
    """Forget uploads that nobody has finished in UPLOAD_LIFE, with their parts; return how many."""
    old = list(LargeUpload.objects.filter(created_at__lt=timezone.now() - UPLOAD_LIFE))
    for upload in old:
        store().drop_parts(upload.parts)
        upload.delete()
    return len(old)
