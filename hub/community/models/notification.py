"""What reaches whom, and what people want to be told."""

from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Role, User
from hub.community.models.activity import Activity, ActivityKind
from hub.community.models.discussion import Discussion
from hub.repos.models import Repository


class Reason(models.TextChoices):
    """Why somebody is told. Where several hold, the first here."""

    DIRECT = "direct", _("Meant for you")
    MENTIONED = "mentioned", _("You were mentioned")
    PARTICIPATING = "participating", _("You take part")
    WATCHING = "watching", _("You watch this")


class NotificationQuerySet(models.QuerySet["Notification"]):
    def visible_to(self, user: User) -> Self:
        """Those of `user` about what they may still know of. The one way to somebody's notifications."""
        visible = Repository.objects.visible_to(user)
        readable = Q(activity__repository=None) | Q(activity__repository__in=visible)
        # A result names the dataset, too, which may be for fewer eyes than the model.
        dataset = Cast(KeyTextTransform("dataset", "activity__data"), models.BigIntegerField())
        measured = ~Q(activity__kind=ActivityKind.RESULT) | Exists(visible.filter(pk=OuterRef("dataset")))
        # Who asks to join, and where webhooks lead, only administrators of an organization know.
        admin_of = user.memberships.standing().filter(role=Role.ADMIN).values("organization")
        theirs = (
            ~Q(activity__kind__in=(ActivityKind.JOIN_REQUEST, ActivityKind.WEBHOOK_DISABLED))
            | Q(activity__namespace__organization=None)
            | Q(activity__namespace__organization__in=admin_of)
        )
        # What moderators have hidden since is told to nobody.
        return self.alias(dataset=dataset).filter(
            readable, measured, theirs, user=user, activity__review__hidden_at=None
        )

    def unread(self) -> Self:
        return self.filter(read_at=None)


class Notification(models.Model):
    """One person is told of one thing that happened."""

    class Mail(models.TextChoices):
        """NONE: none is wanted. NOW: one is about to be sent. DIGEST: the next digest tells of it. SENT: it has gone."""

        NONE = "none"
        NOW = "now"
        DIGEST = "digest"
        SENT = "sent"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    activity = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="notifications")
    reason = models.CharField(max_length=16, choices=Reason)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=8, choices=Mail, default=Mail.NONE)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "activity"], name="notification_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_of_user"),
            models.Index(fields=["user"], condition=Q(read_at=None), name="notification_unread"),
            models.Index(fields=["user", "id"], condition=Q(mail__in=["now", "digest"]), name="notification_to_mail"),
        ]

    def __str__(self) -> str:
        return f"{self.activity} for {self.user}"


class Subscription(models.Model):
    """What somebody wants to hear of one repository or one discussion: everything, or nothing."""

    class Level(models.TextChoices):
        WATCHING = "watching", _("Watching: everything that happens")
        MUTED = "muted", _("Muted: nothing")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="subscriptions", db_index=False)
    repository = models.ForeignKey(Repository, null=True, on_delete=models.CASCADE, related_name="subscriptions")
    discussion = models.ForeignKey(Discussion, null=True, on_delete=models.CASCADE, related_name="subscriptions")
    level = models.CharField(max_length=16, choices=Level)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "repository", "discussion"], nulls_distinct=False, name="subscription_once"
            ),
            models.CheckConstraint(
                condition=Q(repository__isnull=True) ^ Q(discussion__isnull=True), name="subscription_has_one_target"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.level} {self.repository or self.discussion}"


class NotificationSettings(models.Model):
    """How somebody wants to be told, by reason. Who has no row has the defaults."""

    class Delivery(models.TextChoices):
        OFF = "off", _("Not at all")
        SITE = "site", _("On the site")
        DIGEST = "digest", _("On the site, and in a daily mail")
        MAIL = "mail", _("On the site, and by mail at once")

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="notification_settings")
    direct = models.CharField(max_length=8, choices=Delivery, default=Delivery.MAIL)
    mentioned = models.CharField(max_length=8, choices=Delivery, default=Delivery.MAIL)
    participating = models.CharField(max_length=8, choices=Delivery, default=Delivery.DIGEST)
    watching = models.CharField(max_length=8, choices=Delivery, default=Delivery.SITE)
    # Repositories that they make, or come to own, are watched by them.
    watch_own = models.BooleanField(default=True)
    digested_at = models.DateTimeField(null=True)  # when the last digest went

    def __str__(self) -> str:
        return f"of {self.user}"
