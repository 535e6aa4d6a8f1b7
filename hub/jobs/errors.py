"""What jobs refuse."""

from hub.core.errors import Conflict, HubError, NotFound, Unavailable


class JobNotFound(NotFound):
    """There is no such job, or it is somebody else's."""

    code = "JobNotFound"


class JobGone(Conflict):
    """The job is not this worker's, or not any more: it was claimed, finished, cancelled or given to another."""

    code = "JobGone"


class JobFinished(Conflict):
    """It has ended, so there is nothing to cancel."""

    code = "JobFinished"


class WorkerRefused(HubError):
    """The worker's key opens nothing."""

    code = "WorkerRefused"
    status = 401


class NoWorker(Unavailable):
    """No worker of the kind that this needs is here."""

    code = "NoWorker"
