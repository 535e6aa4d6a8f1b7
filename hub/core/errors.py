"""The categories of refusal. Each app names its own errors below one of them; each edge maps the categories to HTTP once."""


class HubError(Exception):
    """Something that was asked for is refused. `message` is for the person who asked: what happened, then the way out.

    code: the name that the client family knows in `X-Error-Code`, or our own; status: HTTP status at every edge;
    field: the name of the input at fault, where there is one.
    """

    code = "Error"
    status = 400

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(HubError):
    """What was sent cannot be taken as it is."""

    code = "Invalid"
    status = 400


class SignInNeeded(HubError):
    """Nobody is signed in, and this needs somebody."""

    code = "SignInNeeded"
    status = 401


class Forbidden(HubError):
    """The caller is known and may not do this."""

    code = "Forbidden"
    status = 403


class NotFound(HubError):
    """It is not there, or the caller may not know that it is."""

    code = "NotFound"
    status = 404


class Conflict(HubError):
    """It would clash with what is there."""

    code = "Conflict"
    status = 409


class Stale(HubError):
    """It builds on a state that has been overtaken."""

    code = "Stale"
    status = 412


class TooLarge(HubError):
    """A stated limit is passed."""

    code = "TooLarge"
    status = 413


class TooMany(HubError):
    """A stated limit of how often or how many at once is reached. retry_after: seconds until it is worth another try."""

    code = "TooMany"
    status = 429

    def __init__(self, message: str, *, retry_after: int, field: str = "") -> None:
        super().__init__(message, field=field)
        self.retry_after = retry_after


class Unavailable(HubError):
    """A part of the hub is away for the moment. retry_after: seconds until it is worth another try."""

    code = "Unavailable"
    status = 503

    def __init__(self, message: str, *, retry_after: int = 5, field: str = "") -> None:
        super().__init__(message, field=field)
        self.retry_after = retry_after


class StorageFull(HubError):
    """The hub has no room left; nothing was stored."""

    code = "StorageFull"
    status = 507
