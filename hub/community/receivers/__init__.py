"""What the community does when something happens elsewhere: a ref moves, a repository comes or goes, somebody joins."""

from hub.community.receivers import activities, memberships, pull_requests, webhooks

__all__ = ["activities", "memberships", "pull_requests", "webhooks"]
