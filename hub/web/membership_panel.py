"""What somebody is to an organization, for its page: a member in full or in name, invited, asking, or nothing yet."""

from dataclasses import dataclass

from hub.accounts.joining import MAX_REQUEST_TEXT, invitation_of
from hub.accounts.models import JoinRequest, MemberInvitation, Organization, Someone, User


@dataclass(frozen=True)
class MembershipPanel:
    """powerless: a member whose sign-in is too weak for what the organization asks. may_ask: to be let in."""

    powerless: bool = False
    invitation: MemberInvitation | None = None
    request: JoinRequest | None = None
    may_ask: bool = False
    longest: int = MAX_REQUEST_TEXT


def membership_panel(user: Someone, organization: Organization, *, is_member: bool) -> MembershipPanel:
    """Return the panel; nothing for visitors without an account. At most two queries."""
    if not isinstance(user, User):
        return MembershipPanel()
    if is_member:
        return MembershipPanel(powerless=organization.requires_mfa and not user.second_factor)
    if invitation := invitation_of(user, organization):
        return MembershipPanel(invitation=invitation)
    request = organization.join_requests.filter(user=user).first()
    return MembershipPanel(request=request, may_ask=organization.takes_requests and not user.suspended)
