"""Organizations: who is in them, who is invited, who asks to be let in."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts import joining, organizations
from hub.accounts.models import JoinRequest, MemberInvitation, Membership, Organization, Role, User
from hub.accounts.permissions import check_may_read_hub, get_organization, get_organization_for_admin
from hub.accounts.services import get_user
from hub.api.edge import writer
from hub.api.v1.bodies import Body
from hub.api.v1.operations import answer, operation
from hub.api.v1.paging import page
from hub.core.errors import SignInNeeded

ONE = ("organization",)
MEMBER = (*ONE, "member")
INVITATION = (*ONE, "invitation_id")


class MemberShape(serializers.ModelSerializer[Membership]):
    """Somebody in an organization."""

    user = serializers.CharField(source="user.username")
    display_name = serializers.CharField(source="user.shown_name")

    class Meta:
        model = Membership
        fields = ("user", "display_name", "role")


class InvitationShape(serializers.ModelSerializer[MemberInvitation]):
    """An invitation: of a user by name, or of whoever reads the mail of an address. `invited_by` is null where that account has
    been deleted; it is good until `expires_at`, while whoever sent it administers the organization."""

    organization = serializers.CharField(source="organization.namespace.name")
    user = serializers.CharField(source="user.username", default=None, allow_null=True)
    email = serializers.CharField()
    invited_by = serializers.CharField(source="invited_by.username", default=None, allow_null=True)

    class Meta:
        model = MemberInvitation
        fields = ("id", "organization", "user", "email", "role", "invited_by", "created_at", "expires_at")


class JoinRequestShape(serializers.ModelSerializer[JoinRequest]):
    """Somebody asks to be let in."""

    user = serializers.CharField(source="user.username")

    class Meta:
        model = JoinRequest
        fields = ("user", "text", "created_at")


class NewRole(Body):
    """What a member may do: each role may do what those before it may."""

    role = serializers.ChoiceField(choices=Role.choices)


class NewInvitation(NewRole):
    """Whom to invite, and as what."""

    who = serializers.CharField(max_length=254, help_text=_("A user name, or an e-mail address."))


class NewJoinRequest(Body):
    """What you say to the administrators."""

    text = serializers.CharField(max_length=joining.MAX_REQUEST_TEXT, default="", allow_blank=True)


@operation(
    "GET",
    tag="organizations",
    summary=_("The members of an organization"),
    lists=MemberShape,
    parts=ONE,
)
def list_members(request: Request, organization: str, query: dict[str, Any]) -> Response:
    check_may_read_hub(request.user)
    rows = get_organization(organization).memberships.filter(user__is_active=True).select_related("user")
    return page(request, rows.order_by("pk"), MemberShape, query)


@operation(
    "PATCH",
    tag="organizations",
    summary=_("Change a member's role"),
    description=_("For administrators. The last of them keeps the role."),
    answer=MemberShape,
    body=NewRole,
    parts=MEMBER,
)
def change_role(
    request: Request, organization: str, member: str, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    found = get_organization_for_admin(request.user, organization)
    user = get_user(name=member)
    organizations.set_role(organization=found, actor=writer(request), user=user, role=body["role"])
    return answer(request, MemberShape, found.memberships.select_related("user").get(user=user))


@operation(
    "DELETE",
    tag="organizations",
    summary=_("Remove a member, or leave"),
    description=_("Administrators remove anybody; everybody may leave, but for the last administrator."),
    parts=MEMBER,
)
def remove_from_organization(request: Request, organization: str, member: str, query: dict[str, Any]) -> None:
    actor = writer(request)
    if member.lower() == actor.username.lower():
        found, user = get_organization(organization), actor
    else:
        found, user = get_organization_for_admin(actor, organization), get_user(name=member)
    organizations.remove_member(organization=found, actor=actor, user=user)


@operation(
    "GET",
    tag="organizations",
    summary=_("Whom an organization has invited"),
    description=_("For its administrators."),
    lists=InvitationShape,
    parts=ONE,
    refuses=(403,),
)
def list_invitations(request: Request, organization: str, query: dict[str, Any]) -> Response:
    found = get_organization_for_admin(request.user, organization)
    return page(request, _invitations(MemberInvitation.objects.filter(organization=found)), InvitationShape, query)


@operation(
    "POST",
    tag="organizations",
    summary=_("Invite somebody"),
    description=_(
        "For administrators. A user is notified; to an address a mail goes with a link that is good once. Whether somebody "
        "here has that address is not told."
    ),
    answer=InvitationShape,
    status=201,
    body=NewInvitation,
    parts=ONE,
)
def invite_somebody(request: Request, organization: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    found = get_organization_for_admin(request.user, organization)
    made = joining.invite(organization=found, actor=writer(request), **body)
    return answer(request, InvitationShape, made, status=201)


@operation(
    "POST",
    tag="organizations",
    summary=_("Send an invitation again"),
    description=_("For administrators. It is good for as long as a new one; earlier links open nothing."),
    parts=INVITATION,
)
def send_invitation_again(request: Request, organization: str, invitation_id: int, query: dict[str, Any]) -> None:
    found = get_organization_for_admin(request.user, organization)
    joining.resend_invitation(organization=found, actor=writer(request), invitation_id=invitation_id)


@operation(
    "DELETE",
    tag="organizations",
    summary=_("Withdraw an invitation"),
    description=_("For administrators. A second time changes nothing."),
    parts=INVITATION,
)
def withdraw_invitation(request: Request, organization: str, invitation_id: int, query: dict[str, Any]) -> None:
    found = get_organization_for_admin(request.user, organization)
    joining.withdraw_invitation(organization=found, actor=writer(request), invitation_id=invitation_id)


@operation(
    "GET",
    tag="organizations",
    summary=_("Who asks to be let in"),
    description=_("For administrators."),
    lists=JoinRequestShape,
    parts=ONE,
    refuses=(403,),
)
def list_join_requests(request: Request, organization: str, query: dict[str, Any]) -> Response:
    found = get_organization_for_admin(request.user, organization)
    rows = found.join_requests.filter(user__is_active=True).select_related("user").order_by("pk")
    return page(request, rows, JoinRequestShape, query)


@operation(
    "PUT",
    tag="organizations",
    summary=_("Let somebody in who asks"),
    description=_("For administrators."),
    answer=MemberShape,
    body=NewRole,
    parts=MEMBER,
)
def accept_join_request(
    request: Request, organization: str, member: str, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    found = get_organization_for_admin(request.user, organization)
    made = joining.accept_request(organization=found, actor=writer(request), user=get_user(name=member), **body)
    return answer(request, MemberShape, made)


@operation(
    "DELETE",
    tag="organizations",
    summary=_("Turn a request down"),
    description=_("For administrators."),
    parts=MEMBER,
)
def decline_join_request(request: Request, organization: str, member: str, query: dict[str, Any]) -> None:
    found = get_organization_for_admin(request.user, organization)
    joining.decline_request(organization=found, actor=writer(request), user=get_user(name=member))


# --- what those do whom it is about -------------------------------------------------------------------------------------


@operation(
    "POST",
    tag="organizations",
    summary=_("Ask to be let in"),
    description=_("Where the organization takes requests."),
    answer=JoinRequestShape,
    status=201,
    body=NewJoinRequest,
    parts=ONE,
)
def ask_to_join(request: Request, organization: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    found = get_organization(organization)
    made = joining.request_to_join(organization=found, user=writer(request), text=body["text"])
    return answer(request, JoinRequestShape, made, status=201)


@operation(
    "DELETE",
    tag="organizations",
    summary=_("Take your request back"),
    description=_("A second time changes nothing."),
    parts=ONE,
)
def take_join_request_back(request: Request, organization: str, query: dict[str, Any]) -> None:
    joining.withdraw_request(organization=get_organization(organization), user=writer(request))


@operation(
    "GET",
    tag="organizations",
    summary=_("Organizations that invite you"),
    description=_("By name, and while it is good. Invitations by mail are answered where their link leads."),
    lists=InvitationShape,
)
def list_own_invitations(request: Request, query: dict[str, Any]) -> Response:
    if not isinstance(request.user, User):
        raise SignInNeeded("Who invites you is for you to see. Send an access token.")
    rows = MemberInvitation.objects.open().filter(user=request.user)
    return page(request, _invitations(rows), InvitationShape, query)


@operation("PUT", tag="organizations", summary=_("Accept an organization's invitation"), answer=MemberShape, parts=ONE)
def accept_own_invitation(request: Request, organization: str, query: dict[str, Any]) -> Response:
    user = writer(request)
    made = joining.accept_invitation(invitation=_own_invitation(user, get_organization(organization)), user=user)
    return answer(request, MemberShape, made)


@operation(
    "DELETE",
    tag="organizations",
    summary=_("Decline an organization's invitation"),
    parts=ONE,
)
def decline_own_invitation(request: Request, organization: str, query: dict[str, Any]) -> None:
    user = writer(request)
    joining.decline_invitation(invitation=_own_invitation(user, get_organization(organization)), user=user)


def _own_invitation(user: User, organization: Organization) -> MemberInvitation:
    """Return the invitation of `user` by name. Raises LinkExpired."""
    found = joining.invitation_of(user, organization)
    if found is None:
        raise joining.expired()
    return found


def _invitations(rows: Any) -> Any:
    return rows.select_related("organization__namespace", "user", "invited_by").order_by("-pk")
