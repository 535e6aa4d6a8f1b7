"""The refusal that every part of a worker raises: of a request, of a model or of a dataset."""

from workers.contracts import Failure, FailureCode


class Refused(Exception):
    """What was asked cannot be done; `failure` is what to report."""

    def __init__(self, code: FailureCode, /, **params: object) -> None:
        super().__init__(f"{code}: {params}")
        self.failure = Failure(code, params)


def first_line(error: BaseException) -> str:
    """Return what an error says, in a short line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
