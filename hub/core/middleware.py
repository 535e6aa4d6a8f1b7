"""What every answer carries: a request id for logs and error pages, and the security headers."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from hub.core import request_ids
from workers.contracts import REQUEST_ID_HEADER

GetResponse = Callable[[HttpRequest], HttpResponse]

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


def request_id(get_response: GetResponse) -> GetResponse:
    """Give the request the id that the WSGI wrapper has chosen, or choose one where there is none; answer with it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get(REQUEST_ID_HEADER, "")
        chosen = request.META.get(request_ids.ENVIRON) or request_ids.choose(given)
        request.request_id = chosen  # type: ignore[attr-defined]
        with request_ids.using(chosen):
            response = get_response(request)
        response[REQUEST_ID_HEADER] = chosen
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
