"""Large files that arrive in parts, as the `multipart` transfer of git-lfs sends them.

An upload is somebody's own, for one repository. Parts may come in any order and again; nothing counts before the whole has
been checked against its sha256.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.utils import timezone

from hub.accounts.models import User
from hub.core.blobs import lfs_key, store
from hub.core.blobs.intake import must_hash_to
from hub.core.errors import Invalid
from hub.repos.claims import claim_blob
from hub.repos.models import BlobClaim, LargeUpload, Repository

# What one answer lists of parts, roughly; above it parts become larger.
MAX_PARTS = 2000
UPLOAD_LIFE = timedelta(days=7)
_MEGABYTE = 1024 * 1024


def part_size_for(sizes: Iterable[int]) -> int | None:
    """Return the bytes of each part where some of the files, of `sizes` bytes, are sent in parts; None where none is."""
    sizes = list(sizes)
    if max(sizes, default=0) <= settings.LFS_PART_SIZE:
        return None
    wanted = -(-sum(sizes) // MAX_PARTS)
    return -(-wanted // _MEGABYTE) * _MEGABYTE if wanted > settings.LFS_PART_SIZE else settings.LFS_PART_SIZE


def begin_upload(*, repo: Repository, user: User, sha256: str, size: int, part_size: int) -> LargeUpload:
    """Return an upload of this content by this user: one that they have begun already goes on, with the parts that it has.

    The caller has passed get_repo_for_proposing.
    """
    wanted = {"repository": repo, "user": user, "sha256": sha256, "size": size, "part_size": part_size}
    begun = LargeUpload.objects.filter(**wanted, created_at__gte=timezone.now() - UPLOAD_LIFE).order_by("pk").last()
    return begun or LargeUpload.objects.create(**wanted, parts=store().begin_parts())


def receive_part(*, upload: LargeUpload, number: int, stream: BinaryIO) -> str:
    """Keep part `number`, from 1, of an upload; return the tag by which `finish_upload` wants it named.

    Raises Invalid for a number that there is not, and a length that is not that part's; Conflict, StorageFull.
    """
    count = parts_of(upload)
    if not 1 <= number <= count:
        raise Invalid(f"This upload has parts 1 to {count}.")
    length = upload.part_size if number < count else upload.size - (count - 1) * upload.part_size
    return store().put_part(upload.parts, number, stream, length=length)


def finish_upload(*, upload: LargeUpload, parts: list[str]) -> None:
    """Put the parts with these tags together, check the whole, and let its sender's commits name it.

    Asked again after it was done, it does nothing. Raises Invalid, Conflict, Unavailable while it is being done, StorageFull.
    """
    count = parts_of(upload)
    if len(parts) != count:
        raise Invalid(f"Name all {count} parts, each with the ETag that it was answered with.", field="parts")
    try:
        store().join_parts(upload.parts, parts, lfs_key(upload.sha256), must_hash_to(upload.sha256))
    except Invalid:
        # The same addresses take the right bytes.
        upload.parts = store().begin_parts()
        upload.save(update_fields=["parts"])
        raise
    claim_blob(repo=upload.repository, user=upload.user, sha256=upload.sha256, size=upload.size)
    upload.delete()


def is_finished(repo: Repository, user: User, sha256: str) -> bool:
    """Tell whether `user` has sent this content whole to `repo`."""
    return BlobClaim.objects.standing(repo, user).filter(blob=sha256, blob__whole=True).exists()


def parts_of(upload: LargeUpload) -> int:
    """Return how many parts an upload has."""
    return -(-upload.size // upload.part_size)


def drop_old_uploads() -> int:
    """Forget uploads that nobody has finished in UPLOAD_LIFE, with their parts; return how many."""
    old = list(LargeUpload.objects.filter(created_at__lt=timezone.now() - UPLOAD_LIFE))
    for upload in old:
        store().drop_parts(upload.parts)
        upload.delete()
    return len(old)
