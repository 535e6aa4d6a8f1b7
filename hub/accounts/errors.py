"""Why something about accounts is refused."""

from hub.core.errors import Conflict, Forbidden, Invalid, NotFound


class NameTaken(Conflict):
    """A user or organization already has that name, in whatever case."""

    code = "NameTaken"


class NameInvalid(Invalid):
    """The name breaks the rules of `hub.accounts.names`."""

    code = "NameInvalid"


class AccountNotFound(NotFound):
    """No user or organization has that name."""

    code = "AccountNotFound"


class LastAdmin(Conflict):
    """The change would leave an organization without an administrator."""

    code = "LastAdmin"


class NotYours(Forbidden):
    """Only administrators of the organization may do this."""

    code = "NotYours"


class LinkExpired(NotFound):
    """A one-time link was used, revoked or has run out."""

    code = "LinkExpired"


class NotEmpty(Conflict):
    """The organization, or the account that is to be deleted, still owns repositories."""

    code = "NotEmpty"


class ApplicationNotFound(NotFound):
    """Nobody, or not this person, has registered such an application."""

    code = "ApplicationNotFound"


class CodeNotFound(NotFound):
    """No tool waits under this code."""

    code = "CodeNotFound"


class IdentityOnly(Forbidden):
    """The token tells who its owner is, and opens nothing."""

    code = "IdentityOnly"


class Suspended(Forbidden):
    """A moderator has suspended the account: it may look, and change nothing."""

    code = "Suspended"


class NotSuspendable(Conflict):
    """Nobody suspends themselves, nor the last administrator of the hub who could lift it again."""

    code = "NotSuspendable"


class NotSuspended(Conflict):
    """There is nothing to lift."""

    code = "NotSuspended"


class SecondFactorUnreadable(Conflict):
    """The secret of a second factor was encrypted by a key that the hub has no more."""

    code = "SecondFactorUnreadable"


class LogInAgain(Forbidden):
    """Somebody without a password or second factor here has logged in too long ago to change what opens their account."""

    code = "LogInAgain"


class PasskeyRefused(Invalid):
    """What a passkey answered opens nothing, or it cannot be added."""

    code = "PasskeyRefused"
