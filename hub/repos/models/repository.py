"""Repositories and who may see them."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Membership, Namespace, RepoReader, Role, Someone, User
from hub.core.links import repo_path
from hub.core.statements import Given
from hub.repos.models.git import GitStore

MAX_REPO_NAME = 96


class Kind(models.TextChoices):
    """What a repository holds. The values are the words of the client protocol."""

    MODEL = "model", _("Model")
    DATASET = "dataset", _("Dataset")
    # Stored and shown like the others; nothing here runs them.
    SPACE = "space", _("Space")
    KERNEL = "kernel", _("Kernel")
    # Files without a history: no commits, no git, no card.
    BUCKET = "bucket", _("Bucket")


# What has commits. The order is that of lists for people.
VERSIONED = (Kind.MODEL, Kind.DATASET, Kind.SPACE, Kind.KERNEL)


class Visibility(models.TextChoices):
    """Who may read: everybody who may read this hub, or the owner and the organization's members."""

    PUBLIC = "public", _("Public")
    PRIVATE = "private", _("Private")


class Gate(models.TextChoices):
    """Who gets the files of a repository that everybody may know of. The values are the words of the client protocol."""

    OPEN = "", _("Everybody who can read it")
    AUTO = "auto", _("Whoever asks")
    MANUAL = "manual", _("Whoever is let in")


class RepositoryQuerySet(models.QuerySet["Repository"]):
    def visible_to(self, user: Someone) -> Self:
        """Those that `user` may know of. Where anonymous reading is off, nobody who is not signed in sees any. What moderators
        took down nobody sees, by no path."""
        return self.filter(taken_down_at=None).open_to(user)

    def open_to(self, user: Someone) -> Self:
        """Those that are visible to `user`, and would be, had they not been taken down."""
        if isinstance(user, RepoReader):
            return self.filter(pk__in=user.repositories)
        if not user.is_authenticated:
            return self.filter(visibility=Visibility.PUBLIC) if settings.ANONYMOUS_READ else self.none()
        return self.open_to_account(user.pk)

    def open_to_account(self, user: int | Given) -> Self:
        """Those that are visible, unless they were taken down, to whoever has the account of that number."""
        # Sub-selects, not joins: a row must not come twice because its organization has many members.
        return self.filter(
            Q(visibility=Visibility.PUBLIC)
            | Q(namespace__in=Namespace.objects.filter(user=user))
            | Q(namespace__organization__in=Membership.objects.standing().filter(user=user).values("organization"))
        )

    def readable_by(self, user: Someone) -> Self:
        """Those whose files `user` may fetch: what they may know of, less gated ones where nobody has let them in."""
        visible = self.visible_to(user)
        if isinstance(user, RepoReader):
            return visible
        if not user.is_authenticated:
            return visible.filter(gate=Gate.OPEN)
        return visible.filter(
            Q(gate=Gate.OPEN)
            | Q(namespace__in=Namespace.objects.filter(user=user))
            | Q(namespace__organization__in=user.memberships.standing().values("organization"))
            | Q(pk__in=AccessRequest.objects.accepted().filter(user=user).values("repository"))
        )

    def writable_by(self, user: Someone) -> Self:
        """Those that `user` may change: their own, what their role lets them, and what they made as contributor."""
        if not user.is_authenticated or user.suspended:
            return self.none()
        roles = user.memberships.standing()
        return self.filter(taken_down_at=None).filter(
            Q(namespace__in=Namespace.objects.filter(user=user))
            | Q(namespace__organization__in=roles.filter(role__in=Role.at_least(Role.WRITE)).values("organization"))
            | Q(
                created_by=user,
                namespace__organization__in=roles.filter(role=Role.CONTRIBUTOR).values("organization"),
            )
        )

    def named(self, kind: str | Given, namespace: str | Given, name: str | Given) -> Self:
        return self.filter(kind=kind, namespace__name__iexact=namespace, name__iexact=name)


