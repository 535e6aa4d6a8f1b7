"""The page of a user or an organization."""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.accounts.errors import AccountNotFound
from hub.accounts.models import Membership, Namespace
from hub.accounts.permissions import get_namespace, may_administer
from hub.repos.errors import RepoNotFound
from hub.repos.models import Kind, Repository
from hub.web.kinds import KINDS
from hub.web.membership_panel import membership_panel
from hub.web.pages.home import for_rows
from hub.web.pages.short_names import page_by_short_name

ROWS = 30  # of each kind; the list of all is one click away


@require_safe
def profile(request: HttpRequest, name: str) -> HttpResponse:
    """The page behind `/{name}`. An account comes before a short name. Raises AccountNotFound."""
    try:
        namespace = get_namespace(name)
    except AccountNotFound as nobody:
        try:
            return page_by_short_name(request, Kind.MODEL, name)
        except RepoNotFound:
            raise nobody from None
    repositories = for_rows(Repository.objects.visible_to(request.user).filter(namespace=namespace))
    counts = dict(repositories.order_by().values_list("kind").annotate(Count("pk")))
    context: dict[str, Any] = {
        "namespace": namespace,
        "shown": [
            (words, list(repositories.filter(kind=words.kind)[:ROWS]), counts[words.kind])
            for words in KINDS
            if words.kind in counts
        ],
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
        is_member = any(member.user_id == request.user.pk for member in members)
        return {
            "members": members,
            "is_member": is_member,
            "panel": membership_panel(request.user, namespace.organization, is_member=is_member),
            "may_administer": may_administer(request.user, namespace.organization),
        }
    memberships = Membership.objects.filter(user=namespace.user).select_related("organization__namespace")
    return {"memberships": memberships, "is_self": namespace.user == request.user}
