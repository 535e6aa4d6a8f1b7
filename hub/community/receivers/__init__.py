"""What the community does when something happens elsewhere: a ref moves, a repository comes or goes, somebody joins, is
suspended or is back."""

from hub.community.receivers import activities, memberships, pull_requests, voices, webhooks

__all__ = ["activities", "memberships", "pull_requests", "voices", "webhooks"]
