"""How much one person may have merges computed in a short time, so that nobody keeps the others waiting."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hub.accounts.models import Someone
from hub.core.errors import TooMany
from hub.core.throttles import check_rate

# Milliseconds that one person may ask for, in so many seconds; visitors have one such share together.
SHARE, SECONDS = 20_000, 600


@contextmanager
def computing_for(user: Someone) -> Iterator[None]:
    """Count how long the block takes for somebody. Raises TooMany before it for whom much has been computed just now."""
    who = user.pk or 0
    check_rate("computing", who, limit=SHARE, seconds=SECONDS, cost=0)
    began = time.monotonic()
    try:
        yield
    finally:
        spent = round(1000 * (time.monotonic() - began))
        # It was done: the next one is refused.
        with suppress(TooMany):
            check_rate("computing", who, limit=SHARE, seconds=SECONDS, cost=spent)
