"""What is trending: likes and downloads of the last weeks, the newest weighing most. docs/trending.md tells the formula.

A row's score is anchored in time: the logarithm of its points plus the days since an epoch, in half-lives. All points halve in
the same time, so that an order stays as it is while nothing happens, and a row is only written when something has.
"""

import math
from datetime import UTC, date, datetime

from django.db import connection

from hub.catalog.models import SearchRow
from hub.community.models import Like

HALF_LIFE = 7  # days
WINDOW = 60  # days; what is older would weigh less than three thousandths
LIKES_WEIGHT = 4
YOUNG = 7  # days that an account must have been there for its likes to count in full
YOUNG_WEIGHT = 0.1
# Scores are counted from here. It only has to be the same for all.
EPOCH = date(2020, 1, 1)
# Differences of scores that are not worth a write: a thousandth of the points.
_SAME = 0.001

# Each day of a repository: {LIKES_WEIGHT} * log2(1 + likes) + log2(1 + downloads), halved for each HALF_LIFE that has gone by.
# Likes by closed and suspended accounts, and by whoever owns the repository, count for nothing.
_SCORE = """
WITH liked AS (
    SELECT l.repository_id, (l.created_at AT TIME ZONE 'UTC')::date AS day,
        sum(CASE WHEN l.created_at < u.date_joined + make_interval(days => %(young)s) THEN %(young_weight)s ELSE 1 END) AS n
    FROM community_like l
    JOIN accounts_user u ON u.id = l.user_id
    JOIN repos_repository r ON r.id = l.repository_id
    JOIN accounts_namespace n ON n.id = r.namespace_id
    WHERE l.created_at >= %(first)s::date AND u.is_active
        AND (u.suspended_at IS NULL OR u.suspended_until <= now())
        AND (%(only)s::bigint[] IS NULL OR l.repository_id = ANY(%(only)s))
        AND n.user_id IS DISTINCT FROM u.id AND r.created_by_id IS DISTINCT FROM u.id
        AND NOT EXISTS (
            SELECT 1 FROM accounts_membership m WHERE m.user_id = u.id AND m.organization_id = n.organization_id
        )
    GROUP BY 1, 2
),
fetched AS (
    SELECT repository_id, day, downloads AS n FROM catalog_downloadday
    WHERE day >= %(first)s::date AND (%(only)s::bigint[] IS NULL OR repository_id = ANY(%(only)s))
),
points AS (
    SELECT repository_id,
        sum(
            (%(likes_weight)s * log(2, (1 + coalesce(liked.n, 0))::numeric) + log(2, (1 + coalesce(fetched.n, 0))::numeric))
            * power(2::float8, (day - %(today)s::date) / %(half_life)s::float8)
        ) AS p
    FROM liked FULL JOIN fetched USING (repository_id, day) GROUP BY repository_id
),
counted AS (
    SELECT repository_id, count(*) AS n FROM community_like
    WHERE %(only)s::bigint[] IS NULL OR repository_id = ANY(%(only)s)
    GROUP BY repository_id
),
fresh AS (
    SELECT s.repository_id, coalesce(counted.n, 0) AS likes,
        CASE WHEN coalesce(p, 0) > 0
            THEN ln(p) / ln(2::float8) + (%(today)s::date - %(epoch)s::date) / %(half_life)s::float8 ELSE 0 END AS trending
    FROM catalog_searchrow s LEFT JOIN points USING (repository_id) LEFT JOIN counted USING (repository_id)
    WHERE %(only)s::bigint[] IS NULL OR s.repository_id = ANY(%(only)s)
)
UPDATE catalog_searchrow s SET likes = fresh.likes, trending = fresh.trending FROM fresh
WHERE fresh.repository_id = s.repository_id
    AND (s.likes <> fresh.likes OR abs(s.trending - fresh.trending) > %(same)s)
"""


def score(repo_ids: list[int] | None = None) -> int:
    """Bring trending scores and numbers of likes of all repositories, or of these, up to date; return how many rows changed.
    One statement over their likes and download days of WINDOW."""
    today = datetime.now(UTC).date()
    facts: dict[str, date | int | float | list[int] | None] = {
        "only": repo_ids,
        "today": today,
        "first": date.fromordinal(today.toordinal() - WINDOW),
        "epoch": EPOCH,
        "half_life": HALF_LIFE,
        "likes_weight": LIKES_WEIGHT,
        "young": YOUNG,
        "young_weight": YOUNG_WEIGHT,
        "same": _SAME,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SCORE, facts)
        return int(cursor.rowcount)


def count_likes(repo_id: int) -> None:
    """Bring the number of likes of one repository up to date."""
    likes = Like.objects.filter(repository=repo_id).count()
    SearchRow.objects.filter(repository=repo_id).exclude(likes=likes).update(likes=likes)


def points_of(score: float) -> float:
    """Return the points that a score stands for today; 0 where there are none."""
    if not score:
        return 0.0
    age = (datetime.now(UTC).date() - EPOCH).days / HALF_LIFE
    return round(math.exp2(score - age), 2)
