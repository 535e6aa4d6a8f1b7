"""What happens around every page of the site: who may read at all, and how named errors become answers."""

import logging
import re
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from hub.accounts import sessions
from hub.accounts.models import User
from hub.core.errors import HubError
from hub.core.middleware import GetResponse
from hub.web.context import address_of
from hub.web.pages import errors

log = logging.getLogger(__name__)

# What a visitor needs in order to come in, on a hub that shows nothing to strangers.
_ENTRANCES = re.compile(
    r"/((login|signup|logout|preferences|robots\.txt|favicon\.ico|device|oauth/authorize)$"
    r"|(login|sso|password|email|setup|account|invitations|unsubscribe)/)"
)
# Addresses that tools ask for. They answer for themselves, in the words that the tools know.
_TOOLS = re.compile(
    r"/(api|v1|xet|healthz|readyz)(/|$)|/uploads$|/oauth/(device|token|revoke|userinfo)$|/models/[^/]+/"
    r"|/\.well-known/(openid-configuration|oauth-authorization-server|jwks\.json)$"
    r"|/((datasets|spaces|kernels|buckets)/)?[^/]+(/[^/]+)?(\.git/|/(resolve|info)/|/git-(upload|receive)-pack$)"
)


def is_site_page(request: HttpRequest) -> bool:
    """Return whether a person, not a tool, is meant to read the answer.

    The address tells. Some tools send their token to pages, too: an answer of a page is what they get.
    """
    return not _TOOLS.match(request.path)


def sessions_seen(get_response: GetResponse) -> GetResponse:
    """Note now and then that somebody's session is used, and from where, for the list in their settings."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # A session that nobody asked for stays unread: tools have none. Nor is one read while the database is away.
        known = request.session.accessed and response.status_code < 500 and SESSION_KEY in request.session
        if known and sessions.is_due(request) and isinstance(request.user, User):
            sessions.note_session(request, request.user)
        return response

    return middleware


def anonymous_reading(get_response: GetResponse) -> GetResponse:
    """Where GROVE_ANONYMOUS_READ is off, send visitors of pages to the log-in."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if settings.ANONYMOUS_READ or request.user.is_authenticated:
            return get_response(request)
        if _ENTRANCES.match(request.path) or _TOOLS.match(request.path):
            return get_response(request)
        return redirect(_login_address(request))

    return middleware


def _login_address(request: HttpRequest) -> str:
    return f"{settings.LOGIN_URL}?{urlencode({'next': address_of(request)})}"


class hub_errors:  # noqa: N801 - named like the middleware functions beside it
    """Turn named errors, and an engine that is away, into the site's error pages. The API has its own edge."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not is_site_page(request):
            return None
        if isinstance(exception, HubError):
            if exception.status == 401:
                return redirect(_login_address(request))
            return errors.refused(request, exception)
        if isinstance(exception, (OperationalError, InterfaceError)):
            log.error("The database does not answer", exc_info=exception)
            return errors.unavailable(request)
        return None
