"""What the hub keeps account of in its store: what may go, what was looked at last, and how much there is of what."""

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Kept(models.Model):
    """Stored bytes with a row. Deletion takes two steps: what nothing refers to for long enough is condemned, and what is
    condemned and still unreferred to goes. Ages are of the hub's own running time (`StorageClock`), so that a clock that
    jumps takes nothing away."""

    # Since when nothing refers to it, in seconds of StorageClock; null while something does.
    unreferenced_at = models.BigIntegerField(null=True)
    condemned_at = models.BigIntegerField(null=True)
    # When all of its bytes were last read and compared with its name, and when they were found to be others.
    checked_at = models.DateTimeField(null=True)
    damaged_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        indexes = [
            models.Index(fields=["checked_at"], name="%(class)s_checked"),
            models.Index(fields=["condemned_at"], name="%(class)s_condemned", condition=models.Q(condemned_at__gte=0)),
            models.Index(fields=["damaged_at"], name="%(class)s_damaged", condition=models.Q(damaged_at__isnull=False)),
        ]


def mark_damaged(rows: "models.QuerySet[Any]") -> bool:
    """Mark stored bytes as damaged, so that nothing relies on them from now on and whoever has the same content is let send
    it again. `rows`: of a model that is Kept. Returns whether that is news."""
    return bool(rows.filter(damaged_at=None).update(damaged_at=timezone.now()))


class StorageClock(models.Model):
    """How long the hub has been running, as its storage passes have seen it: one row. A pass adds the time since the one
    before, and never more than a few hours, whatever the machine's clock says."""

    seconds = models.BigIntegerField(default=0)
    ticked_at = models.DateTimeField(default=timezone.now)


class StorageRun(models.Model):
    """One pass over the store: collecting garbage, checking, re-hashing, counting, a backup."""

    class Task(models.TextChoices):
        COLLECT = "collect", _("Collect garbage")
        CHECK = "check", _("Check")
        SCRUB = "scrub", _("Re-hash")
        COUNT = "count", _("Count")
        CHUNK = "chunk", _("Cut into chunks")
        BACKUP = "backup", _("Back up")

    task = models.CharField(max_length=16, choices=Task)
    started_at = models.DateTimeField(auto_now_add=True)
    # Null while it runs, and for ever where it was killed.
    finished_at = models.DateTimeField(null=True)
    counts: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict
    )  # what -> how many, or bytes
    damages = models.JSONField(default=list)  # a sentence for each, the first 100

    class Meta:
        indexes = [models.Index(fields=["task", "-started_at"])]

    def __str__(self) -> str:
        return f"{self.task} {self.started_at:%F %T}"

    @classmethod
    def latest(cls, task: str) -> "StorageRun | None":
        """Return the pass of a task that began last."""
        return cls.objects.filter(task=task).order_by("-started_at").first()

    @property
    def results(self) -> dict[str, Any]:
        """What was counted, without what begins with `_`: that is where a pass goes on, and not for people."""
        return {what: count for what, count in self.counts.items() if not what.startswith("_")}


class RepositoryUsage(models.Model):
    """What one repository takes up: of large files, of git objects, and of the store."""

    repository = models.OneToOneField(
        "repos.Repository", primary_key=True, on_delete=models.CASCADE, related_name="usage"
    )
    large_size = models.PositiveBigIntegerField(default=0)  # bytes of the large files that it holds, each content once
    git_size = models.PositiveBigIntegerField(default=0)  # bytes of its git objects, inflated
    # Bytes of the store that are there for it: what several repositories share counts for the one that had it first.
    stored_size = models.PositiveBigIntegerField(default=0)
    counted_at = models.DateTimeField(auto_now=True)
