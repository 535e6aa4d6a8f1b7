"""What the samples refuse."""

from hub.core.errors import Conflict, HubError


class SamplesExist(Conflict):
    """The sample content is there already."""

    code = "SamplesExist"


class NamesTaken(Conflict):
    """Somebody on this hub has a name that the samples would take."""

    code = "NamesTaken"


class NotMade(HubError):
    """A step that makes the samples failed; its own lines say why."""

    code = "NotMade"
    status = 500
