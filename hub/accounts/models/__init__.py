"""People, organizations and the names that they share; tokens; and the applications that people let in."""

from hub.accounts.models.applications import (
    Application,
    AuthorizationCode,
    Consent,
    DeviceRequest,
    RefreshToken,
    Right,
    SignIn,
)
from hub.accounts.models.people import (
    Membership,
    Namespace,
    NamespaceQuerySet,
    Organization,
    RepoReader,
    Role,
    Someone,
    User,
)
from hub.accounts.models.tokens import AccessToken, AccessTokenQuerySet, OneTimeLink, Scope, digest_of

__all__ = [
    "AccessToken",
    "AccessTokenQuerySet",
    "Application",
    "AuthorizationCode",
    "Consent",
    "DeviceRequest",
    "Membership",
    "Namespace",
    "NamespaceQuerySet",
    "OneTimeLink",
    "Organization",
    "RefreshToken",
    "RepoReader",
    "Right",
    "Role",
    "Scope",
    "SignIn",
    "Someone",
    "User",
    "digest_of",
]
