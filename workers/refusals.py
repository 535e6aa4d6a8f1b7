"""The refusal that every part of a worker raises: of a request, of a model or of a dataset."""

from workers.contracts import Failure, FailureCode


class Refused(Exception):
    """What was asked cannot be done; `failure` is what to report."""

    def __init__(self, code: FailureCode, /, **params: object) -> None:
        super().__init__(f"{code}: {params}")
        said = {name: plain(value) if isinstance(value, str) else value for name, value in params.items()}
        self.failure = Failure(code, said)


def plain(text: str) -> str:
    """Return a text from somebody's files without what no report can hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def first_line(error: BaseException) -> str:
    """Return what an error says, in a short line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
