"""Calls that concern no repository: what clients ask at their start, and the check of a card before a commit."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, stream_view
from hub.api.errors import AddressNotFound
from hub.core.errors import Invalid
from hub.repos.card_checks import check_card
from hub.repos.models import VERSIONED, Kind

MAX_CARD = 1_000_000  # characters


@json_view("GET")
def agent_harnesses(request: Request) -> Response:
    """GET /api/agent-harnesses: asked by every new process until it is answered once. This hub knows none."""
    response = Response({"standardEnvVars": [], "harnesses": {}})
    response["Cache-Control"] = "public, max-age=86400"
    return response


@stream_view("HEAD", "POST", "GET")
def telemetry(request: HttpRequest, topic: str) -> HttpResponseBase:
    """HEAD /api/telemetry/{topic}: what clients report of their use. Nothing is kept."""
    return HttpResponse(status=204)


@stream_view("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
def nothing_here(request: HttpRequest, **kwargs: str) -> HttpResponseBase:
    """Every other address below /api/."""
    raise AddressNotFound


@json_view("POST")
def validate_yaml(request: Request) -> Response:
    """POST /api/validate-yaml: sent before every commit of a README.md; an error keeps the client from committing."""
    body = read_object(request)
    kind = text_of(body, "repoType", default=Kind.MODEL)
    if kind not in VERSIONED:
        raise Invalid(f"repoType is one of {', '.join(VERSIONED)}.", field="repoType")
    errors, warnings = check_card(text_of(body, "content", limit=MAX_CARD), kind)
    answer = {"errors": [{"message": str(e)} for e in errors], "warnings": [{"message": str(w)} for w in warnings]}
    return Response(answer, status=400 if errors else 200)
