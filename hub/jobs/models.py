"""Jobs, what they have to tell, and the workers that run them. These rows are the truth; the broker only rings the bell."""

import uuid
from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Someone, User
from hub.core.fields import HexField
from hub.repos.models import Repository
from workers.contracts import HEARTBEAT_SECONDS, Failure, JobKind, WorkerKind

# A worker that has been silent for so long is away.
AWAY_SECONDS = 5 * HEARTBEAT_SECONDS


class State(models.TextChoices):
    """Where a job stands. The last three are final."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


UNFINISHED = (State.QUEUED, State.RUNNING)


class WorkerQuerySet(models.QuerySet["Worker"]):
    def live(self) -> Self:
        """Those whose key is good and who have been heard of just now."""
        since = timezone.now() - timedelta(seconds=AWAY_SECONDS)
        return self.filter(revoked_at__isnull=True, seen_at__gt=since)


class Worker(models.Model):
    """A process that runs jobs, known by its key.

    about: what it said when it started: device, memory (bytes for models), versions, sandbox, software and hardware by name.
    loaded: the models that it holds ready, as [full name, commit].
    """

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in WorkerKind])
    digest = HexField(length=32, unique=True)
    about = models.JSONField(default=dict)
    loaded = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class JobQuerySet(models.QuerySet["Job"]):
    def unfinished(self) -> Self:
        return self.filter(state__in=UNFINISHED)


class Job(models.Model):
    """One piece of work for a worker.

    queue: the kind of worker that runs it. visitor: who asked, where nobody is signed in: the random name in their session.
    key: what the caller calls this request, so that a repeated one makes no second job. repositories: what its worker may
    read. attempt: of how many claims this is the latest; max_attempts: how many a lost worker may cost. sends: how often its
    message went to the broker. deadline: after which nobody waits for it. request_id: of the request that asked for it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in JobKind])
    queue = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in WorkerKind])
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="jobs")
    visitor = models.CharField(max_length=64, blank=True)
    key = models.CharField(max_length=128, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    repositories = models.ManyToManyField(Repository, related_name="jobs")
    spec = models.JSONField()
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    seconds = models.PositiveIntegerField()  # one attempt may take
    worker = models.ForeignKey(Worker, null=True, on_delete=models.SET_NULL, related_name="jobs")
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    sends = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    deadline = models.DateTimeField(null=True)
    # stage, done, total: of contracts.Stage.
    progress = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    # code, params: of contracts.Failure.
    failure = models.JSONField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], condition=~Q(key=""), name="job_key_once"),
        ]
        indexes = [
            # The reaper and the queue's length look at what is unfinished, which is little.
            models.Index(fields=["queue", "created_at"], condition=Q(state__in=["queued", "running"]), name="job_open"),
            models.Index(fields=["user", "-created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def belongs_to(self, user: Someone, visitor: str = "") -> bool:
        """Tell whether it was `user` who asked for this, or the visitor of that name."""
        if self.user_id is not None:
            return self.user_id == user.pk
        return bool(visitor) and self.visitor == visitor

    @property
    def finished(self) -> bool:
        return self.state not in UNFINISHED

    @property
    def failed_with(self) -> Failure | None:
        return Failure.from_json(self.failure) if self.failure else None


class JobEvent(models.Model):
    """A line about a job: what its program logged, or why it was queued again.

    text: of LOG what it said; of STATE a FailureCode or STOPPED, for which `failures.line_of` has the words.
    """

    class Kind(models.TextChoices):
        LOG = "log"
        STATE = "state"

    STOPPED = "worker-stopped"  # in good order, and it gave the job back

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=8, choices=Kind)
    attempt = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=1000)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["job", "id"])]

    def __str__(self) -> str:
        return self.text
