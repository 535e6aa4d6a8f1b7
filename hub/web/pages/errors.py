"""Error pages: what happened, what to do next, and the request number. The one place where site errors become HTTP."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from hub.core.errors import HubError
from hub.repos.errors import RepoTakenDown


def error_page(
    request: HttpRequest,
    status: int,
    *,
    heading: str,
    text: str,
    advice: str = "",
    icon: str = "warn",
    bare: bool = False,
    **more: Any,
) -> HttpResponse:
    """Render an error. `bare` asks nothing of the database, for the case that it is what failed."""
    context = {"heading": heading, "text": text, "advice": advice, "icon": icon, "bare": bare, **more}
    return render(request, "web/error.html", context, status=status)


def refused(request: HttpRequest, error: HubError) -> HttpResponse:
    """Answer a named error that a page did not handle itself."""
    if error.status == 404:
        return not_found(request, error)
    headings = {
        401: _("Log in first"),
        403: _("You may not do this"),
        409: _("That does not fit what is here"),
        412: _("Somebody was faster"),
        413: _("That is too large"),
        507: _("The hub has no room left"),
    }
    heading = headings.get(error.status, _("That did not work"))
    icon = "lock" if error.status in (401, 403) else "warn"
    advice = ""
    if isinstance(error, RepoTakenDown):
        heading, icon = _("This repository was taken down"), "shield"
        advice = _("Its owner has been told, and can appeal under Settings, Account standing.")
    return error_page(
        request,
        error.status,
        heading=heading,
        text=error.message,
        advice=advice,
        icon=icon,
        login=_may_log_in(request) and not advice,
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404. A private thing looks like one that is not there."""
    specific = exception.message if isinstance(exception, HubError) else ""
    return error_page(
        request,
        404,
        heading=_("There is no such page, or it is private"),
        text=specific or _("Check the address. What was here may have been moved, renamed or deleted."),
        advice=_(
            "If somebody gave you this address, log in with the account that they shared it with. "
            "Private things look the same as missing ones."
        )
        if _may_log_in(request)
        else "",
        icon="lock",
        login=_may_log_in(request),
    )


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(
        request,
        403,
        heading=_("You may not do this"),
        text=_("Your account does not have the right for it. Ask the owner to give it to you."),
        icon="lock",
        login=_may_log_in(request),
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(
        request,
        400,
        heading=_("That request makes no sense to us"),
        text=_("Go back, reload the page and try again."),
        bare=True,
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        500,
        heading=_("Something on our side failed"),
        text=_("Nothing of yours is lost. Try again; if it keeps failing, tell the operator the number below."),
        retry=request.method == "GET",
        bare=True,
    )


def unavailable(request: HttpRequest) -> HttpResponse:
    """503: an engine that the hub needs does not answer."""
    response = error_page(
        request,
        503,
        heading=_("The hub is not ready"),
        text=_("A part that it needs does not answer, most often because it is just starting. Try again in a moment."),
        icon="clock",
        retry=request.method == "GET",
        bare=True,
    )
    response["Retry-After"] = "10"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(
        request,
        403,
        heading=_("This form has grown old"),
        text=_(
            "It was opened before you logged in or out, or cookies are off. Go back, reload the page and send it again."
        ),
        icon="clock",
    )


def _may_log_in(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and not user.is_authenticated
