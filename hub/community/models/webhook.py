"""Webhooks: other programs are told what happens here."""

import uuid
from collections.abc import Iterable
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from hub.accounts.models import Namespace, User
from hub.repos.models import Repository
from hub.repos.permissions import readers_of

MAX_URL = 500


class Domain(models.TextChoices):
    """What a webhook hears of. The values are the words of the client protocol."""

    REPO = "repo"
    DISCUSSION = "discussion"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def hearing(self, repo: Repository, domain: Domain, *, namespaces: Iterable[int] = ()) -> Self:
        """Those that are told of something in `repo`: that watch it, its owner or one of `namespaces`, while whoever answers
        for them may know of it."""
        watched = Q(repository=repo) | Q(namespace__in=[repo.namespace_id, *namespaces])
        return self.filter(
            pk__in=WebhookWatch.objects.filter(watched).values("webhook"),
            disabled_at=None,
            domains__contains=[domain],
            created_by__in=readers_of(repo),
        )


class Webhook(models.Model):
    """An address that is told what happens to repositories. It belongs to a user or an organization, and is told what
    `created_by` may see, for as long as they may: whoever set its address last. Null once that account is deleted: an
    organization's is off then, until one of its administrators switches it on and answers for it."""

    namespace = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="webhooks")
    key = models.CharField(max_length=24, unique=True)  # 24 hex digits, random: what tools call it by
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    url = models.CharField(max_length=MAX_URL)
    # Sent as X-Webhook-Secret, as the client family's own servers expect; empty for none.
    secret = models.CharField(max_length=200, blank=True)
    # The key of the signatures of Standard Webhooks, `whsec_…`.
    signing_secret = models.CharField(max_length=100)
    domains = ArrayField(models.CharField(max_length=16, choices=Domain), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    failures = models.PositiveIntegerField(default=0)  # deliveries in a row that were given up
    disabled_at = models.DateTimeField(null=True)
    # Why the hub switched it off; empty where its owner did.
    disabled_reason = models.CharField(max_length=500, blank=True)

    objects = WebhookQuerySet.as_manager()

    def __str__(self) -> str:
        return self.url

    @property
    def full_name(self) -> str:
        """What the audit log calls it by."""
        return f"{self.namespace.name} webhook {self.key}"


class WebhookWatch(models.Model):
    """One thing that a webhook watches: everything of an account, or one repository."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="watches", db_index=False)
    namespace = models.ForeignKey(Namespace, null=True, on_delete=models.CASCADE, related_name="+")
    repository = models.ForeignKey(Repository, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "namespace", "repository"], nulls_distinct=False, name="webhook_watch_once"
            ),
            models.CheckConstraint(
                condition=Q(namespace__isnull=True) ^ Q(repository__isnull=True), name="webhook_watches_one_thing"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.webhook} on {self.namespace or self.repository}"


class DeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def due(self) -> Self:
        return self.filter(state=WebhookDelivery.State.WAITING, next_try_at__lte=timezone.now())


class WebhookDelivery(models.Model):
    """One message to one webhook: written in the transaction of what it tells of, and sent until it arrives or is given up."""

    class State(models.TextChoices):
        WAITING = "waiting"
        ARRIVED = "arrived"
        GIVEN_UP = "given up"

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    # Null once it is deleted. Asked again before each try whether the webhook's maker may still see it.
    repository = models.ForeignKey(Repository, null=True, on_delete=models.SET_NULL, related_name="+")
    scope = models.CharField(max_length=32)  # repo, repo.content, discussion.comment…
    action = models.CharField(max_length=16)  # create, update, delete, move
    payload = models.JSONField()
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    # Of the last try: the answer's status, None where none came; what it said or what went wrong; milliseconds.
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.CharField(max_length=1000, blank=True)
    took = models.PositiveIntegerField(null=True)
    replay_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["webhook", "-created_at"], name="delivery_of_webhook"),
            models.Index(fields=["next_try_at"], condition=Q(state="waiting"), name="delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.action} to {self.webhook}"
