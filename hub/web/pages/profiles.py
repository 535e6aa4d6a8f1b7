"""The page of a user or an organization."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.accounts.models import Membership, Namespace
from hub.accounts.permissions import get_namespace, may_administer
from hub.repos.models import Kind, Repository
from hub.web.pages.home import for_rows

ROWS = 30  # of each kind; the list of all is one click away


@require_safe
def profile(request: HttpRequest, name: str) -> HttpResponse:
    """The page behind `/{name}`. Raises AccountNotFound."""
    namespace = get_namespace(name)
    repositories = for_rows(Repository.objects.visible_to(request.user).filter(namespace=namespace))
    models, datasets = (repositories.filter(kind=kind) for kind in (Kind.MODEL, Kind.DATASET))
    context: dict[str, Any] = {
        "namespace": namespace,
        "models": models[:ROWS],
        "model_count": models.count(),
        "datasets": datasets[:ROWS],
        "dataset_count": datasets.count(),
        **_people(request, namespace),
    }
    return render(request, "web/profile.html", context)


@require_safe
def avatar(request: HttpRequest, name: str) -> HttpResponse:
    """The picture of an account, for programs that want one: the letters that it has on the pages. Raises AccountNotFound."""
    namespace = get_namespace(name)
    response = render(request, "web/avatar.svg", {"namespace": namespace}, content_type="image/svg+xml")
    response["Cache-Control"] = "public, max-age=86400"
    return response


def _people(request: HttpRequest, namespace: Namespace) -> dict[str, object]:
    """An organization's members, or the organizations of a user."""
    if namespace.organization is not None:
        members = (
            Membership.objects.filter(organization=namespace.organization).select_related("user").order_by("joined_at")
        )
        return {
            "members": members,
            "is_member": any(member.user_id == request.user.pk for member in members),
            "may_administer": may_administer(request.user, namespace.organization),
        }
    memberships = Membership.objects.filter(user=namespace.user).select_related("organization__namespace")
    return {"memberships": memberships, "is_self": namespace.user == request.user}
