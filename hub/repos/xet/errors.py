"""Why something about Xet content is refused. The messages are shown to whoever uploads or downloads."""

from hub.core.errors import Forbidden, HubError, Invalid, NotFound, SignInNeeded

# What whoever reads a damaged file is told.
DAMAGED = "A part of this file is damaged in the hub's storage, so it is not served. Tell its operator."


class FormatError(Invalid):
    """Uploaded bytes break the Xet format. The message names the place."""

    code = "XetFormat"


class TruncatedError(FormatError):
    """The bytes ended before the structure that they announce did."""


class WrongHash(Invalid):
    """Uploaded content does not have the hash, the size or the sha256 that it was sent under."""

    code = "XetWrongHash"


class UnknownContent(Invalid):
    """A shard builds on a xorb, or on chunks of it, that the hub does not have."""

    code = "XetUnknownContent"


class TokenInvalid(SignInNeeded):
    """The Xet token is missing, forged or expired, or its user may no longer sign in."""

    code = "XetTokenInvalid"


class TokenReadOnly(Forbidden):
    """The Xet token reads, and this writes."""

    code = "XetTokenReadOnly"


class ContentNotFound(NotFound):
    """No such file in the token's repository: it is not there, or the caller may not know that it is."""

    code = "XetContentNotFound"


class GrantsNotOffered(NotFound):
    """The xorb is to be sent to the hub itself. It is how clients are told so, and no error to them."""

    code = "XetGrantsNotOffered"


class GrantNotFound(NotFound):
    """There is nothing behind this grant: the client asks for a new one and sends its bytes again."""

    code = "XetGrantNotFound"


class RangeNotSatisfiable(Invalid):
    """The range begins at or after the end of the file: the sign by which clients end their paging."""

    code = "RangeNotSatisfiable"
    status = 416


class DamagedContentError(HubError):
    """Bytes at rest no longer have the hash that they were stored under; they are not served."""

    code = "XetContentDamaged"
    status = 500
