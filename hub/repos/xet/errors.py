"""What the Xet codec refuses, as plain exceptions that know neither HTTP nor the database."""


class FormatError(ValueError):
    """Uploaded bytes break the Xet format. The message names the place and is shown to the client."""


class TruncatedError(FormatError):
    """The bytes ended before the structure that they announce did."""


class CorruptChunkError(Exception):
    """A chunk at rest no longer decodes, or no longer has the hash that it was stored under."""
