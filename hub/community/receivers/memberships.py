"""What happens to organizations and their members, written down for notifications."""

from typing import Any

from django.dispatch import receiver

from hub.accounts.models import JoinRequest, MemberInvitation, Membership, User
from hub.accounts.signals import invited, join_requested, member_joined
from hub.community.activities import note
from hub.community.models import ActivityKind


@receiver(invited)
def note_invitation(invitation: MemberInvitation, **_kwargs: Any) -> None:
    note(
        ActivityKind.INVITATION,
        actor=invitation.invited_by,
        namespace=invitation.organization.namespace,
        to=invitation.user,
        invitation=invitation.pk,
    )


@receiver(join_requested)
def note_request(request: JoinRequest, **_kwargs: Any) -> None:
    note(ActivityKind.JOIN_REQUEST, actor=request.user, namespace=request.organization.namespace)


@receiver(member_joined)
def note_member(membership: Membership, actor: User, **_kwargs: Any) -> None:
    # Who was let in by somebody else is told so.
    note(
        ActivityKind.JOINED,
        actor=actor,
        to=membership.user if membership.user != actor else None,
        namespace=membership.organization.namespace,
        member=membership.user.username,
        role=membership.role,
    )
