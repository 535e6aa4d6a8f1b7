"""From where a request comes."""

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """Return the caller's network address: behind the proxy that GROVE_PUBLIC_URL tells of, the one that it saw."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.PUBLIC_URL else ""
    return (forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", ""))[:64]
