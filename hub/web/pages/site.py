"""Small things that belong to the site as a whole: theme and language, robots, the icon."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.models import User
from hub.accounts.services import set_language
from hub.web.context import THEME_COOKIE, THEMES

_YEAR = 365 * 24 * 3600  # seconds


def set_language_cookie(response: HttpResponse, language: str) -> None:
    """Keep the language of the pages for a year. An unknown one is left out."""
    if language in dict(settings.LANGUAGES) and check_for_language(language):
        _keep(response, settings.LANGUAGE_COOKIE_NAME, language)


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep the theme or the language in a cookie, and go back to the page that asked."""
    back = request.headers.get("Referer", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    response = redirect(back if safe else "/")
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        _keep(response, THEME_COOKIE, theme)
    language = request.POST.get("language", "")
    set_language_cookie(response, language)
    if isinstance(request.user, User):
        set_language(user=request.user, language=language)
    return response


def _keep(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=_YEAR, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Crawlers may read pages, not sift through every revision of every file. A closed hub asks to be left alone."""
    if not settings.ANONYMOUS_READ:
        rules = ["Disallow: /"]
    else:
        private = ("/api/", "/settings/", "/login", "/signup", "/password/")
        deep = ("tree", "blob", "raw", "resolve", "commits", "commit")
        rules = [f"Disallow: {path}" for path in private] + [f"Disallow: /*/{part}/" for part in deep]
    return HttpResponse("\n".join(["User-agent: *", *rules, ""]), content_type="text/plain; charset=utf-8")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    return redirect(static("icons/favicon.svg"), permanent=False)
