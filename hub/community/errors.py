"""Why something that people say to each other is refused."""

from typing import TYPE_CHECKING

from hub.core.errors import Conflict, Forbidden, Invalid, NotFound, SignInNeeded, TooLarge, TooMany

if TYPE_CHECKING:
    from hub.community.models import Collection


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


class TooManyPinned(Conflict):
    """As many discussions of the repository are pinned as can be."""

    code = "TooManyPinned"


class NotAQuestion(Conflict):
    """It waits for no answer: it is a plain discussion, or a pull request."""

    code = "NotAQuestion"


class NotAnAnswer(Conflict):
    """It is the question itself."""

    code = "NotAnAnswer"


class OwnAnswer(Forbidden):
    """Nobody votes for what they wrote themselves."""

    code = "OwnAnswer"


class Blocked(Forbidden):
    """Somebody does not want to hear from this person."""

    code = "Blocked"


class TooManyFollows(Conflict):
    """Somebody follows as many as one can."""

    code = "TooManyFollows"


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


class PullRequestExists(Conflict):
    """Another one, open, proposes the same branch."""

    code = "PullRequestExists"


class HeadMoved(Conflict):
    """It is not any more what the caller has looked at."""

    code = "HeadMoved"


class NotTakenIn(Conflict):
    """The branch of a pull request does not have all of its changes."""

    code = "NotTakenIn"


class MergeConflict(Conflict):
    """Both sides have changed the same files in ways that do not go together."""

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


class ReviewHidden(Conflict):
    """Moderators have hidden it: it stays as it is."""

    code = "ReviewHidden"


class OwnReview(Forbidden):
    """Nobody finds a review of their own helpful."""

    code = "OwnReview"


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


class WebhookNotFound(NotFound):
    """No such webhook, or not theirs to administer."""

    code = "WebhookNotFound"


class DeliveryNotFound(NotFound):
    """No such message to this webhook; they are kept for a while only."""

    code = "DeliveryNotFound"


class TooManyWebhooks(Conflict):
    """The account has as many webhooks as one may have."""

    code = "TooManyWebhooks"


class WebhookDisabled(Conflict):
    """It is switched off, so nothing is sent to it."""

    code = "WebhookDisabled"


class DeliveryNotReplayable(Conflict):
    """What it tells of is gone."""

    code = "DeliveryNotReplayable"


class NotificationNotFound(NotFound):
    """No such notification, or of what they may not see any more."""

    code = "NotificationNotFound"


class UnsubscribeLinkInvalid(NotFound):
    """The link is not one of ours, or incomplete."""

    code = "UnsubscribeLinkInvalid"


class NoPicture(Invalid):
    """What was sent is no picture of a sort that is kept."""

    code = "UnsupportedMediaType"
    status = 415


class PictureTooLarge(TooLarge):
    """More bytes, points or frames than a picture may have."""

    code = "PictureTooLarge"


class PicturesFull(Conflict):
    """One person's pictures take up all that they may."""

    code = "PicturesFull"


class NotYourPicture(Forbidden):
    code = "Forbidden"


class PictureNotFound(NotFound):
    """No such picture, or no longer."""

    code = "PictureNotFound"


class CollectionNotFound(NotFound):
    """No such collection, or not theirs to see."""

    code = "CollectionNotFound"


class ItemNotFound(NotFound):
    """A collection has no such item."""

    code = "ItemNotFound"


class NotYourCollection(Forbidden):
    code = "Forbidden"


class CollectionExists(Conflict):
    """One owner's collections have different titles. collection: the one that has it."""

    code = "CollectionExists"

    def __init__(self, message: str, *, collection: "Collection") -> None:
        super().__init__(message, field="title")
        self.collection = collection


class AlreadyCollected(Conflict):
    code = "AlreadyCollected"


class CollectionFull(Conflict):
    """As many collections as one owner may have, or as many things as one collection."""

    code = "CollectionFull"
