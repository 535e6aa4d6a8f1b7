"""The listing of `main`: writing its rows, many in one statement. Through the ORM, that takes ten times as long."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from hub.core.database import binary_cursor
from hub.repos.git.objects import Entry
from hub.repos.models import Repository

_BATCH = 5000  # rows

_PUT = """
INSERT INTO repos_gitpath (repository_id, path, mode, oid, size, sha256, last_commit, last_at)
SELECT %s, path, mode, oid, size, NULLIF(sha256, ''), last_commit, last_at FROM unnest(
    %b::text[], %b::int4[], %b::bytea[], %b::int8[], %b::bytea[], %b::bytea[], %b::timestamptz[]
) AS listed(path, mode, oid, size, sha256, last_commit, last_at)
ON CONFLICT (repository_id, path) DO UPDATE SET mode = excluded.mode, oid = excluded.oid, size = excluded.size,
    sha256 = excluded.sha256, last_commit = excluded.last_commit, last_at = excluded.last_at
"""


class Listed(NamedTuple):
    """A file of `main`. size in bytes of the content, of the real file where `sha256` is set."""

    path: str
    entry: Entry
    size: int
    sha256: str | None
    last_commit: str
    last_at: datetime


def put_paths(repo: Repository, rows: Sequence[Listed]) -> None:
    """Insert these rows, or put them in place of those at their paths, in the caller's transaction."""
    with binary_cursor() as cursor:
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            cursor.execute(
                _PUT,
                [
                    repo.pk,
                    [row.path for row in batch],
                    [row.entry.mode for row in batch],
                    [bytes.fromhex(row.entry.oid) for row in batch],
                    [row.size for row in batch],
                    [bytes.fromhex(row.sha256 or "") for row in batch],
                    [bytes.fromhex(row.last_commit) for row in batch],
                    [row.last_at for row in batch],
                ],
            )
