"""What happened that people may want to hear of: one row for each, from which feeds, notifications and profiles are made."""

from typing import Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, TextField, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Left
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Namespace, Someone, User
from hub.community.models.discussion import Discussion, DiscussionEvent
from hub.community.models.review import Review
from hub.core.links import repo_path
from hub.repos.models import Release, Repository

MAX_OPENING = 1000  # characters of what somebody wrote that are read to show how it begins


class ActivityKind(models.TextChoices):
    """What can happen. Beside it: which of the fields of Activity it fills, and what `data` holds."""

    REPOSITORY = "repository", _("New repository")  # repository
    RELEASE = "release", _("Release")  # release; changes: a line of what changed
    DISCUSSION = "discussion", _("Discussion")  # discussion, event (the opening text)
    QUESTION = "question", _("Question")  # the same
    PULL_REQUEST = "pull_request", _("Pull request")  # the same
    COMMENT = "comment", _("Comment")  # discussion, event
    # discussion, event (the last one); before: the head of the pull request until then
    COMMITS = "commits", _("New commits")
    STATUS = "status", _("Closed, reopened or merged")  # discussion, event (its `after` tells which)
    ANSWER = "answer", _("Accepted answer")  # discussion, event (the comment that answers)
    REVIEW = "review", _("Review")  # review
    REVIEW_REPLY = "review_reply", _("Reply to a review")  # review
    RESULT = (
        "result",
        _("Result of an evaluation"),
    )  # repository (the model); run, dataset (id), benchmark (its name), score
    FOLLOW = "follow", _("Follower")  # namespace (who is followed)
    INVITATION = "invitation", _("Invitation")  # namespace (the organization); invitation
    JOIN_REQUEST = "join_request", _("Request to join")  # namespace
    JOINED = "joined", _("New member")  # namespace; member: user name, role
    WEBHOOK_DISABLED = "webhook_disabled", _("Webhook switched off")  # namespace; webhook, url, reason
    MODERATION = "moderation", _("Message from the moderators")  # action, reason, target, path


# Those that lead to their event in the thread.
_AT_EVENT = (ActivityKind.COMMENT, ActivityKind.COMMITS, ActivityKind.ANSWER)


class ActivityQuerySet(models.QuerySet["Activity"]):
    def visible_to(self, user: Someone) -> Self:
        """Those of repositories that `user` may know of. What is about no repository, or meant for one person, reaches people
        by their notifications and is in nobody's feed."""
        visible = Repository.objects.visible_to(user)
        return (
            self.filter(repository__in=visible)
            .exclude(data__has_key="to")
            # What was hidden since is no news any more.
            .filter(Q(event__hidden_at=None) | ~Q(kind=ActivityKind.COMMENT), review__hidden_at=None)
            # A result names the dataset, too, which may be for fewer eyes than the model.
            .alias(dataset=Cast(KT("data__dataset"), models.BigIntegerField()))
            .filter(~Q(kind=ActivityKind.RESULT) | Exists(visible.filter(pk=OuterRef("dataset"))))
        )

    def with_details(self) -> Self:
        """Load in one query what it takes to say them: hub.community.wording. Of long texts, the first MAX_OPENING
        characters are in `opening`."""
        reply = When(kind=ActivityKind.REVIEW_REPLY, then=F("review__reply"))
        written = Coalesce("event__text", "review__text", "release__notes", Value(""))
        return (
            self.select_related(
                "actor",
                "namespace__user",
                "namespace__organization",
                "repository__namespace",
                "discussion",
                "event",
                "review",
                "release",
            )
            .defer("event__text", "review__text", "review__reply", "release__notes")
            .annotate(opening=Left(Case(reply, default=written, output_field=TextField()), MAX_OPENING))
        )


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

    opening: str  # only of those that `with_details` loaded

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

    def get_absolute_url(self) -> str:
        """The page of the site that it is about."""
        repository = self.repository
        if repository is None:
            return self._place_of_namespace()
        if self.discussion is not None:
            page = repo_path(repository.kind, repository.full_name, "discussions", str(self.discussion.number))
            said = self.event if self.kind in _AT_EVENT else None
            # The page of a long thread that shows it, and its place there.
            return page if said is None else f"{page}?event={said.pk}#{said.anchor}"
        if self.review is not None:
            return repo_path(repository.kind, repository.full_name, "reviews", str(self.review.pk))
        if self.release is not None:
            return repo_path(repository.kind, repository.full_name, "tree", rev=self.release.tag)
        if self.kind == ActivityKind.RESULT:
            return repo_path(repository.kind, repository.full_name, "evaluations", str(self.data["run"]))
        return repository.get_absolute_url()

    def _place_of_namespace(self) -> str:
        if self.kind == ActivityKind.MODERATION:
            return str(self.data.get("path", "")) or "/"
        if self.kind == ActivityKind.FOLLOW and self.actor is not None:
            return f"/{self.actor.username}"
        if self.namespace is None:
            return "/"
        if self.kind == ActivityKind.WEBHOOK_DISABLED:
            return f"/settings/webhooks/{self.data['webhook']}"
        if self.kind == ActivityKind.JOIN_REQUEST:
            return f"/organizations/{self.namespace.name}/members"
        return f"/{self.namespace.name}"
