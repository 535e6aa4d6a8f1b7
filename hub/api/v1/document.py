"""The OpenAPI document of our own API, made from the code that answers."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _
from drf_spectacular.generators import SchemaGenerator

from hub.api.edge import plain_view
from hub.core.links import base_url

TAGS = {
    "repositories": _("Repositories"),
    "files": _("Files"),
    "releases": _("Releases"),
    "access": _("Access to gated repositories"),
    "short names": _("Short names"),
    "branches": _("Protected branches"),
    "discussions": _("Discussions and questions"),
    "pull requests": _("Pull requests"),
    "usage": _("Storage used"),
    "reviews": _("Reviews"),
    "collections": _("Collections"),
    "organizations": _("Organizations and their members"),
    "evaluations": _("Evaluations and leaderboards"),
    "moderation": _("Reports and moderation"),
}


def document() -> dict[str, Any]:
    """Return the document in the language of the moment."""
    return _document(get_language() or "en")


@cache
def _document(language: str) -> dict[str, Any]:
    with override(language):
        made = SchemaGenerator(patterns=[path("api/v1/", include("hub.api.v1.addresses"))]).get_schema(public=True)
        made["tags"] = [{"name": name, "description": str(text)} for name, text in TAGS.items()]
        return dict(made)


@plain_view("GET")
def openapi(request: HttpRequest) -> HttpResponse:
    """GET /api/v1/openapi.json."""
    return JsonResponse({**document(), "servers": [{"url": base_url(request)}]})
