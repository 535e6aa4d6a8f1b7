"""Text as the database can hold it, and numbers that somebody wrote."""

import re
from typing import Any

# PostgreSQL takes no NUL, and half a surrogate pair is no text; JSON and YAML escapes can spell both.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# The greatest id of a row.
MAX_ID = 2**63 - 1


def whole_number(text: str, most: int = MAX_ID) -> int | None:
    """Return the number that `text` is, None for what is no whole number from 0 to `most`. Bounded, whatever its length."""
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(most)) or int(text) > most:
        return None
    return int(text)


def texts_in(value: Any) -> str:
    """Return all text in a JSON value, joined."""
    if isinstance(value, dict):
        return "".join(f"{key}{texts_in(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return "".join(map(texts_in, value))
    return value if isinstance(value, str) else ""
