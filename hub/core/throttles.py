"""How often one person may do a thing, counted in the cache that all web processes share."""

import logging
import time

from django.core.cache import cache
from django.utils.translation import ngettext
from redis.exceptions import RedisError

from hub.core.errors import TooMany

log = logging.getLogger(__name__)


def check_rate(action: str, principal: int | str, *, limit: int, seconds: int, cost: int = 1) -> None:
    """Count one more `action` of `principal` (a user's id, say). Raises TooMany above `limit` in a window of `seconds`.

    cost: as how many it counts; with 0 it is only held to what was counted before.
    """
    now = time.time()
    window = int(now // seconds)
    key = f"rate:{action}:{principal}:{window}"
    try:
        # `add` does nothing where the counter is there; together they never lose a count.
        cache.add(key, 0, timeout=seconds + 60)
        count = cache.incr(key, cost)
    except (RedisError, ValueError) as error:
        # A limit that cannot be counted keeps nobody from talking.
        log.warning("%s of %s was not counted: %s", action, principal, error)
        return
    if count > limit:
        left = int((window + 1) * seconds - now) + 1
        raise TooMany(
            ngettext(
                "That was too often in a short time. Try again in %(count)d second.",
                "That was too often in a short time. Try again in %(count)d seconds.",
                left,
            )
            % {"count": left},
            retry_after=left,
        )
