"""Text as the database can hold it and as the hub keeps it, and numbers that somebody wrote."""

import re
from typing import Any

from django.utils.translation import gettext as _

from hub.core.errors import Invalid

# PostgreSQL takes no NUL, and half a surrogate pair is no text; JSON and YAML escapes can spell both.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# The greatest id of a row.
MAX_ID = 2**63 - 1


def clean_title(text: str, *, field: str = "title", limit: int) -> str:
    """Return a title as it is kept: a line, as clean_line has it, that is not empty."""
    title = clean_line(text, field=field, limit=limit)
    if not title:
        raise Invalid(_("Write a title."), field=field)
    return title


def clean_line(text: str, *, field: str, limit: int) -> str:
    """Return one line as it is kept: single blanks, perhaps nothing. Raises Invalid above `limit` characters, and for what no
    text may hold."""
    line = " ".join(_storable(text, field).split())
    if len(line) > limit:
        raise Invalid(_("This has at most %(limit)d characters. Shorten it.") % {"limit": limit}, field=field)
    return line


def clean_text(text: str, *, field: str, limit: int, optional: bool = False) -> str:
    """Return a text of several lines as it is kept: plain line ends, no blank lines around it. Raises Invalid as clean_line
    does, and where there is nothing and it is not `optional`."""
    # Only whole blank lines go from the start: leading spaces can mean code.
    kept = _storable(text, field).replace("\r\n", "\n").replace("\r", "\n").rstrip().lstrip("\n")
    if not kept.strip():
        if optional:
            return ""
        raise Invalid(_("Write something first."), field=field)
    if len(kept) > limit:
        raise Invalid(
            _("This text has %(count)d characters. It may have %(limit)d at most: shorten it.")
            % {"limit": limit, "count": len(kept)},
            field=field,
        )
    return kept


def _storable(text: str, field: str) -> str:
    if UNSTORABLE.search(text):
        raise Invalid(_("The text holds characters that no text may have, such as NUL. Take them out."), field=field)
    return text


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
