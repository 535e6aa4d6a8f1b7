"""Short names without an owner, which lead to a repository."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import writer
from hub.api.v1.bodies import Body
from hub.api.v1.operations import REPO, operation
from hub.repos.models import Repository
from hub.repos.permissions import get_repo_for_naming, get_repo_for_read
from hub.repos.short_names import give_short_name, short_names, take_short_name


class ShortNamesShape(serializers.Serializer[Any]):
    """The short names of a repository."""

    names = serializers.ListField(child=serializers.CharField())


class NewShortName(Body):
    """A short name to be given."""

    name = serializers.CharField(max_length=96)


@operation("GET", tag="short names", summary=_("The short names of a repository"), answer=ShortNamesShape, parts=REPO)
def list_short_names(request: Request, kind: str, namespace: str, name: str, query: dict[str, Any]) -> Response:
    return _names(get_repo_for_read(request.user, kind, namespace, name))


@operation(
    "POST",
    tag="short names",
    summary=_("Give a repository a short name"),
    description=_("What asks for the short name is redirected. Only the hub's administrators give them."),
    answer=ShortNamesShape,
    status=201,
    body=NewShortName,
    parts=REPO,
)
def give_a_short_name(
    request: Request, kind: str, namespace: str, name: str, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    repo = get_repo_for_naming(request.user, kind, namespace, name)
    give_short_name(repo=repo, actor=writer(request), name=body["name"])
    return _names(repo, status=201)


@operation(
    "DELETE",
    tag="short names",
    summary=_("Take a short name back"),
    answer=None,
    status=204,
    parts=(*REPO, "short_name"),
)
def take_a_short_name(
    request: Request, kind: str, namespace: str, name: str, short_name: str, query: dict[str, Any]
) -> Response:
    repo = get_repo_for_naming(request.user, kind, namespace, name)
    take_short_name(repo=repo, actor=writer(request), name=short_name)
    return Response(status=204)


def _names(repo: Repository, status: int = 200) -> Response:
    return Response({"names": [alias.full_name for alias in short_names(repo)]}, status=status)
