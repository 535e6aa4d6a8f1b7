"""Secrets that speak for somebody: the tokens of tools, and links that let one person in."""

import hashlib
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts.models.people import User
from hub.core.fields import HexField


def digest_of(secret: str) -> str:
    """Return the hex sha256 under which a secret is kept: it is long and random, so it needs no salt or stretching."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Scope(models.TextChoices):
    """What a token may do in its owner's name. IDENTITY is for applications that only want to know who somebody is."""

    IDENTITY = "identity", _("Identity")
    READ = "read", _("Read")
    WRITE = "write", _("Write")


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def live(self) -> Self:
        """Tokens that still open something."""
        return self.filter(revoked_at__isnull=True).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=Now()))


class AccessToken(models.Model):
    """A secret for tools, kept as a hash. `hint` is its end, so that people recognise it in a list.

    sign_in: what a tool or an application got it by, where nobody made it by hand.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_tokens")
    name = models.CharField(_("name"), max_length=80)
    scope = models.CharField(_("scope"), max_length=8, choices=Scope)
    digest = HexField(length=32, unique=True)
    hint = models.CharField(max_length=8)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    sign_in = models.ForeignKey("accounts.SignIn", null=True, on_delete=models.CASCADE, related_name="access_tokens")

    objects = AccessTokenQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def may_write(self) -> bool:
        return self.scope == Scope.WRITE


class OneTimeLink(models.Model):
    """A link that lets one person in: an invitation, or the link that makes the first administrator."""

    class Purpose(models.TextChoices):
        INVITATION = "invitation"
        SETUP = "setup"

    purpose = models.CharField(max_length=16, choices=Purpose)
    digest = HexField(length=32, unique=True)
    note = models.CharField(max_length=120, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.note}"

    @property
    def open(self) -> bool:
        return self.used_at is None and self.expires_at > timezone.now()
