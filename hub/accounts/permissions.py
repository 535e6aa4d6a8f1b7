"""One way in for "load this account thing, and may I?"."""

from django.conf import settings
from django.utils.translation import gettext as _

from hub.accounts.errors import AccountNotFound, NotYours, Suspended
from hub.accounts.models import Namespace, Organization, Role, Someone, User
from hub.core.errors import SignInNeeded


def check_may_read_hub(user: Someone) -> None:
    """Say that this hub, where GROVE_ANONYMOUS_READ is off, shows nothing to `user` without an account. Raises SignInNeeded."""
    if not settings.ANONYMOUS_READ and not user.is_authenticated:
        # Pages send to the log-in instead, so only tools read this.
        raise SignInNeeded("This hub is for its members. Send an access token.")


def get_namespace(name: str) -> Namespace:
    """Return the namespace of that name. Raises AccountNotFound. Names are public: they stand in every address."""
    found = Namespace.objects.named(name).select_related("user", "organization").first()
    if found is None or (found.user is not None and not found.user.is_active):
        raise AccountNotFound(_("There is no user or organization called “%(name)s”.") % {"name": name})
    return found


def get_organization(name: str) -> Organization:
    """Return the organization of that name. Raises AccountNotFound."""
    organization = get_namespace(name).organization
    if organization is None:
        raise AccountNotFound(_("There is no organization called “%(name)s”.") % {"name": name})
    return organization


def get_organization_for_admin(user: Someone, name: str) -> Organization:
    """Return the organization if `user` administers it. Raises AccountNotFound, SignInNeeded, NotYours, Suspended."""
    organization = get_organization(name)
    if not isinstance(user, User):
        raise SignInNeeded(_("This is for the administrators of %(name)s. Sign in first.") % {"name": name})
    check_not_suspended(user)
    if not may_administer(user, organization):
        raise NotYours(_("Only administrators of %(name)s may do this. Ask one of them.") % {"name": name})
    return organization


def check_not_suspended(user: Someone) -> None:
    """Refuse whom a moderator has suspended, wherever something would be changed that others see. Raises Suspended."""
    if isinstance(user, User) and user.suspended:
        raise Suspended(
            _("Your account is suspended, so you can read and change nothing. Settings, Account standing tells why.")
        )


def may_administer(user: Someone, organization: Organization) -> bool:
    return role_in(user, organization) == Role.ADMIN


def role_in(user: Someone, organization: Organization) -> Role | None:
    """Return the role of `user` in the organization; None for outsiders, and for members whose sign-in is too weak for it."""
    if not user.is_authenticated:
        return None
    role = organization.memberships.standing().filter(user=user).values_list("role", flat=True).first()
    return Role(role) if role else None
