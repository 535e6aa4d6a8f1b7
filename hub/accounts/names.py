"""The one namespace of users and organizations: what a name may look like, and which words are taken by addresses."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MAX_NAMESPACE = 42

# Letters, digits and single inner separators, as the client family's own check has it.
_NAMESPACE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[._-](?=[A-Za-z0-9]))*")

# What shows nothing, or reorders what stands around it on the screen. Joiners stay: some scripts, and emoji, need them.
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")

# Every first path segment that the site, the client protocol or common practice uses.
RESERVED = frozenset(
    """
    .well-known about account accounts activity admin administrator agents api appeal appeals apps archive
    assets audit auth authorize avatars benchmarks billing blob blobs block blocks blog branch buckets cas chat
    collections commit commits community config contact convert dashboard datasets deleted-user demo demos
    device discussions docs documentation download downloads edit email enterprise evaluations events explore
    families favicon favicon.ico feed feeds files followers following forum ghost grove guest health healthz
    help home identity inference info invitations jobs join kernels leaderboard leaderboards legal lfs licence
    license likes login logout mail mcp me media members metrics mfa models moderation moderator moderators new
    news none notices notifications null oauth oidc organizations orgs papers passkeys password people posts
    preferences pricing privacy public pulls questions raw readyz refs register releases report reports resolve
    reviews revision robots.txt root rpc rss rules saml scheduled-jobs search security sessions settings setup
    sign-in sign-up signin signout signup site sitemap.xml spaces sso staff static status storage stream support
    system tag tags tasks telemetry terms tokens topics transparency transparency.json tree trending undefined
    unsubscribe upload uploads user users v1 v2 v3 validate-yaml verify webhooks welcome well-known worker
    workers www xet xorbs
    """.split()
)


def visible(display_name: str) -> str:
    """Return a display name, in any script, as one line that cannot pretend to be something else; "" where nothing shows."""
    return " ".join(_UNSHOWN.sub(" ", display_name).split()).strip("\u200c\u200d")


def check_namespace_name(name: str) -> None:
    """Raise ValidationError where `name` cannot be a user's or organization's name."""
    if not 2 <= len(name) <= MAX_NAMESPACE:
        raise ValidationError(_("A name has 2 to %(max)d characters.") % {"max": MAX_NAMESPACE}, code="length")
    if not _NAMESPACE.fullmatch(name):
        raise ValidationError(
            _(
                "A name has letters a to z, digits, and single hyphens, dots or underscores between them. "
                "A display name can be in any script."
            ),
            code="characters",
        )
    if name.lower().endswith(".git") or name.lower() in RESERVED:
        raise ValidationError(_("“%(name)s” is reserved. Choose another name.") % {"name": name}, code="reserved")


USERNAME_VALIDATORS = [check_namespace_name]
