"""What demos refuse before a worker has anything to do with it. What only an engine can know is in `jobs/failures.py`."""

from hub.core.errors import Forbidden, HubError, Invalid, TooLarge, TooMany


class DemosOff(Forbidden):
    """The hub's operator has switched demos off."""

    code = "DemosOff"


class DemoNeedsSignIn(HubError):
    """This hub runs demos for people with an account."""

    code = "DemoNeedsSignIn"
    status = 401


class BadInput(Invalid):
    """What the model is asked is empty, or has the wrong shape."""

    code = "BadInput"


class InputTooLarge(TooLarge):
    """What the model is asked is longer than a demo takes."""

    code = "InputTooLarge"


class BadParameter(Invalid):
    """A parameter is out of range, or contradicts another."""

    code = "BadParameter"


class TaskNotOffered(HubError):
    """This model does something else, or nothing that workers can do."""

    code = "TaskNotOffered"
    status = 422


class TooManyDemos(TooMany):
    """The asker has as many demos running as one may have."""

    code = "TooManyDemos"


class ModelBusy(TooMany):
    """As many wait for this model as may wait."""

    code = "ModelBusy"
