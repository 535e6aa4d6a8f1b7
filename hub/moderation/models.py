"""Cases, the reports that opened them, what moderators did, and the appeals against it."""

from typing import Self

from django.db import models
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Namespace, User
from hub.repos.models import Repository

MAX_TITLE = 300  # characters
MAX_EXCERPT = 4000
MAX_TEXT = 4000
MAX_REASON = 1000  # as repositories and accounts keep it


class Target(models.TextChoices):
    """What can be reported. `key` of a case names it: the primary key of its row."""

    REPOSITORY = "repository", _("Repository")
    COMMENT = "comment", _("Comment")
    REVIEW = "review", _("Review")
    USER = "user", _("User")
    ORGANIZATION = "organization", _("Organization")
    COLLECTION = "collection", _("Collection")
    ATTACHMENT = "attachment", _("Image")


class Ground(models.TextChoices):
    """Why something is reported."""

    SPAM = "spam", _("Spam or advertising")
    ILLEGAL = "illegal", _("Illegal content")
    HARASSMENT = "harassment", _("Harassment or hate")
    MALWARE = "malware", _("Malware, or files that do harm")
    COPYRIGHT = "copyright", _("Licence or copyright")
    PRIVACY = "privacy", _("Personal data of somebody")
    IMPERSONATION = "impersonation", _("Pretends to be somebody else")
    SAFETY = "safety", _("Unsafe, and without a gate or a warning")
    OTHER = "other", _("Something else")


class CaseQuerySet(models.QuerySet["Case"]):
    def unsettled(self) -> Self:
        return self.exclude(state=Case.State.CLOSED)

    def with_report_count(self) -> Self:
        """Add `report_count`."""
        return self.annotate(report_count=Count("reports"))


class Case(models.Model):
    """Something that was reported, by one person or many, and what became of it. At most one open case for each thing.

    What was reported is kept as it was then: it can be edited, hidden or deleted before anybody looks.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        CLAIMED = "claimed", _("Claimed")
        CLOSED = "closed", _("Closed")

    kind = models.CharField(max_length=16, choices=Target)
    key = models.CharField(max_length=36)
    title = models.CharField(max_length=MAX_TITLE)
    excerpt = models.TextField(blank=True)
    path = models.CharField(max_length=500)  # of the page that it stood on
    # Whose it is: the person, where there is one, and the account that owns it. Null once that account is deleted.
    accused = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    namespace = models.ForeignKey(Namespace, null=True, on_delete=models.SET_NULL, related_name="+")
    author_name = models.CharField(max_length=100, blank=True)
    # The repository, or the one that it stands in.
    repository = models.ForeignKey(Repository, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    claimed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    claimed_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], condition=~Q(state="closed"), name="case_open_once"),
        ]
        indexes = [
            models.Index(fields=["opened_at", "id"], condition=~Q(state="closed"), name="case_queue"),
            models.Index(fields=["closed_at"], name="case_closed"),
        ]

    def __str__(self) -> str:
        return f"case {self.pk}"

    @property
    def closed(self) -> bool:
        return self.state == Case.State.CLOSED


class Report(models.Model):
    """What one person has to say against something. Nobody but moderators learns who it was."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="reports", db_index=False)
    reporter = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    ground = models.CharField(max_length=16, choices=Ground)
    text = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "reporter"], name="report_once")]
        indexes = [models.Index(fields=["created_at"], name="report_lately")]
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"report {self.pk} of {self.case_id}"


class ActionKind(models.TextChoices):
    """What a moderator can do. Those of UNDOING take something back."""

    HIDE = "hide", _("Hidden")
    UNHIDE = "unhide", _("Shown again")
    LOCK = "lock", _("Locked")
    UNLOCK = "unlock", _("Unlocked")
    WARN = "warn", _("Warned")
    SUSPEND = "suspend", _("Suspended")
    LIFT = "lift", _("Suspension lifted")
    TAKE_DOWN = "take_down", _("Taken down")
    RESTORE = "restore", _("Put back")
    DISMISS = "dismiss", _("Dismissed")


# What undoes what.
UNDOING = {
    ActionKind.HIDE: ActionKind.UNHIDE,
    ActionKind.LOCK: ActionKind.UNLOCK,
    ActionKind.SUSPEND: ActionKind.LIFT,
    ActionKind.TAKE_DOWN: ActionKind.RESTORE,
}
# What the person or organization that it concerns may ask to have looked at again.
APPEALABLE = (ActionKind.HIDE, ActionKind.WARN, ActionKind.SUSPEND, ActionKind.TAKE_DOWN)


class Action(models.Model):
    """What a moderator did. Append-only, as the record of acts is: see hub/core/migrations/0002_append_only.py."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="actions")
    moderator = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=16, choices=ActionKind)
    reason = models.CharField(max_length=MAX_REASON, blank=True)  # for those whom it concerns, and for the public
    note = models.TextField(blank=True)  # for moderators
    until = models.DateTimeField(null=True)  # of a suspension; null: until it is lifted
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["at"], name="action_lately")]
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} in {self.case_id}"


class Appeal(models.Model):
    """Somebody asks to have an action looked at again: once."""

    class State(models.TextChoices):
        OPEN = "open", _("Waiting")
        GRANTED = "granted", _("Granted")
        REJECTED = "rejected", _("Turned down")

    action = models.OneToOneField(Action, on_delete=models.PROTECT, related_name="appeal")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    answer = models.CharField(max_length=MAX_REASON, blank=True)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"appeal against {self.action_id}"
