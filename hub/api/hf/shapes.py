"""The JSON shapes that several endpoints share."""

from datetime import UTC, datetime
from typing import Any

from hub.accounts.models import Namespace
from hub.repos.git.files import FileEntry
from hub.repos.git.objects import format_pointer
from hub.repos.models import Blob, GitCommit


def date(moment: datetime) -> str:
    """Return a time as the client parses it, with one pattern only: UTC, milliseconds, a final Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def xet_hashes(files: list[FileEntry]) -> dict[str, str]:
    """Return sha256 -> Xet hash for those of `files` that are stored as chunks."""
    wanted = {file.sha256 for file in files if file.sha256}
    stored = Blob.objects.filter(pk__in=wanted, xet_file__isnull=False)
    return dict(stored.values_list("sha256", "xet_file_id"))


def entry(file: FileEntry, hashes: dict[str, str], last: GitCommit | None = None) -> dict[str, Any]:
    """Return a file or folder of a listing, with the commit that last changed it where that is given."""
    shape: dict[str, Any] = {
        "type": "directory" if file.is_folder else "file",
        "oid": file.oid,
        "size": file.size,
        "path": file.path,
    }
    if file.sha256:
        shape["lfs"] = lfs(file)
        if file.sha256 in hashes:
            shape["xetHash"] = hashes[file.sha256]
    if last is not None:
        shape["lastCommit"] = {"id": last.oid, "title": last.title, "date": date(last.committed_at)}
    return shape


def lfs(file: FileEntry, digest_key: str = "oid") -> dict[str, Any]:
    assert file.sha256
    return {
        digest_key: file.sha256,
        "size": file.size,
        "pointerSize": len(format_pointer(file.sha256, file.size)),
    }


def commit(row: GitCommit) -> dict[str, Any]:
    return {
        "id": row.oid,
        "title": row.title,
        "message": row.description,
        "authors": [{"user": row.author.username if row.author else row.author_name}],
        "date": date(row.committed_at),
        "parents": row.parents,
    }


def account(namespace: Namespace) -> dict[str, Any]:
    """Return the name, full name and kind of a user or an organization."""
    return {
        "name": namespace.name,
        "fullname": namespace.shown_name,
        "type": "user" if namespace.user_id else "org",
    }
