"""Lists of repositories."""

from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import json_view


@json_view("GET")
def repositories(request: Request, kind: str) -> Response:
    return Response([])


@json_view("GET")
def tags_by_type(request: Request, kind: str) -> Response:
    return Response({})
