"""How values lie in the cache."""

import json
from typing import Any


class JSONSerializer:
    """Plain JSON in place of Django's pickle: a cache that somebody else can write to must stay data."""

    def dumps(self, obj: Any) -> bytes:
        return json.dumps(obj).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)
