"""Forgetting commits that no ref reaches any more, so that nothing deleted can be resolved again."""

from django.db import connection

# Objects stay until garbage collection; without its commit row an object cannot be addressed.
_PRUNE = """
DELETE FROM repos_gitcommit WHERE store_id = %(store)s AND oid NOT IN (
    WITH RECURSIVE line(oid) AS (
        SELECT COALESCE(ref.peeled, ref.oid) FROM repos_gitref ref JOIN repos_repository repo ON repo.id = ref.repository_id
        WHERE repo.store_id = %(store)s
        UNION SELECT parent FROM line JOIN repos_gitcommit c ON c.store_id = %(store)s AND c.oid = line.oid,
            unnest(c.parents) AS parent
    ) SELECT oid FROM line
)
"""


def prune_unreachable(store_id: int) -> None:
    """Delete the rows of all commits of the store that none of its repositories' refs reaches."""
    with connection.cursor() as cursor:
        cursor.execute(_PRUNE, {"store": store_id})
