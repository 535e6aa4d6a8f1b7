"""Coming into an organization: by an invitation of its administrators, or by asking."""

from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from hub.accounts.models.people import Membership, Organization, Role, User


class MemberInvitationQuerySet(models.QuerySet["MemberInvitation"]):
    def open(self) -> Self:
        """Those that still count: until their time is over, and while whoever sent them administers the organization. What was
        given away before one had to go counts no more."""
        admins = Membership.objects.standing().filter(
            role=Role.ADMIN, user__is_active=True, user=OuterRef("invited_by"), organization=OuterRef("organization")
        )
        return self.filter(Exists(admins), expires_at__gt=timezone.now())


class MemberInvitation(models.Model):
    """An organization invites somebody: a user by name, or whoever opens the link that was mailed to an address.

    Taking it makes a membership and deletes it; so do declining and withdrawing.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="member_invitations")
    email = models.EmailField(blank=True)  # lower case; of those who were invited by address
    digest = models.CharField(max_length=64, unique=True)  # of the link's secret
    role = models.CharField(max_length=16, choices=Role)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    objects = MemberInvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="member_invitation_once"),
            models.UniqueConstraint(
                fields=["organization", "email"], condition=~Q(email=""), name="member_invitation_by_mail_once"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False) ^ ~Q(email=""), name="member_invitation_is_for_somebody"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.email} into {self.organization}"


class JoinRequest(models.Model):
    """Somebody asks to be let into an organization. Deciding it deletes it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="join_requests")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="join_requests")
    text = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="join_request_once")]

    def __str__(self) -> str:
        return f"{self.user} to {self.organization}"
