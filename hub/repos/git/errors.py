"""Why a push is refused."""

from hub.core.errors import Forbidden, Invalid, TooLarge


class PackRefused(Invalid):
    """What was pushed is damaged, incomplete, or holds something that cannot be stored here."""

    code = "PackRefused"


class PackTooLarge(TooLarge):
    """A stated limit of what one push may hold is passed."""

    code = "PackTooLarge"


class RefRefused(Forbidden):
    """This ref cannot be moved that way, or not by this person."""

    code = "RefRefused"
