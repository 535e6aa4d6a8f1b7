"""Lists that are read page by page while their order moves.

Downloads are counted and repositories change between one page and the next, so a row may climb past the reader, who would
never meet it. Where the reader asks for it, the first page therefore keeps the order that it saw, as numbers of
repositories, and the later pages follow that. What is kept is named by its own hash: the same list is kept once, and a name
is no right, because each page asks anew what its reader may see.
"""

import base64
import hashlib
import logging
import zlib
from array import array

from django.core.cache import cache
from redis import RedisError

log = logging.getLogger(__name__)

MAX_WALK = 10_000  # rows whose order is kept; a longer list goes on by the order of the moment
WALK_SECONDS = 3600  # since the last page


def keep(numbers: list[int]) -> str:
    """Keep an order; return its name, "" where it cannot be kept."""
    packed = base64.b64encode(zlib.compress(array("q", numbers).tobytes())).decode()
    name = hashlib.sha256(packed.encode()).hexdigest()[:32]
    try:
        cache.set(_key(name), packed, WALK_SECONDS)
    except RedisError as error:
        log.warning("the order of a list was not kept: %s", error)
        return ""
    return name


def kept(name: str) -> list[int] | None:
    """Return what was kept, for WALK_SECONDS more; None where it is gone."""
    try:
        packed = cache.get(_key(name))
        if packed is None:
            return None
        cache.touch(_key(name), WALK_SECONDS)
    except RedisError as error:
        log.warning("the order of a list was not read: %s", error)
        return None
    return array("q", zlib.decompress(base64.b64decode(packed))).tolist()


def _key(name: str) -> str:
    return f"walk:{name}"
