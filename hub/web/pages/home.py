"""The front page, and the page of a user or an organization."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.accounts.models import Membership, Namespace
from hub.accounts.permissions import get_namespace, may_administer
from hub.repos.models import Kind, Repository, Visibility
from hub.repos.models.repository import RepositoryQuerySet

NEWEST = 8
OWN = 10
PROFILE = 100


def for_rows(repositories: RepositoryQuerySet) -> RepositoryQuerySet:
    """Fetch with each repository what a row shows, newest first, in one query."""
    related = ("namespace__user", "namespace__organization", "search_row", "stats")
    return repositories.select_related(*related).order_by("-updated_at", "-pk")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this hub is and how to connect, or, for members, what is theirs; then what is new."""
    visible = for_rows(Repository.objects.visible_to(request.user).filter(visibility=Visibility.PUBLIC))
    context: dict[str, Any] = {
        "models": visible.filter(kind=Kind.MODEL)[:NEWEST],
        "datasets": visible.filter(kind=Kind.DATASET)[:NEWEST],
    }
    if request.user.is_authenticated:
        writable = Repository.objects.writable_by(request.user)
        memberships = Membership.objects.filter(user=request.user).select_related("organization__namespace")
        context |= {
            "own": for_rows(writable)[:OWN],
            "memberships": memberships.order_by("organization__namespace__name"),
        }
        return render(request, "web/home_member.html", context)
    return render(request, "web/home.html", context)


@require_safe
def profile(request: HttpRequest, name: str) -> HttpResponse:
    """The page behind `/{name}`. Raises AccountNotFound."""
    namespace = get_namespace(name)
    repositories = for_rows(Repository.objects.visible_to(request.user).filter(namespace=namespace))
    context: dict[str, Any] = {
        "namespace": namespace,
        "models": repositories.filter(kind=Kind.MODEL)[:PROFILE],
        "datasets": repositories.filter(kind=Kind.DATASET)[:PROFILE],
        **_people(request, namespace),
    }
    return render(request, "web/profile.html", context)


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
