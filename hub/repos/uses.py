"""Keeping who has used which version of a model: what makes a review one of *verified use*.

What counts as a use: weights or other large content of a commit, or a whole clone, fetched by somebody who is signed in; a run
of the model here that ended well. What does not: a card, a configuration, a picture; a page that shows a file.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from hub.accounts.models import User
from hub.repos.models import Repository

# Whoever or whatever has been deleted meanwhile is left out. In one order everywhere, so that two writers wait for each other
# and never both.
_KEEP = """
INSERT INTO repos_use (user_id, repository_id, commit, {column})
SELECT u.id, r.id, told.commit, told.at
FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[], %s::timestamptz[]) AS told("user", repository, commit, at)
JOIN accounts_user u ON u.id = told."user" JOIN repos_repository r ON r.id = told.repository
ORDER BY r.id, u.id, told.commit
ON CONFLICT (repository_id, user_id, commit) DO UPDATE SET {column} = EXCLUDED.{column} WHERE repos_use.{column} IS NULL
"""

# Commits that differed in what was taken out of history alone are one commit now.
_RENAME = """
WITH renamed AS (SELECT * FROM unnest(%(old)s::bytea[], %(new)s::bytea[]) AS names(old, new)),
gone AS (
    DELETE FROM repos_use USING renamed WHERE repository_id = %(repo)s AND commit = renamed.old
    RETURNING user_id, repository_id, renamed.new, downloaded_at, ran_at
)
INSERT INTO repos_use (user_id, repository_id, commit, downloaded_at, ran_at) SELECT * FROM gone ON CONFLICT DO NOTHING
"""


def keep_downloads(uses: Iterable[tuple[int, int, str, datetime]]) -> int:
    """Keep that people have downloaded: (user id, repository id, commit, when), each of the first three once. Returns how many
    were news. Twice the same changes nothing."""
    return _keep("downloaded_at", list(uses))


def keep_run(*, user: User, repo: Repository, commit: str, at: datetime) -> int:
    """Keep that `user` has run a commit here. Returns whether it was news, as a number."""
    return _keep("ran_at", [(user.pk, repo.pk, commit, at)])


def _keep(column: str, uses: list[tuple[int, int, str, datetime]]) -> int:
    if not uses:
        return 0
    users, repositories, commits, times = zip(*uses, strict=True)
    values = [list(users), list(repositories), [bytes.fromhex(commit) for commit in commits], list(times)]
    with connection.cursor() as cursor:
        cursor.execute(_KEEP.format(column=column), values)
        return int(cursor.rowcount)


def follow_uses(*, repo: Repository, names: dict[str, str]) -> None:
    """Put the new ids of commits in place of the old ones, where history was written again. names: old -> new."""
    old, new = ([bytes.fromhex(oid) for oid in oids] for oids in (names.keys(), names.values()))
    with connection.cursor() as cursor:
        cursor.execute(_RENAME, {"old": old, "new": new, "repo": repo.pk})
