"""People, organizations and the names that they share."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

from django.contrib.auth.models import AbstractUser, AnonymousUser, UserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts import names

if TYPE_CHECKING:
    from hub.accounts.models.tokens import AccessToken

Someone: TypeAlias = "User | AnonymousUser"


class User(AbstractUser):
    """A person (or a robot with an account). The name is also the name of the person's namespace."""

    username = models.CharField(
        _("user name"), max_length=names.MAX_NAMESPACE, unique=True, validators=names.USERNAME_VALIDATORS
    )
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail address"), unique=True)
    display_name = models.CharField(_("display name"), max_length=80, blank=True)
    bio = models.CharField(_("about you"), max_length=500, blank=True)
    website = models.URLField(_("website"), blank=True)
    # Whether they sign in with more than a password; kept in step with their authenticators.
    second_factor = models.BooleanField(default=False)
    # What they chose to read the site in, and so their mail; empty: unknown, mail comes in every language of the site.
    language = models.CharField(max_length=16, blank=True)
    # By a moderator: they may look, and change nothing, until then; null: until somebody lifts it.
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_until = models.DateTimeField(null=True, blank=True)
    suspension_reason = models.CharField(max_length=1000, blank=True)  # for them to read

    # The token that this request was authenticated with; None for a session. Set by the API's authentication and read by
    # the permission functions, so that a read token cannot write, whichever view it comes through.
    acting_token: "AccessToken | None" = None

    objects: ClassVar[UserManager[Self]] = UserManager()

    def __str__(self) -> str:
        return self.username

    @property
    def shown_name(self) -> str:
        return names.visible(self.display_name) or self.username

    @property
    def suspended(self) -> bool:
        return self.suspended_at is not None and (self.suspended_until is None or self.suspended_until > timezone.now())

    def get_full_name(self) -> str:
        return self.shown_name

    def get_short_name(self) -> str:
        return self.username


class RepoReader(AnonymousUser):
    """Nobody in particular, who may read these repositories and do nothing else: a worker, for the length of a job."""

    def __init__(self, repositories: Iterable[int]) -> None:
        super().__init__()
        self.repositories = frozenset(repositories)


class Organization(models.Model):
    """A group that owns repositories; its name lives in its namespace."""

    display_name = models.CharField(_("display name"), max_length=80, blank=True)
    bio = models.CharField(_("description"), max_length=500, blank=True)
    website = models.URLField(_("website"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Whoever signs in by a password alone is a member in name only: see MembershipQuerySet.standing.
    requires_mfa = models.BooleanField(default=False)
    # Whether people with an account may ask to be let in.
    takes_requests = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.namespace.name

    @property
    def shown_name(self) -> str:
        return names.visible(self.display_name) or self.namespace.name


class NamespaceQuerySet(models.QuerySet["Namespace"]):
    def named(self, name: str) -> Self:
        """Those with that name; case does not matter."""
        return self.filter(name__iexact=name)

    def writable_by(self, user: Someone) -> Self:
        """Namespaces in which `user` may create repositories: their own, and those where they are contributor or more."""
        if not user.is_authenticated or user.suspended:
            return self.none()
        contributing = user.memberships.standing().filter(role__in=Role.at_least(Role.CONTRIBUTOR))
        return self.filter(Q(user=user) | Q(organization__in=contributing.values("organization")))


class Namespace(models.Model):
    """A name before the slash: one user's or one organization's. Names differ in more than case."""

    name = models.CharField(max_length=names.MAX_NAMESPACE)
    user = models.OneToOneField(User, null=True, on_delete=models.CASCADE, related_name="namespace")
    organization = models.OneToOneField(Organization, null=True, on_delete=models.CASCADE, related_name="namespace")
    # Bytes that its repositories may hold; null: what this hub gives to everybody, 0: as much as there is room for.
    storage_quota = models.PositiveBigIntegerField(null=True, blank=True)

    objects = NamespaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="namespace_name_once"),
            models.CheckConstraint(
                condition=Q(user__isnull=True) ^ Q(organization__isnull=True), name="namespace_has_one_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> User | Organization:
        owner = self.user or self.organization
        assert owner is not None
        return owner

    @property
    def shown_name(self) -> str:
        return self.owner.shown_name


class Role(models.TextChoices):
    """What a member of an organization may do; each role may do what those before it may."""

    READ = "read", _("Read")
    CONTRIBUTOR = "contributor", _("Contributor")
    WRITE = "write", _("Write")
    ADMIN = "admin", _("Admin")

    @classmethod
    def at_least(cls, role: "Role") -> list["Role"]:
        ordered = list(cls)
        return ordered[ordered.index(role) :]


class MembershipQuerySet(models.QuerySet["Membership"]):
    def standing(self) -> Self:
        """Those that give rights: all but of people without a second factor where the organization requires one."""
        return self.filter(Q(organization__requires_mfa=False) | Q(user__second_factor=True))


class Membership(models.Model):
    """A user's role in an organization. Ask `standing` wherever it gives rights."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)
    joined_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization} as {self.role}"


class RetiredName(models.Model):
    """The name of an account that was deleted. Nobody takes it again, and speaks where somebody else was known."""

    name = models.CharField(max_length=names.MAX_NAMESPACE)
    retired_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="retired_name_once")]

    def __str__(self) -> str:
        return self.name
