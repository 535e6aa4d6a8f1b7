"""Coming into an organization: invitations of its administrators, and requests of people who want to be in.

For what administrators do, the caller has passed `get_organization_for_admin`.
"""

import secrets
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.errors import AccountNotFound, LinkExpired, NotYours
from hub.accounts.mails import mail_on_commit
from hub.accounts.models import JoinRequest, MemberInvitation, Membership, Organization, User, digest_of
from hub.accounts.models.joining import MemberInvitationQuerySet
from hub.accounts.organizations import add_member, check_role
from hub.accounts.permissions import check_not_suspended
from hub.accounts.services import get_user
from hub.accounts.signals import invited, join_requested
from hub.core.errors import Conflict, Invalid
from hub.core.links import base_url
from hub.core.models import record
from hub.core.text import clean_text
from hub.core.throttles import check_rate

INVITATION_LIFE = timedelta(days=14)
MAX_INVITATIONS = 50  # of one organization in a day, and of one person: each can be a mail to a stranger
MAX_REQUESTS = 10  # of one person in a day
MAX_REQUEST_TEXT = 500  # characters
DAY = 86_400  # seconds


def invite(*, organization: Organization, actor: User, who: str, role: str) -> MemberInvitation:
    """Invite a user by name, or whoever reads the mail of an address. Raises Invalid, AccountNotFound, Conflict, TooMany.

    Who has an address is not told: the mail goes to it in either case.
    """
    check_role(role)
    _count(organization, actor)
    name = who.strip().removeprefix("@")
    if "@" in name:
        return _invite_address(organization, actor, name.lower(), role)
    return _invite_user(organization, actor, get_user(name=name), role)


def _count(organization: Organization, actor: User) -> None:
    check_rate("member-invitation", organization.pk, limit=MAX_INVITATIONS, seconds=DAY)
    # Who makes one organization after the other does not send more for that.
    check_rate("member-inviter", actor.pk, limit=MAX_INVITATIONS, seconds=DAY)


@transaction.atomic
def _invite_user(organization: Organization, actor: User, user: User, role: str) -> MemberInvitation:
    if organization.memberships.filter(user=user).exists():
        raise Conflict(_("%(name)s is a member already.") % {"name": user.username}, field="who")
    invitation = _new(organization, actor, role, user=user)
    invited.send(sender=MemberInvitation, invitation=invitation)
    return invitation


def _invite_address(organization: Organization, actor: User, email: str, role: str) -> MemberInvitation:
    try:
        validate_email(email)
    except ValidationError as error:
        raise Invalid(_("That is neither a user name nor an e-mail address."), field="who") from error
    secret = secrets.token_urlsafe(24)
    with transaction.atomic():
        invitation = _new(organization, actor, role, email=email, secret=secret)
        _mail(invitation, secret)
    return invitation


def _new(
    organization: Organization, actor: User, role: str, *, user: User | None = None, email: str = "", secret: str = ""
) -> MemberInvitation:
    # One that has run out makes room for the next.
    organization.invitations.filter(expires_at__lte=timezone.now()).delete()
    try:
        with transaction.atomic():
            invitation = MemberInvitation.objects.create(
                organization=organization,
                user=user,
                email=email,
                digest=digest_of(secret or secrets.token_urlsafe(24)),
                role=role,
                invited_by=actor,
                expires_at=timezone.now() + INVITATION_LIFE,
            )
    except IntegrityError as error:
        raise Conflict(
            _("They are invited already. Withdraw that invitation, or send it again."), field="who"
        ) from error
    whom = user.username if user else email
    record(actor=actor, verb="member.invite", target=organization.namespace.name, user=whom, role=role)
    return invitation


def _mail(invitation: MemberInvitation, secret: str) -> None:
    """Send the link once the transaction has committed. Without the mail the invitation stands, and can be sent again."""
    facts = {
        "organization": invitation.organization.shown_name,
        "inviter": invitation.invited_by.username if invitation.invited_by else "",
        "link": f"{base_url()}/invitations/{secret}",
        "days": INVITATION_LIFE.days,
    }
    mail_on_commit(invitation.email, "member_invitation", facts)


@transaction.atomic
def resend_invitation(*, organization: Organization, actor: User, invitation_id: int) -> None:
    """Send an invitation again, good for as long as a new one; earlier links open nothing. Raises LinkExpired, TooMany."""
    _count(organization, actor)
    invitation = organization.invitations.select_for_update().filter(pk=invitation_id).first()
    if invitation is None:
        raise expired()
    secret = secrets.token_urlsafe(24)
    invitation.digest, invitation.invited_by = digest_of(secret), actor
    invitation.expires_at = timezone.now() + INVITATION_LIFE
    invitation.save(update_fields=["digest", "invited_by", "expires_at"])
    if invitation.user is None:
        _mail(invitation, secret)
    else:
        invited.send(sender=MemberInvitation, invitation=invitation)
    record(actor=actor, verb="member.reinvite", target=organization.namespace.name, invitation=invitation.pk)


