"""What every app shares in the database: the record of consequential acts."""

from typing import Any

from django.conf import settings
from django.db import models


class AuditEvent(models.Model):
    """One consequential act. Append-only, by a trigger: the database refuses to change or delete a row. Only the actor becomes
    null, when the account is deleted."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    verb = models.CharField(max_length=64)
    target = models.CharField(max_length=256)
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["target", "at"])]

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.verb} {self.target}"


def record(*, actor: Any, verb: str, target: str, **data: Any) -> None:
    """Write one audit event in the caller's transaction. `actor` is a user, or None for the operator's shell."""
    AuditEvent.objects.create(
        actor=actor if actor is not None and actor.pk else None, verb=verb, target=target, data=data
    )
