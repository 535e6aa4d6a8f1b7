"""What evaluations refuse. What a model's own files are at fault for is a `JobRefused`, as when a worker finds it."""

from typing import TYPE_CHECKING

from hub.core.errors import Conflict, Forbidden, HubError, Invalid, NotFound, TooMany

if TYPE_CHECKING:
    from hub.evaluations.models import Run


class EvaluationNotFound(NotFound):
    """There is no such evaluation, or it is of a repository that the caller may not see."""

    code = "EvaluationNotFound"


class BadSettings(Invalid):
    """A setting is not of its type, or out of its range."""

    code = "BadSettings"


class NotEvaluable(HubError):
    """The model is none that predicts tokens, or the dataset has nothing to read."""

    code = "NotEvaluable"
    status = 422


class AlreadyEvaluated(Conflict):
    """The same commits with the same settings have been measured, or are being measured: `run` is that evaluation."""

    code = "AlreadyEvaluated"

    def __init__(self, message: str, *, run: "Run") -> None:
        super().__init__(message)
        self.run = run


class KeyReused(Conflict):
    """The idempotency key stands for another request of the same user."""

    code = "KeyReused"


class TooManyEvaluations(TooMany):
    """A stated limit of evaluations at once is reached."""

    code = "TooManyEvaluations"


class NotYourEvaluation(Forbidden):
    """Only who started it, who maintains the model, or staff may cancel it."""

    code = "NotYourEvaluation"