@transaction.atomic
def withdraw_invitation(*, organization: Organization, actor: User, invitation_id: int) -> None:
    """Take an invitation back; doing it twice changes nothing."""
    if organization.invitations.filter(pk=invitation_id).delete()[0]:
        record(actor=actor, verb="member.uninvite", target=organization.namespace.name, invitation=invitation_id)


def find_invitation(secret: str) -> MemberInvitation:
    """Return the invitation behind a mailed link. Raises LinkExpired."""
    return _standing(MemberInvitation.objects.filter(digest=digest_of(secret), user=None))


def invitation_of(user: User, organization: Organization) -> MemberInvitation | None:
    """Return the open invitation of a user by name."""
    return organization.invitations.open().filter(user=user).first()


def _standing(invitations: MemberInvitationQuerySet) -> MemberInvitation:
    """Return the one of them that still counts. Raises LinkExpired."""
    found = invitations.open().first()
    if found is None:
        raise expired()
    return found


def expired() -> LinkExpired:
    """What is raised where there is no such invitation, for whatever reason."""
    return LinkExpired(_("This invitation was used, withdrawn, or has run out. Ask the organization for a new one."))


@transaction.atomic
def accept_invitation(*, invitation: MemberInvitation, user: User) -> Membership:
    """Become a member. Raises LinkExpired, NotYours, Suspended, Conflict."""
    check_not_suspended(user)
    invitation = _locked(invitation, user)
    organization, role = invitation.organization, invitation.role
    invitation.delete()
    return add_member(organization=organization, actor=user, user=user, role=role)


@transaction.atomic
def decline_invitation(*, invitation: MemberInvitation, user: User | None) -> None:
    """Say no. Whoever holds a mailed link may. Raises LinkExpired, NotYours."""
    invitation = _locked(invitation, user)
    target = invitation.organization.namespace.name
    invitation.delete()
    record(actor=user, verb="member.decline", target=target, user=user.username if user else "")


def _locked(invitation: MemberInvitation, user: User | None) -> MemberInvitation:
    found = _standing(MemberInvitation.objects.select_for_update().filter(pk=invitation.pk))
    if found.user_id is not None and found.user_id != getattr(user, "pk", None):
        raise NotYours(_("This invitation is for somebody else."))
    return found


# --- asking to be let in ----------------------------------------------------------------------------------------------


@transaction.atomic
def request_to_join(*, organization: Organization, user: User, text: str) -> JoinRequest:
    """Ask the administrators to be let in. Raises Conflict, Invalid, Suspended, TooMany."""
    check_not_suspended(user)
    name = organization.namespace.name
    if not organization.takes_requests:
        raise Conflict(_("%(name)s takes no requests. Its administrators invite people.") % {"name": name})
    if organization.memberships.filter(user=user).exists():
        raise Conflict(_("You are a member already."))
    kept = clean_text(text, field="text", limit=MAX_REQUEST_TEXT, optional=True)
    check_rate("join-request", user.pk, limit=MAX_REQUESTS, seconds=DAY)
    request, created = JoinRequest.objects.get_or_create(organization=organization, user=user, defaults={"text": kept})
    if not created:
        raise Conflict(_("You have asked already. Its administrators see it on the page of members."))
    record(actor=user, verb="join.request", target=name)
    join_requested.send(sender=JoinRequest, request=request)
    return request


@transaction.atomic
def withdraw_request(*, organization: Organization, user: User) -> None:
    """Take one's request back; doing it twice changes nothing."""
    if organization.join_requests.filter(user=user).delete()[0]:
        record(actor=user, verb="join.withdraw", target=organization.namespace.name)


@transaction.atomic
def accept_request(*, organization: Organization, actor: User, user: User, role: str) -> Membership:
    """Let somebody in who asked. Raises AccountNotFound where nobody of that name asks, Invalid, Conflict."""
    check_role(role)
    _take_request(organization, user)
    return add_member(organization=organization, actor=actor, user=user, role=role)


@transaction.atomic
def decline_request(*, organization: Organization, actor: User, user: User) -> None:
    """Turn a request down. Raises AccountNotFound."""
    _take_request(organization, user)
    record(actor=actor, verb="join.decline", target=organization.namespace.name, user=user.username)


def _take_request(organization: Organization, user: User) -> None:
    if not organization.join_requests.filter(user=user).delete()[0]:
        raise AccountNotFound(_("%(name)s does not ask to join, or not any more.") % {"name": user.username})
