"""What the database can hold of text."""

import re

# PostgreSQL takes no NUL, and half a surrogate pair is no text; JSON and YAML escapes can spell both.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
