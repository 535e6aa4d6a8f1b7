"""Why something that moderators or reporters ask for is refused."""

from hub.core.errors import Conflict, Forbidden, Invalid, NotFound


class TargetNotFound(NotFound):
    """What is to be reported is not there, or not the caller's to see."""

    code = "TargetNotFound"


class CaseNotFound(NotFound):
    code = "CaseNotFound"


class NotModerator(Forbidden):
    """Only administrators of the hub moderate."""

    code = "NotModerator"


class AlreadyReported(Conflict):
    """One person reports a thing once, until its case is closed."""

    code = "AlreadyReported"


class AlreadyClaimed(Conflict):
    """Another moderator is at it."""

    code = "AlreadyClaimed"


class CaseClosed(Conflict):
    """The case is closed; what was done can be undone, and nothing else."""

    code = "CaseClosed"


class OwnCase(Forbidden):
    """Nobody judges what they did themselves, while somebody else can."""

    code = "OwnCase"


class ActionInvalid(Invalid):
    """That cannot be done to this."""

    code = "ActionInvalid"


class ActionNotFound(NotFound):
    """No such action, or it concerns somebody else."""

    code = "ActionNotFound"


class AppealClosed(Conflict):
    """An action is appealed against once, and an appeal is decided once."""

    code = "AppealClosed"
