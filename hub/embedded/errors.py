"""Why an instance could not start, and the exit code that says so."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `manage.py up`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PORT = 3
    DATA = 4
    TAKEN = 5
    MISSING = 6
    ENGINE = 7
    PREPARE = 8


class StartError(Exception):
    """Starting cannot go on. The message is one line: what happened, then what to do."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code
