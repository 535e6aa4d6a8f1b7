"""One's own access to a gated repository: the client protocol has no call to ask for it."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.v1.bodies import Body
from hub.api.v1.operations import REPO, operation
from hub.repos import gates
from hub.repos.access_forms import form_of
from hub.repos.models import AccessRequest, Repository
from hub.repos.permissions import get_repo_for_read, may_fetch


class Answers(Body):
    """What the card's form asks: question -> answer."""

    fields = serializers.DictField(default=dict)  # type: ignore[assignment] # the word of the client protocol, not DRF's own


class RequestShape(serializers.Serializer[Any]):
    """A request for access, and what came of it."""

    status = serializers.ChoiceField(choices=AccessRequest.Status.values)
    reason = serializers.CharField(allow_blank=True)
    requested_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    fields = serializers.DictField()  # type: ignore[assignment] # the word of the client protocol, not DRF's own


class QuestionShape(serializers.Serializer[Any]):
    """One field of the form."""

    name = serializers.CharField()
    type = serializers.CharField()
    options = serializers.ListField(child=serializers.CharField())


class FormShape(serializers.Serializer[Any]):
    """What the owner asks of those who want the files."""

    heading = serializers.CharField(allow_blank=True)
    prompt = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    button = serializers.CharField(allow_blank=True)
    fields = QuestionShape(many=True)  # type: ignore[assignment]


class AccessShape(serializers.Serializer[Any]):
    """Whether the caller may fetch the files. `gated` is auto, manual or false; `request` is null before the caller asks."""

    gated = serializers.JSONField()
    access = serializers.BooleanField()
    request = RequestShape(allow_null=True)
    form = FormShape(allow_null=True)


@operation("GET", tag="access", summary=_("Whether you may fetch the files"), answer=AccessShape, parts=REPO)
def read_access(request: Request, kind: str, namespace: str, name: str, query: dict[str, Any]) -> Response:
    return Response(_state(get_repo_for_read(request.user, kind, namespace, name), request))


@operation(
    "POST",
    tag="access",
    summary=_("Ask for the files of a gated repository"),
    answer=AccessShape,
    status=201,
    body=Answers,
    parts=REPO,
)
def ask_for_access(
    request: Request, kind: str, namespace: str, name: str, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    gates.request_access(repo=repo, user=request.user, answers=body["fields"])
    return Response(_state(repo, request), status=201)


@operation(
    "DELETE",
    tag="access",
    summary=_("Take the request back, or give the access up"),
    answer=None,
    status=204,
    parts=REPO,
)
def give_access_up(request: Request, kind: str, namespace: str, name: str, query: dict[str, Any]) -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    gates.withdraw_request(repo=repo, user=request.user)
    return Response(status=204)


def _state(repo: Repository, request: Request) -> dict[str, Any]:
    """Return {"gated", "access", "request", "form"}; `request` is null where the caller has not asked."""
    own = gates.own_request(repo, request.user)
    form = form_of(repo) if repo.gated else None
    return {
        "gated": repo.gate or False,
        "access": may_fetch(request.user, repo),
        "request": own
        and {
            "status": own.status,
            "reason": own.reason,
            "requested_at": own.requested_at,
            "decided_at": own.decided_at,
            "fields": own.fields,
        },
        "form": form
        and {
            "heading": form.heading,
            "prompt": form.prompt,
            "description": form.description,
            "button": form.button,
            "fields": [
                {
                    "name": question.label,
                    "type": question.asks,
                    "options": [value for value, _label in question.options],
                }
                for question in form.questions
            ],
        },
    }
