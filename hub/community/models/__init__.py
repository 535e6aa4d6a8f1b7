"""Tables of what people say to each other about repositories."""

from hub.community.models.discussion import Discussion, DiscussionEvent, EventKind, Status

__all__ = [
    "Discussion",
    "DiscussionEvent",
    "EventKind",
    "Status",
]
