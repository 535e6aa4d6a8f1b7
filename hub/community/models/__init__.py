"""Tables of what people say to each other about repositories, and of what they like, follow and put together."""

from hub.community.models.activity import Activity, ActivityKind
from hub.community.models.attachment import Attachment
from hub.community.models.collection import Collection, CollectionItem, CollectionUpvote
from hub.community.models.discussion import (
    AnswerVote,
    CommentEdit,
    CommentWords,
    Discussion,
    DiscussionEvent,
    Emoji,
    EventKind,
    Reaction,
    Status,
)
from hub.community.models.following import Block, Follow, Like
from hub.community.models.notification import Notification, NotificationSettings, Reason, Subscription
from hub.community.models.pull_request import PullRequest
from hub.community.models.review import Review, ReviewEdit, ReviewVote
from hub.community.models.webhook import Domain, Webhook, WebhookDelivery, WebhookWatch

__all__ = [
    "Activity",
    "ActivityKind",
    "AnswerVote",
    "Attachment",
    "Block",
    "Collection",
    "CollectionItem",
    "CollectionUpvote",
    "CommentEdit",
    "CommentWords",
    "Discussion",
    "DiscussionEvent",
    "Domain",
    "Emoji",
    "EventKind",
    "Follow",
    "Like",
    "Notification",
    "NotificationSettings",
    "PullRequest",
    "Reaction",
    "Reason",
    "Review",
    "ReviewEdit",
    "ReviewVote",
    "Status",
    "Subscription",
    "Webhook",
    "WebhookDelivery",
    "WebhookWatch",
]