class Repository(models.Model):
    """A versioned folder under `namespace/name`. What it holds is in its store's objects and its refs."""

    kind = models.CharField(max_length=16, choices=Kind)
    # Protected: a namespace that owns repositories cannot vanish under them.
    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="repositories")
    name = models.CharField(max_length=MAX_REPO_NAME)
    visibility = models.CharField(max_length=16, choices=Visibility, default=Visibility.PUBLIC)
    gate = models.CharField(max_length=16, choices=Gate, default=Gate.OPEN, blank=True)
    store = models.ForeignKey(GitStore, on_delete=models.PROTECT, related_name="repositories")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # When the content last changed: the time of the newest ref update.
    updated_at = models.DateTimeField(auto_now_add=True)
    # The number that the newest discussion or pull request took: one counter for both, as `refs/pr/N` needs it.
    last_number = models.PositiveIntegerField(default=0)
    # The number of the newest release, deleted or not: the next one gets the next number.
    releases_made = models.PositiveIntegerField(default=0)

    # How often history was taken away (a branch deleted, a force push, a squash). What was built from the objects of an
    # earlier count may hold some that nobody may fetch any more.
    rewrites = models.PositiveIntegerField(default=0)

    # By a moderator, for everybody to read why; null for what stands.
    taken_down_at = models.DateTimeField(null=True, blank=True)
    takedown_reason = models.CharField(max_length=1000, blank=True)

    objects = RepositoryQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint("kind", "namespace", Lower("name"), name="repository_name_once")]
        indexes = [models.Index(fields=["namespace", "-updated_at"])]

    def __str__(self) -> str:
        return self.full_name

    def get_absolute_url(self) -> str:
        return repo_path(self.kind, self.full_name)

    @property
    def full_name(self) -> str:
        return f"{self.namespace.name}/{self.name}"

    @property
    def audit_name(self) -> str:
        """What the record of acts calls it: `model ada/tiny`. The name alone may be that of a dataset, too."""
        return f"{self.kind} {self.full_name}"

    @property
    def private(self) -> bool:
        return self.visibility == Visibility.PRIVATE

    @property
    def gated(self) -> bool:
        return self.gate != Gate.OPEN

    @property
    def plural(self) -> str:
        """The kind as it stands in API addresses: `models`, `datasets`."""
        return f"{self.kind}s"


class RepositoryAlias(models.Model):
    """Another name of a repository: one that it had before, or a short one without an owner (`gpt2`) that an administrator
    gave it. It redirects, and nobody else can take it while the repository lives."""

    kind = models.CharField(max_length=16, choices=Kind)
    full_name = models.CharField(max_length=160)  # "namespace/name", or "name" for a short one
    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="aliases")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint("kind", Lower("full_name"), name="alias_once")]

    def __str__(self) -> str:
        return self.full_name


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def accepted(self) -> Self:
        return self.filter(status=AccessRequest.Status.ACCEPTED)


class AccessRequest(models.Model):
    """Somebody asks for the files of a gated repository, or has been let in without asking. One for each person."""

    class Status(models.TextChoices):
        """The values are the words of the client protocol."""

        PENDING = "pending", _("Waiting")
        ACCEPTED = "accepted", _("Let in")
        REJECTED = "rejected", _("Turned down")

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="access_requests", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_requests")
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    # What the card's form asked: label -> what was answered, a text or a tick.
    fields = models.JSONField(default=dict)
    reason = models.TextField(blank=True)  # why it was turned down
    requested_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)
    # Null for a gate that opens by itself.
    decided_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "user"], name="access_request_once")]

    def __str__(self) -> str:
        return f"{self.user} asks for {self.repository}"


class BranchRule(models.Model):
    """What a branch is protected from: always deletion and rewriting; with `admins_only`, any change by others."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="branch_rules", db_index=False)
    pattern = models.CharField(max_length=200)  # a branch's name; `*` stands for any characters
    admins_only = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "pattern"], name="branch_rule_once")]

    def __str__(self) -> str:
        return self.pattern
