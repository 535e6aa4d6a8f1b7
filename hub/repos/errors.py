"""Why something about repositories is refused. The codes are those that the client family reads in `X-Error-Code`."""

from typing import TYPE_CHECKING

from hub.core.errors import Conflict, Forbidden, HubError, Invalid, NotFound, SignInNeeded, Stale

if TYPE_CHECKING:
    from hub.repos.models import LargeFileLock


class RepoNotFound(NotFound):
    """It is not there, or it is private: nobody outside can tell the two apart."""

    code = "RepoNotFound"


class RepoTakenDown(Forbidden):
    """Moderators took it down; the message tells why, to whoever could have read it."""

    code = "DisabledRepo"


class TakedownUnchanged(Conflict):
    """It is taken down already, or was not."""

    code = "TakedownUnchanged"


class RevisionNotFound(NotFound):
    code = "RevisionNotFound"


class EntryNotFound(NotFound):
    """No such file or folder at that revision; `commit` is where it was looked for."""

    code = "EntryNotFound"

    def __init__(self, message: str, *, commit: str = "", field: str = "") -> None:
        super().__init__(message, field=field)
        self.commit = commit


class FilesExpired(Invalid):
    """A commit names small files that were sent long ago and never committed, so that they are gone."""

    code = "FilesExpired"


class RepoExists(Conflict):
    code = "RepoExists"


class RepoNameInvalid(Invalid):
    code = "RepoNameInvalid"


class PathInvalid(Invalid):
    """A file's path could not live in a git tree, or not on everybody's disk."""

    code = "PathInvalid"


class GatedRepo(Forbidden):
    """Everybody may know of this repository; its files are for those who have been let in."""

    code = "GatedRepo"

    def __init__(self, message: str, *, signed_in: bool) -> None:
        super().__init__(message)
        if not signed_in:
            # So that tools ask for a token.
            self.status = 401


class NotGated(Invalid):
    """There is nothing to ask for: whoever may know of this repository may fetch its files."""

    code = "NotGated"


class AnswerInvalid(Invalid):
    """An answer of an access form is missing or cannot be taken; `field` is the question."""

    code = "AnswerInvalid"


class HasAccess(Conflict):
    """The person may fetch the files already."""

    code = "HasAccess"


class AccessPending(Conflict):
    """The person has asked already, and nobody has decided yet."""

    code = "AccessPending"


class AccessRejected(Forbidden):
    """The person was turned down, and may not ask again, or not yet."""

    code = "AccessRejected"


class AccessRequestNotFound(NotFound):
    """The person has not asked, or a decision would change nothing."""

    code = "AccessRequestNotFound"


class NotWritable(Forbidden):
    """The caller reads this repository but may not change it."""

    code = "NotWritable"


class LinkRefused(Forbidden):
    """The signed address of some bytes is forged, has run out, is used for other bytes, or its holder has lost the right."""

    code = "LinkRefused"


class ReadOnlyToken(Forbidden):
    """The user may do this, the token that speaks for them may not."""

    code = "ReadOnlyToken"


class WriteNeedsSignIn(SignInNeeded):
    code = "SignInNeeded"


class RefExists(Conflict):
    code = "RefExists"


class ReleaseNotFound(NotFound):
    """No such release; its tag may be there all the same."""

    code = "ReleaseNotFound"


class ReleaseExists(Conflict):
    """The tag is released already."""

    code = "ReleaseExists"


class RefProtected(Forbidden):
    """The rules of a branch forbid this: `main` cannot be deleted, and owners protect others."""

    code = "RefProtected"


class StaleParent(Stale):
    """The branch has moved on since the commit that the caller builds on."""

    code = "StaleParent"


class KeyReused(Invalid):
    """One Idempotency-Key came with two different requests."""

    code = "IdempotencyKeyReused"
    status = 422


class BlobMissing(Invalid):
    """A commit names large content that this repository has not been sent."""

    code = "BlobMissing"


class RepoMoved(HubError):
    """The repository has another name now; `full_name` is where the caller should go.

    asked_segments: how many segments of the address the name has that was asked for: one for a short name, else two.
    """

    code = "RepoMoved"
    status = 307

    def __init__(self, kind: str, full_name: str, *, asked_segments: int = 2) -> None:
        super().__init__(f"This repository is called {full_name} now.")
        self.kind = kind
        self.full_name = full_name
        self.asked_segments = asked_segments


class FileLocked(Conflict):
    """Somebody has locked this path; `lock` says who."""

    code = "FileLocked"

    def __init__(self, message: str, *, lock: "LargeFileLock") -> None:
        super().__init__(message, field="path")
        self.lock = lock


class LockNotFound(NotFound):
    code = "LockNotFound"
