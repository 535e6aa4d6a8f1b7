"""What jobs refuse."""

from hub.core.errors import Conflict, Forbidden, HubError, NotFound, TooMany, Unavailable


class JobNotFound(NotFound):
    """There is no such job, or it is somebody else's."""

    code = "JobNotFound"


class JobGone(Conflict):
    """The job is not this worker's, or not any more: it was claimed, finished, cancelled or given to another."""

    code = "JobGone"


class JobFinished(Conflict):
    """It has ended, so there is nothing to cancel."""

    code = "JobFinished"


class NotYourJob(Forbidden):
    """Only who started a job, or who maintains the model, may stop it."""

    code = "NotYourJob"


class WorkerRefused(HubError):
    """The worker's key opens nothing."""

    code = "WorkerRefused"
    status = 401


class TooManyJobs(TooMany):
    """A stated limit of jobs at once is reached."""

    code = "TooManyJobs"


class NoWorker(Unavailable):
    """No worker of the kind that this needs is here."""

    code = "NoWorker"
