"""How often one person may do a thing, counted in the cache that all web processes share."""

import time

from django.core.cache import cache
from django.utils.translation import ngettext

from hub.core.errors import TooMany


def check_rate(action: str, principal: int | str, *, limit: int, seconds: int) -> None:
    """Count one more `action` of `principal` (a user's id, say). Raises TooMany above `limit` in a window of `seconds`."""
    now = time.time()
    window = int(now // seconds)
    key = f"rate:{action}:{principal}:{window}"
    # `add` does nothing where the counter is there; together they never lose a count.
    cache.add(key, 0, timeout=seconds + 60)
    if cache.incr(key) > limit:
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
