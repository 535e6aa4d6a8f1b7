"""What the upload pages of repositories and of buckets share: a script sends each file by itself, then one request that names
them all; without a script, a form takes one file."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hub.core.errors import HubError, Invalid
from hub.core.text import UNSTORABLE

MAX_COMMIT_JSON = 16 * 1024 * 1024  # bytes; some 25 000 receipts

View = Callable[..., HttpResponseBase]


def upload_view(*, receive: View, commit: View, page: View) -> View:
    """Return the view of an upload page: PUT sends the content of one file (`receive`), POST of JSON takes in what was sent
    (`commit`); a form does both for one small file (`page`)."""

    @require_http_methods(["GET", "HEAD", "POST", "PUT"])
    def upload(request: HttpRequest, **address: str) -> HttpResponseBase:
        if request.method == "PUT":
            return receive(request, **address)
        if request.content_type == "application/json":
            return commit(request, **address)
        return page(request, **address)

    return upload


def answers_json(view: View) -> View:
    """Say refusals in the form that the page's script reads."""

    @wraps(view)
    def answered(request: HttpRequest, **address: str) -> HttpResponseBase:
        try:
            return view(request, **address)
        except HubError as error:
            return JsonResponse({"error": error.message, "code": error.code}, status=error.status)

    return answered


def open_content(request: HttpRequest) -> tuple[BinaryIO, int]:
    """Return the content of a file that is sent by itself, and its length in bytes. Raises Invalid where that is not said."""
    if "Transfer-Encoding" in request.headers:
        raise Invalid(_("The upload does not say how long it is."))
    # Django's own reading of a body is for small forms.
    return request.META["wsgi.input"], int(request.META.get("CONTENT_LENGTH") or 0)


def read_commit(request: HttpRequest) -> dict[str, Any]:
    """Return what the page's script asks to commit, its form checked. Raises Invalid."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > MAX_COMMIT_JSON:
        raise Invalid(_("One commit takes up to %(max)d files.") % {"max": settings.MAX_COMMIT_OPERATIONS})
    try:
        match json.loads(request.META["wsgi.input"].read(length)):
            case {"title": str(), "description": str(), "files": [_first, *_rest] as files} as wanted if all(
                isinstance(f, dict) and isinstance(f.get("path"), str) and isinstance(f.get("receipt"), str)
                for f in files
            ):
                pass
            case _other:
                raise Invalid(_("There is nothing to commit. Add a file first."))
    except (ValueError, RecursionError) as error:
        raise Invalid(_("The list of files could not be read. Try again.")) from error
    if UNSTORABLE.search(wanted["title"] + wanted["description"]):
        raise Invalid(_("The message holds a character that no text may have."))
    if len(wanted["files"]) > settings.MAX_COMMIT_OPERATIONS:
        raise Invalid(_("One commit takes up to %(max)d files.") % {"max": settings.MAX_COMMIT_OPERATIONS})
    return wanted


def upload_texts() -> dict[str, str]:
    """What the page's script says. Words in braces are filled in there."""
    return {
        "waiting": _("waiting"),
        "done": _("sent"),
        "failed": _("not sent"),
        "percent": _("{percent} %"),
        "remove": _("Remove {name}"),
        "retryNamed": _("Send {name} again"),
        "broken": _("The connection broke. Check your network, then send it again."),
        "refused": _("The hub answered {status}. Try again."),
        "nothing": _("No file chosen yet."),
        "sending": _("Sending: {sent} of {size}."),
        "ready": _("Ready to commit: {count} files, {size}."),
        "someFailed": _("{failed} not sent. Send again, or remove what is not sent."),
    }
