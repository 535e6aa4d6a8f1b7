"""The front page."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.accounts.models import Membership
from hub.community.models import Discussion
from hub.evaluations.models import Run
from hub.repos.models import Kind, Repository, Visibility
from hub.repos.models.repository import RepositoryQuerySet

NEWEST = 8
OWN = 10
LATELY = 4  # discussions, and results


def for_rows(repositories: RepositoryQuerySet) -> RepositoryQuerySet:
    """Fetch with each repository what a row shows, newest first, in one query."""
    related = ("namespace__user", "namespace__organization", "search_row", "stats", "bucket_totals")
    return repositories.select_related(*related).order_by("-updated_at", "-pk")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this hub is and how to connect, or, for members, what is theirs; then what is new."""
    visible = for_rows(Repository.objects.visible_to(request.user).filter(visibility=Visibility.PUBLIC))
    context: dict[str, Any] = {
        "models": visible.filter(kind=Kind.MODEL)[:NEWEST],
        "datasets": visible.filter(kind=Kind.DATASET)[:NEWEST],
        "discussions": _newest_discussions(request),
        "results": _newest_results(request),
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


def _newest_discussions(request: HttpRequest) -> QuerySet[Discussion]:
    found = Discussion.objects.visible_to(request.user).filter(repository__visibility=Visibility.PUBLIC)
    return found.select_related("repository__namespace").order_by("-pk")[:LATELY]


def _newest_results(request: HttpRequest) -> QuerySet[Run]:
    public = {"model__visibility": Visibility.PUBLIC, "dataset__visibility": Visibility.PUBLIC}
    return Run.objects.visible_to(request.user).done().filter(**public).with_names().newest_first()[:LATELY]
