"""What happened that people may want to hear of: one row for each, from which feeds, notifications and profiles are made."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Namespace, Someone, User
from hub.community.models.discussion import Discussion, DiscussionEvent
from hub.community.models.review import Review
from hub.repos.models import Release, Repository


class ActivityKind(models.TextChoices):
    """What can happen. Beside it: which of the fields of Activity it fills, and what `data` holds."""

    REPOSITORY = "repository", _("New repository")  # repository
    RELEASE = "release", _("Release")  # release; changes: a line of what changed
    DISCUSSION = "discussion", _("Discussion")  # discussion, event (the opening text)
    QUESTION = "question", _("Question")  # the same
    PULL_REQUEST = "pull_request", _("Pull request")  # the same
    COMMENT = "comment", _("Comment")  # discussion, event
    STATUS = "status", _("Closed, reopened or merged")  # discussion, event (its `after` tells which)
    ANSWER = "answer", _("Accepted answer")  # discussion, event (the comment that answers)
    REVIEW = "review", _("Review")  # review
    REVIEW_REPLY = "review_reply", _("Reply to a review")  # review
    RESULT = "result", _("Result of an evaluation")  # repository (the model); run, benchmark, score
    FOLLOW = "follow", _("Follower")  # namespace (who is followed)
    INVITATION = "invitation", _("Invitation")  # namespace (the organization); invitation
    JOIN_REQUEST = "join_request", _("Request to join")  # namespace
    JOINED = "joined", _("New member")  # namespace; member: user name, role
    WEBHOOK_DISABLED = "webhook_disabled", _("Webhook switched off")  # namespace; webhook, url, reason
    MODERATION = "moderation", _("Message from the moderators")  # action, reason, target, path


class ActivityQuerySet(models.QuerySet["Activity"]):
    def visible_to(self, user: Someone) -> Self:
        """Those of repositories that `user` may know of. What is about no repository, or meant for one person, reaches people
        by their notifications and is in nobody's feed."""
        return self.filter(repository__in=Repository.objects.visible_to(user)).exclude(data__has_key="to")


class Activity(models.Model):
    """Something that happened. Written in the transaction in which it did, so that nothing is told that did not happen, and
    nothing that did is forgotten: `told_at` is null until everybody has been notified who is to be."""

    kind = models.CharField(max_length=32, choices=ActivityKind)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    namespace = models.ForeignKey(Namespace, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    repository = models.ForeignKey(
        Repository, null=True, on_delete=models.CASCADE, related_name="activities", db_index=False
    )
    discussion = models.ForeignKey(Discussion, null=True, on_delete=models.CASCADE, related_name="+")
    event = models.ForeignKey(DiscussionEvent, null=True, on_delete=models.CASCADE, related_name="+")
    review = models.ForeignKey(Review, null=True, on_delete=models.CASCADE, related_name="+")
    release = models.ForeignKey(Release, null=True, on_delete=models.CASCADE, related_name="+")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "activities"
        indexes = [
            models.Index(fields=["repository", "-id"], name="activity_of_repository"),
            models.Index(fields=["actor", "-id"], name="activity_of_actor"),
            models.Index(fields=["namespace", "-id"], name="activity_of_namespace"),
            models.Index(fields=["id"], condition=Q(told_at=None), name="activity_untold"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
