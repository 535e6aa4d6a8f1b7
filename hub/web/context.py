"""What every template knows about the site and the visitor's choices."""

from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from hub.accounts.models import User
from hub.community.notifications.telling import unread_count
from hub.core import links
from hub.web.kinds import KINDS

THEMES = ("system", "light", "dark")
THEME_COOKIE = "theme"


def address_of(request: HttpRequest) -> str:
    """Return path and query as the visitor's browser shows them. The path already holds its `%2F` and `%25` encoded."""
    path = quote(request.path, safe="/:;@&=+$,-_.!~*'()%")
    query = request.META.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def _unread(request: HttpRequest) -> int:
    return unread_count(request.user) if isinstance(request.user, User) else 0


def site(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `theme` (chosen, or "system"), `signup` (open, invite, closed), `sso_name` (of the
    provider that people may sign in by; empty where there is none), `sso_only`, `base_url`, `here`, the number of
    `unread` notifications, and the `kinds` of repositories in words."""
    theme = request.COOKIES.get(THEME_COOKIE, "system")
    return {
        "theme": theme if theme in THEMES else "system",
        "signup": settings.SIGNUP,
        "sso_name": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        "sso_only": settings.OIDC_ONLY,
        # Lazy: the page that refuses a wrong Host must not ask for the host again.
        "base_url": SimpleLazyObject(lambda: links.base_url(request)),
        "here": address_of(request),
        # Lazy: asked by the bar at the top alone, where somebody is logged in.
        "unread": SimpleLazyObject(lambda: _unread(request)),
        "kinds": KINDS,
    }
