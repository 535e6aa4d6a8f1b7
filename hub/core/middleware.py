"""What every answer carries: a request id for logs and error pages, and the security headers."""

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]

_current: ContextVar[str] = ContextVar("request_id", default="-")
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{8,64}")

# Nothing inline, nothing from elsewhere. Images may come from anywhere that a card links to, over https.
CONTENT_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' https: data:",
        "media-src 'self' https:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "manifest-src 'self'",
    ]
)
# For files that people uploaded: they run and load nothing, even where a browser shows one as a document.
UPLOADED_FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class RequestIdFilter(logging.Filter):
    """Gives every log record the id of the request (or task) that it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs a failed answer when the middleware is through with it, and hands the request along.
        record.request_id = getattr(getattr(record, "request", None), "request_id", None) or _current.get()
        return True


def request_id(get_response: GetResponse) -> GetResponse:
    """Take the caller's `X-Request-Id` where it is sane, else make one; answer with it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        chosen = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        request.request_id = chosen  # type: ignore[attr-defined]
        token = _current.set(chosen)
        try:
            response = get_response(request)
        finally:
            _current.reset(token)
        response["X-Request-Id"] = chosen
        return response

    return middleware


def security_headers(get_response: GetResponse) -> GetResponse:
    """Set the content policy on every answer that has not set a stricter one itself."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Content-Security-Policy", CONTENT_POLICY)
        response.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        return response

    return middleware
