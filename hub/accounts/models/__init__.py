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
from hub.accounts.models.joining import JoinRequest, MemberInvitation
from hub.accounts.models.people import (
    Membership,
    Namespace,
    NamespaceQuerySet,
    Organization,
    RepoReader,
    RetiredName,
    Role,
    Someone,
    User,
)
from hub.accounts.models.sessions import BrowserSession
from hub.accounts.models.tokens import AccessToken, AccessTokenQuerySet, OneTimeLink, Scope, digest_of

__all__ = [
    "AccessToken",
    "AccessTokenQuerySet",
    "Application",
    "AuthorizationCode",
    "BrowserSession",
    "Consent",
    "DeviceRequest",
    "JoinRequest",
    "MemberInvitation",
    "Membership",
    "Namespace",
    "NamespaceQuerySet",
    "OneTimeLink",
    "Organization",
    "RefreshToken",
    "RepoReader",
    "RetiredName",
    "Right",
    "Role",
    "Scope",
    "SignIn",
    "Someone",
    "User",
    "digest_of",
]
