"""What a user or an organization keeps here, and how much it may be."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.v1.operations import operation
from hub.repos.permissions import get_namespace_for_usage
from hub.repos.storage.accounting import usage_in
from hub.repos.storage.quotas import pending_in, quota_of


class UsageShape(serializers.Serializer[Any]):
    """Bytes."""

    quota = serializers.IntegerField(allow_null=True, help_text=_("What it may keep; null where there is no limit."))
    used = serializers.IntegerField(help_text=_("What counts against the quota: large files, small ones and history."))
    pending = serializers.IntegerField(help_text=_("Sent and not committed yet; it counts as well."))
    large_files = serializers.IntegerField(help_text=_("Large files, each content once in a repository."))
    git = serializers.IntegerField(help_text=_("Small files and history, inflated."))
    stored = serializers.IntegerField(help_text=_("What the store keeps for it; shared content is its first owner's."))


@operation(
    "GET",
    tag="usage",
    summary=_("What a user or an organization keeps"),
    description=_("For themselves, members of the organization, and administrators of the hub."),
    answer=UsageShape,
    parts=("namespace",),
    refuses=(403,),
)
def read_usage(request: Request, namespace: str, query: dict[str, Any]) -> Response:
    found = get_namespace_for_usage(request.user, namespace)
    usage = usage_in(found)
    told = {
        "quota": quota_of(found) or None,
        "used": usage.held,
        "pending": pending_in(found),
        "large_files": usage.large,
        "git": usage.git,
        "stored": usage.stored,
    }
    return Response(UsageShape(told).data)
