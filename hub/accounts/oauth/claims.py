"""What an application learns of somebody, by the rights that they gave it."""

from typing import Any

from allauth.account.models import EmailAddress

from hub.accounts.models import Right, User
from hub.core.links import avatar_url


def claims_of(user: User, rights: list[str], base: str) -> dict[str, Any]:
    """Return the claims for an id token or for userinfo. base: the hub's address, without a final slash."""
    claims: dict[str, Any] = {"sub": str(user.pk)}
    if Right.PROFILE in rights:
        claims |= {
            "name": user.shown_name,
            "preferred_username": user.username,
            "picture": avatar_url(base, user.username),
            "profile": f"{base}/{user.username}",
            "website": user.website,
            # Nobody pays here; programs written for other hubs ask.
            "isPro": False,
            "canPay": False,
            "orgs": _organizations(user, base),
        }
    if Right.EMAIL in rights:
        verified = EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists()
        claims |= {"email": user.email, "email_verified": verified}
    return claims


def _organizations(user: User, base: str) -> list[dict[str, Any]]:
    # An application may let people in by these: whoever is a member in name only is none to it.
    standing = user.memberships.standing().select_related("organization__namespace")
    memberships = standing.order_by("organization__namespace__name")
    return [
        {
            "sub": str(membership.organization_id),
            "name": membership.organization.shown_name,
            "preferred_username": membership.organization.namespace.name,
            "picture": avatar_url(base, membership.organization.namespace.name),
            "plan": "free",
            "isEnterprise": False,
            "roleInOrg": membership.role,
        }
        for membership in memberships
    ]
