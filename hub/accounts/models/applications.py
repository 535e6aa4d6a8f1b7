"""Applications that people sign in to or with by this hub: what they may ask for, who let them, and what they hold."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts.models.people import User
from hub.accounts.models.tokens import Scope
from hub.core.fields import HexField


class Right(models.TextChoices):
    """What an application may ask for, by the names of OAuth. The last two are also a token's scope."""

    OPENID = "openid", _("know who you are")
    PROFILE = "profile", _("see your profile and organizations")
    EMAIL = "email", _("see your e-mail address")
    READ = "read-repos", _("download what you may see, private repositories included")
    WRITE = "write-repos", _("create, upload, change and delete in your name")
    OFFLINE = "offline_access", _("stay signed in while you are away")

    @staticmethod
    def scope_of(rights: list[str]) -> Scope:
        """Return the scope of a token with these rights."""
        if Right.WRITE in rights:
            return Scope.WRITE
        return Scope.READ if Right.READ in rights else Scope.IDENTITY


class Application(models.Model):
    """A program that people let act or know in their name: one that somebody registered, or a tool that the hub knows.

    owner: who registered it; None for the tool. secret_digest: None for programs that cannot keep a secret, which prove
    themselves by PKCE alone. redirect_uris: where answers may go, to the letter.
    """

    client_id = models.CharField(max_length=64, unique=True)
    secret_digest = HexField(length=32, null=True)
    name = models.CharField(_("name"), max_length=80)
    homepage = models.URLField(_("website"), blank=True)
    owner = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="applications")
    redirect_uris = ArrayField(models.CharField(max_length=500), default=list)
    rights = ArrayField(models.CharField(max_length=16, choices=Right), default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    @property
    def confidential(self) -> bool:
        return self.secret_digest is not None


class Consent(models.Model):
    """That somebody let an application have these rights; while it stands, they are not asked again."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="consents")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="consents")
    rights = ArrayField(models.CharField(max_length=16, choices=Right))
    given_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "application"], name="consent_once")]


class SignIn(models.Model):
    """One tool or application that holds tokens of somebody. Its tokens are renewed and end together.

    agent: what the tool calls itself; address: from where it asked. Both as they were seen, and nobody vouches for them.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="sign_ins")
    rights = ArrayField(models.CharField(max_length=16, choices=Right))
    agent = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.application} of {self.user}"

    @property
    def scope(self) -> Scope:
        return Right.scope_of(self.rights)


class RefreshToken(models.Model):
    """Gets a sign-in its next tokens, once. A second use means that two hold it, and ends the sign-in."""

    sign_in = models.ForeignKey(SignIn, on_delete=models.CASCADE, related_name="refresh_tokens")
    digest = HexField(length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class AuthorizationCode(models.Model):
    """What a browser carries from the consent page to the application, which turns it into tokens once.

    challenge: of PKCE, by S256; empty for applications with a secret that sent none. auth_time: when the person logged in,
    in seconds since the epoch. sign_in: what came of it.
    """

    digest = HexField(length=32, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    redirect_uri = models.CharField(max_length=500)
    rights = ArrayField(models.CharField(max_length=16, choices=Right))
    nonce = models.CharField(max_length=255, blank=True)
    challenge = models.CharField(max_length=128, blank=True)
    auth_time = models.BigIntegerField()
    expires_at = models.DateTimeField()
    sign_in = models.ForeignKey(SignIn, null=True, on_delete=models.CASCADE, related_name="+")


class DeviceRequest(models.Model):
    """A tool that waits for somebody to let it in (RFC 8628). `user_code` is what they compare or type.

    interval: seconds between two questions of the tool; it grows where the tool asks sooner. user: who decided.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        DENIED = "denied"
        SPENT = "spent"

    digest = HexField(length=32, unique=True)
    user_code = models.CharField(max_length=8)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    rights = ArrayField(models.CharField(max_length=16, choices=Right))
    agent = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    interval = models.PositiveSmallIntegerField()
    asked_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user_code"], condition=Q(state="waiting"), name="device_code_waits_once")
        ]

    def __str__(self) -> str:
        return f"{self.application} from {self.address}"

    @property
    def shown_code(self) -> str:
        """The code in two halves, as people read it to each other."""
        return f"{self.user_code[:4]}-{self.user_code[4:]}"

    @property
    def expired(self) -> bool:
        return self.expires_at <= timezone.now()

    @property
    def asked_too_soon(self) -> bool:
        """Whether the tool asks again before its interval is over."""
        return self.asked_at is not None and timezone.now() < self.asked_at + timedelta(seconds=self.interval)
