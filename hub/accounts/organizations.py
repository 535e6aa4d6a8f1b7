"""Every change to organizations and their members. The caller has passed `get_organization_for_admin`, except to create one."""

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from hub.accounts.errors import LastAdmin, NotEmpty
from hub.accounts.models import Membership, Organization, Role, User
from hub.accounts.permissions import check_not_suspended
from hub.accounts.services import claim_name
from hub.accounts.signals import member_joined
from hub.core.errors import Conflict, Invalid
from hub.core.models import record
from hub.core.throttles import check_rate

# That one person makes in a day: names are scarce.
MAX_ORGANIZATIONS = 20
DAY = 86_400  # seconds


@transaction.atomic
def create_organization(*, name: str, owner: User, display_name: str = "", bio: str = "") -> Organization:
    """Make an organization with `owner` as its administrator. Raises NameInvalid, NameTaken, Suspended, TooMany."""
    check_not_suspended(owner)
    check_rate("organization", owner.pk, limit=MAX_ORGANIZATIONS, seconds=DAY)
    organization = Organization.objects.create(display_name=display_name, bio=bio)
    claim_name(name, organization=organization)
    Membership.objects.create(organization=organization, user=owner, role=Role.ADMIN)
    record(actor=owner, verb="organization.create", target=name)
    return organization


@transaction.atomic
def update_organization(*, organization: Organization, actor: User, display_name: str, bio: str, website: str) -> None:
    """Change what an organization says of itself."""
    organization.display_name, organization.bio, organization.website = display_name, bio, website
    organization.save(update_fields=["display_name", "bio", "website"])
    record(actor=actor, verb="organization.update", target=organization.namespace.name)


@transaction.atomic
def set_requirements(*, organization: Organization, actor: User, requires_mfa: bool, takes_requests: bool) -> None:
    """Say what members must have, and whether people may ask to be let in.

    Raises Invalid where `actor` would shut themselves out: without a second factor one cannot ask it of others.
    """
    if requires_mfa and not organization.requires_mfa and not actor.second_factor:
        raise Invalid(
            _("Set one up for yourself first, under Settings, Security: you would shut yourself out."),
            field="requires_mfa",
        )
    if (organization.requires_mfa, organization.takes_requests) == (requires_mfa, takes_requests):
        return
    organization.requires_mfa, organization.takes_requests = requires_mfa, takes_requests
    organization.save(update_fields=["requires_mfa", "takes_requests"])
    if not takes_requests:
        organization.join_requests.all().delete()
    record(
        actor=actor,
        verb="organization.requirements",
        target=organization.namespace.name,
        requires_mfa=requires_mfa,
        takes_requests=takes_requests,
    )


@transaction.atomic
def add_member(*, organization: Organization, actor: User, user: User, role: str) -> Membership:
    """Let a user in. Raises Conflict where they are a member already, Invalid for an unknown role."""
    check_role(role)
    membership, created = Membership.objects.get_or_create(
        organization=organization, user=user, defaults={"role": role}
    )
    if not created:
        raise Conflict(_("%(name)s is a member already.") % {"name": user.username}, field="user")
    # They are in: whatever else asked for it is answered.
    organization.invitations.filter(user=user).delete()
    organization.join_requests.filter(user=user).delete()
    record(actor=actor, verb="member.add", target=organization.namespace.name, user=user.username, role=role)
    member_joined.send(sender=Membership, membership=membership, actor=actor)
    return membership


@transaction.atomic
def set_role(*, organization: Organization, actor: User, user: User, role: str) -> None:
    """Change a member's role. Raises LastAdmin, Invalid."""
    check_role(role)
    membership = _locked_membership(organization, user)
    if role != Role.ADMIN:
        _keep_one_admin(organization, membership)
    membership.role = role
    membership.save(update_fields=["role"])
    record(actor=actor, verb="member.role", target=organization.namespace.name, user=user.username, role=role)


@transaction.atomic
def remove_member(*, organization: Organization, actor: User, user: User) -> None:
    """Let a member go, or go oneself. Raises LastAdmin."""
    membership = _locked_membership(organization, user)
    _keep_one_admin(organization, membership)
    membership.delete()
    record(actor=actor, verb="member.remove", target=organization.namespace.name, user=user.username)


@transaction.atomic
def delete_organization(*, organization: Organization, actor: User) -> None:
    """Delete an organization that owns nothing. Raises NotEmpty."""
    name = organization.namespace.name
    try:
        organization.delete()
    except ProtectedError as error:
        raise NotEmpty(_("%(name)s still owns repositories. Delete or move them first.") % {"name": name}) from error
    record(actor=actor, verb="organization.delete", target=name)


def check_role(role: str) -> None:
    """Raise Invalid for what is no role."""
    if role not in Role.values:
        raise Invalid(_("A role is read, contributor, write or admin."), field="role")


def _locked_membership(organization: Organization, user: User) -> Membership:
    """Lock all memberships, so that two administrators cannot each remove the other."""
    members = {m.user_id: m for m in organization.memberships.select_for_update()}
    if user.pk not in members:
        raise Invalid(_("%(name)s is not a member.") % {"name": user.username}, field="user")
    return members[user.pk]


def _keep_one_admin(organization: Organization, leaving: Membership) -> None:
    others = organization.memberships.filter(role=Role.ADMIN).exclude(pk=leaving.pk)
    if leaving.role == Role.ADMIN and not others.exists():
        raise LastAdmin(_("An organization needs an administrator. Make somebody else one first."))
