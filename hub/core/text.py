"""Text as the database can hold it."""

import re
from typing import Any

# PostgreSQL takes no NUL, and half a surrogate pair is no text; JSON and YAML escapes can spell both.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def texts_in(value: Any) -> str:
    """Return all text in a JSON value, joined."""
    if isinstance(value, dict):
        return "".join(f"{key}{texts_in(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return "".join(map(texts_in, value))
    return value if isinstance(value, str) else ""
