"""The bytes of a file, wherever they lie: in a git object, whole in the blob store, or as Xet chunks."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from hub.core.blobs import lfs_key, store
from hub.repos.errors import EntryNotFound
from hub.repos.git.files import FileEntry, blob_of
from hub.repos.git.objects import open_object
from hub.repos.models import Blob, Repository
from hub.repos.xet.reading import open_file


def open_content(repo: Repository, file: FileEntry, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Return bytes `start` to `end` (exclusive; None: the end) of what the file really holds, in pieces of about 1 MB.

    Raises EntryNotFound where git has a pointer to content that was deleted, or never sent.
    """
    stop = file.size if end is None else min(end, file.size)
    if file.sha256 is None:
        return open_object(repo.store_id, file.oid, start, stop)
    blob = blob_of(repo, file)
    if blob is None:
        raise missing_content(file)
    return open_blob(blob, start, stop)


def missing_content(file: FileEntry) -> EntryNotFound:
    """Return what to raise where git has a pointer to large content that the repository does not hold.

    It names no commit: tools would remember for good that this commit lacks the file, which may come back.
    """
    return EntryNotFound(
        _(
            "This repository does not hold the content of “%(path)s”: its owner deleted it, or it was never uploaded. "
            "Whoever has the file can upload it again."
        )
        % {"path": file.path}
    )


def open_blob(blob: Blob, start: int, stop: int) -> Iterator[bytes]:
    """Return bytes `start` to `stop` (exclusive) of large content, whole or in chunks. `blob` has its `xet_file` loaded."""
    if blob.whole:
        return store().read(lfs_key(blob.sha256), start, stop)
    assert blob.xet_file is not None
    return open_file(blob.xet_file, start, stop)


def read_content(repo: Repository, file: FileEntry, start: int = 0, end: int | None = None) -> bytes:
    """Return bytes `start` to `end` of the file in one piece; the caller knows that they are few."""
    return b"".join(open_content(repo, file, start, end))
