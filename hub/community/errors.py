"""Why something that people say to each other is refused."""

from hub.core.errors import Conflict, Forbidden, Invalid, NotFound, SignInNeeded, TooMany


class DiscussionNotFound(NotFound):
    code = "DiscussionNotFound"


class CommentNotFound(NotFound):
    """No such comment in this discussion."""

    code = "CommentNotFound"


class CommentHidden(Conflict):
    """It has been deleted or hidden, so there is nothing left to change."""

    code = "CommentHidden"


class NotYourComment(Forbidden):
    code = "NotYourComment"


class NotYourDiscussion(Forbidden):
    """Only its author and the repository's maintainers change a discussion."""

    code = "NotYourDiscussion"


class DiscussionLocked(Forbidden):
    """Maintainers have locked it: only they say something there."""

    code = "DiscussionLocked"


class Blocked(Forbidden):
    """Somebody does not want to hear from this person."""

    code = "Blocked"


class NothingChanged(Conflict):
    """It is so already."""

    code = "NothingChanged"


class DiscussionFull(Conflict):
    """The discussion has as many comments as one may have."""

    code = "DiscussionFull"


class PullRequestNotFound(NotFound):
    """No such pull request; a discussion may have that number."""

    code = "PullRequestNotFound"


class PullRequestClosed(Conflict):
    """It is closed or merged, so it takes no more commits."""

    code = "PullRequestClosed"


class NotYourPullRequest(Forbidden):
    """Only its author and the repository's writers add commits to a pull request."""

    code = "NotYourPullRequest"


class MergeConflict(Conflict):
    """Both sides have changed the same files, each in its own way."""

    code = "MergeConflict"


class NotReviewable(Invalid):
    """Only models have reviews."""

    code = "NotReviewable"


class ReviewNeedsSignIn(SignInNeeded):
    code = "SignInNeeded"


class OwnModel(Forbidden):
    """Nobody reviews a model of their own or of an organization that they belong to."""

    code = "OwnModel"


class ReviewNotFound(NotFound):
    code = "ReviewNotFound"


class ReviewExists(Conflict):
    """One person writes one review of a release."""

    code = "ReviewExists"


class NotYourReview(Forbidden):
    code = "NotYourReview"


class NewAccount(TooMany):
    """An account of the first days does less than others; the message tells when that ends."""

    code = "NewAccount"


class TooManyLinks(Invalid):
    """A text of a new account holds more links, or names more people, than such a text may."""

    code = "TooManyLinks"
