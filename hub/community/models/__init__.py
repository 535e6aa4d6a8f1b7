"""Tables of what people say to each other about repositories."""

from hub.community.models.discussion import Discussion, DiscussionEvent, EventKind, Status
from hub.community.models.pull_request import PullRequest
from hub.community.models.review import Review

__all__ = [
    "Discussion",
    "DiscussionEvent",
    "EventKind",
    "PullRequest",
    "Review",
    "Status",
]
