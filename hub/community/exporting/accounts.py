"""What accounts keep of a person, for that person: who they are, how they come in, where they belong."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import F

from hub.accounts.models import MemberInvitation, OneTimeLink, User
from hub.community.exporting.tables import Table, plain
from hub.core.models import AuditEvent


def account_tables(user: User) -> list[Table]:
    """Return what accounts keep of a person, and the record of what they did."""
    membership = ("organization__namespace__name", "role")
    given = OneTimeLink.objects.filter(created_by=user)
    invited = MemberInvitation.objects.filter(invited_by=user)
    return [
        Table(
            "emails",
            "your e-mail addresses, and whether they are confirmed",
            plain(EmailAddress.objects.filter(user=user), "email", "verified", "primary"),
            ("account.EmailAddress.user",),
        ),
        Table(
            "second_factors",
            "what you sign in with beside a password, or without one: of which kind, called what, since when, last used when",
            plain(
                Authenticator.objects.filter(user=user).annotate(name=F("data__name")),
                *("type", "name", "created_at", "last_used_at"),
            ),
            ("mfa.Authenticator.user",),
        ),
        Table(
            "sign_ins_elsewhere",
            "accounts elsewhere by which you sign in, and what those providers told about you",
            plain(
                SocialAccount.objects.filter(user=user), "provider", "uid", "date_joined", "last_login", "extra_data"
            ),
            ("socialaccount.SocialAccount.user",),
        ),
        Table(
            "tokens",
            "your access tokens: names, scopes, times",
            plain(
                user.access_tokens,
                *("name", "scope", "hint", "created_at", "last_used_at", "expires_at", "revoked_at"),
            ),
            ("accounts.AccessToken.user",),
        ),
        Table(
            "tools",
            "tools and applications that were signed in as you",
            plain(user.sign_ins, "application__name", "rights", "agent", "address", "created_at", "ended_at"),
            ("accounts.SignIn.user",),
        ),
        Table(
            "consents",
            "applications that you let in",
            plain(user.consents, "application__name", "rights", "given_at"),
            ("accounts.Consent.user",),
        ),
        Table(
            "applications",
            "applications that you registered",
            plain(user.applications, "name", "client_id", "homepage", "redirect_uris", "rights", "created_at"),
            ("accounts.Application.owner",),
        ),
        Table(
            "browsers",
            "browsers in which you are logged in",
            plain(user.browser_sessions, "agent", "network", "created_at", "seen_at"),
            ("accounts.BrowserSession.user",),
        ),
        Table(
            "memberships",
            "organizations and your role in them",
            plain(user.memberships, *membership, "joined_at"),
            ("accounts.Membership.user",),
        ),
        Table(
            "invitations",
            "organizations that invite you",
            plain(user.member_invitations, *membership, "created_at", "expires_at"),
            ("accounts.MemberInvitation.user",),
        ),
        Table(
            "invited",
            "whom you invited into organizations, while they have not answered",
            plain(invited, *membership, "user__username", "email", "created_at", "expires_at"),
            ("accounts.MemberInvitation.invited_by",),
        ),
        Table(
            "join_requests",
            "organizations that you asked to let you in",
            plain(user.join_requests, "organization__namespace__name", "text", "created_at"),
            ("accounts.JoinRequest.user",),
        ),
        Table(
            "hub_invitations",
            "links by which you invited people to this hub, with your notes",
            plain(given, "purpose", "note", "created_at", "expires_at", "used_at"),
            ("accounts.OneTimeLink.created_by",),
        ),
        Table(
            "signed_up_by",
            "the link by which you signed up",
            plain(OneTimeLink.objects.filter(used_by=user), "purpose", "created_at", "used_at"),
            ("accounts.OneTimeLink.used_by",),
        ),
        Table(
            "record",
            "what you did that the hub keeps a record of",
            plain(AuditEvent.objects.filter(actor=user), "at", "verb", "data"),
            ("core.AuditEvent.actor",),
        ),
    ]
