"""Counting downloads, and keeping who downloaded what: quickly in Valkey while requests are served, then in batches in the
tables.

Search rows are written in `indexing.py`.
"""

import hashlib
import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from redis import Redis, RedisError
from redis.client import Pipeline

from hub.catalog.models import DrainedBatch
from hub.repos.models import Repository
from hub.repos.uses import keep_downloads

log = logging.getLogger(__name__)

WINDOW = 3600  # seconds in which one client counts once for one repository
PENDING, DRAINING = "downloads:pending", "downloads:draining"
_BATCH = "batch"  # the field of a batch that names it; the others are "<repository id>:<day>"
KEEP_BATCHES = timedelta(days=7)
# "<user id>:<repository id>:<commit>" -> when, in seconds since the epoch.
USES = "downloads:uses"
USES_AT_ONCE = 1000

# Return the batch that is being added; where there is none, begin one with all that is waiting.
_BEGIN = f"""
if redis.call('EXISTS', KEYS[2]) == 0 then
    if redis.call('EXISTS', KEYS[1]) == 0 then return {{}} end
    redis.call('RENAME', KEYS[1], KEYS[2])
    redis.call('HSET', KEYS[2], '{_BATCH}', ARGV[1])
end
return redis.call('HGETALL', KEYS[2])
"""
# Drop the batch, unless somebody else has dropped it already and begun another.
_DROP = f"if redis.call('HGET', KEYS[1], '{_BATCH}') == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

_ADD_TOTALS = """
INSERT INTO catalog_repostats (repository_id, downloads) SELECT * FROM unnest(%s::bigint[], %s::bigint[])
ON CONFLICT (repository_id) DO UPDATE SET downloads = catalog_repostats.downloads + EXCLUDED.downloads
"""
_ADD_DAYS = """
INSERT INTO catalog_downloadday (repository_id, day, downloads) SELECT * FROM unnest(%s::bigint[], %s::date[], %s::bigint[])
ON CONFLICT (repository_id, day) DO UPDATE SET downloads = catalog_downloadday.downloads + EXCLUDED.downloads
"""
# Search rows carry indexes that make every update dear: only what could change an order by more than 2 % is copied.
_COPY_TOTALS = """
UPDATE catalog_searchrow r SET downloads = s.downloads FROM catalog_repostats s
WHERE s.repository_id = r.repository_id AND r.repository_id = ANY(%s) AND s.downloads > r.downloads * 1.02
"""


@cache
def _valkey() -> Redis:
    # Short waits: a download must not stand still because the counter does.
    return Redis.from_url(
        str(settings.CACHES["default"]["LOCATION"]),
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        decode_responses=True,
    )


def count_download(*, repo: Repository, client: str, user_id: int | None = None, used: Iterable[str] = ()) -> None:
    """Count one download of `repo`: once for each client (an address, a user, any text) and hour. Never fails.

    user_id, used: who has used which commits by this, where it is a use (hub.repos.uses). That goes along in one message.
    """
    now = timezone.now()
    who = hashlib.sha256(client.encode(errors="replace")).hexdigest()[:24]
    seen = f"downloads:seen:{now:%Y%m%d%H}:{repo.pk}:{who}"
    try:
        told = _valkey().pipeline(transaction=False)
        told.set(seen, 1, nx=True, ex=WINDOW)
        if user_id is not None:
            _tell_uses(told, repo, user_id, used)
        if told.execute()[0]:
            _valkey().hincrby(PENDING, f"{repo.pk}:{now:%Y-%m-%d}", 1)
    except RedisError as error:
        log.warning("a download was not counted: %s", error)


def note_uses(*, repo: Repository, user_id: int, commits: Iterable[str]) -> None:
    """Keep that somebody has taken these commits whole, which counts as no download of its own. Never fails."""
    try:
        told = _valkey().pipeline(transaction=False)
        _tell_uses(told, repo, user_id, commits)
        told.execute()
    except RedisError as error:
        log.warning("a use was not kept: %s", error)


def _tell_uses(told: Pipeline, repo: Repository, user_id: int, commits: Iterable[str]) -> None:
    now = int(timezone.now().timestamp())
    for commit in commits:
        told.hsetnx(USES, f"{user_id}:{repo.pk}:{commit}", now)


def drain_uses() -> int:
    """Move what people have used from Valkey into the table; return how much of it was news.

    What is written is taken away afterwards, so that nothing is lost in between; what was written already, by a crashed worker
    or by two at once, changes nothing.
    """
    valkey = _valkey()
    news = 0
    # What comes meanwhile is left for the next time.
    for _round in range(1 + valkey.hlen(USES) // USES_AT_ONCE):
        found: dict[str, str] = valkey.hscan(USES, count=USES_AT_ONCE)[1]  # type: ignore[assignment] # answers are decoded
        if not found:
            break
        uses = []
        for name, at in found.items():
            user, repo, commit = name.split(":")
            uses.append((int(user), int(repo), commit, datetime.fromtimestamp(int(at), UTC)))
        news += keep_downloads(uses)
        valkey.hdel(USES, *found)
    return news


def drain_downloads() -> int:
    """Add what was counted to the tables; return how many downloads.

    Each batch has a name that is recorded in the transaction that adds it, so a batch that is met again after a crash,
    or by two workers at once, is added once.
    """
    valkey = _valkey()
    listed = valkey.eval(_BEGIN, 2, PENDING, DRAINING, str(uuid.uuid4()))
    if not listed:
        return 0
    counted: dict[str, str] = dict(zip(listed[::2], listed[1::2], strict=True))
    batch = counted.pop(_BATCH)
    added = _add(batch, counted)
    valkey.eval(_DROP, 1, DRAINING, batch)
    return added


def _add(batch: str, counted: dict[str, str]) -> int:
    days: dict[tuple[int, date], int] = {}
    for name, count in counted.items():
        repo_id, _colon, day = name.partition(":")
        days[int(repo_id), date.fromisoformat(day)] = int(count)
    with transaction.atomic():
        DrainedBatch.objects.filter(at__lt=timezone.now() - KEEP_BATCHES).delete()
        try:
            with transaction.atomic():
                DrainedBatch.objects.create(batch=batch)
        except IntegrityError:
            return 0
        there = set(Repository.objects.filter(pk__in={repo for repo, _day in days}).values_list("pk", flat=True))
        kept = {key: days[key] for key in sorted(days) if key[0] in there}
        totals: dict[int, int] = defaultdict(int)
        for (repo, _day), downloads in kept.items():
            totals[repo] += downloads
        with connection.cursor() as cursor:
            cursor.execute(_ADD_TOTALS, [list(totals), list(totals.values())])
            cursor.execute(_ADD_DAYS, [[k[0] for k in kept], [k[1] for k in kept], list(kept.values())])
            cursor.execute(_COPY_TOTALS, [list(totals)])
    return sum(kept.values())
