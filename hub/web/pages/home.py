"""The front page: for members, what happened in what they follow."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from hub.accounts.models import Membership, Namespace, User
from hub.community.feed import KINDS, feed_of
from hub.community.models import Discussion, Follow
from hub.core.errors import NotFound
from hub.evaluations.models import Run
from hub.repos.models import Kind, Repository, Visibility
from hub.repos.models.repository import RepositoryQuerySet
from hub.web.paging import before_of

NEWEST = 8
OWN = 6
LATELY = 4  # discussions, and results
TRENDING = 6
# What of the feed one may look at alone, as it is called.
SHOWS = {
    "": _("Everything"),
    "releases": _("Releases"),
    "discussions": _("Discussions"),
    "reviews": _("Reviews"),
    "results": _("Results"),
}


def for_rows(repositories: RepositoryQuerySet) -> RepositoryQuerySet:
    """Fetch with each repository what a row shows, newest first, in one query."""
    related = ("namespace__user", "namespace__organization", "search_row", "stats", "bucket_totals")
    return repositories.select_related(*related).order_by("-updated_at", "-pk")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this hub is and how to connect; or, for members, what happened in what they follow, and what is theirs.

    Members: `?show=` a part of it, `?before=` where it goes on. Raises NotFound for what is neither.
    """
    if isinstance(request.user, User):
        return _home_of_member(request, request.user)
    visible = for_rows(Repository.objects.visible_to(request.user).filter(visibility=Visibility.PUBLIC))
    context: dict[str, Any] = {
        "models": visible.filter(kind=Kind.MODEL)[:NEWEST],
        "datasets": visible.filter(kind=Kind.DATASET)[:NEWEST],
        "discussions": _newest_discussions(request),
        "results": _newest_results(request),
    }
    return render(request, "web/home.html", context)


def _home_of_member(request: HttpRequest, user: User) -> HttpResponse:
    show, before = request.GET.get("show", ""), before_of(request)
    if show and show not in KINDS:
        raise NotFound("")
    feed = feed_of(user, kind=show, before=before)
    memberships = Membership.objects.filter(user=user).select_related("organization__namespace")
    trending = _trending(user)
    context: dict[str, Any] = {
        "feed": feed,
        "show": show,
        "shows": SHOWS,
        "before": before,
        "own": for_rows(Repository.objects.writable_by(user))[:OWN],
        "memberships": memberships.order_by("organization__namespace__name"),
        "trending": trending,
        "results": _newest_results(request),
        "discussions": _newest_discussions(request),
    }
    if not feed.activities:
        context["owners"] = _owners_of(trending, user)
    return render(request, "web/home_member.html", context)


def _trending(user: User) -> list[Repository]:
    """Return what many look at now, and anybody may."""
    found = Repository.objects.visible_to(user).filter(visibility=Visibility.PUBLIC, kind=Kind.MODEL)
    related = ("namespace__user", "namespace__organization", "search_row", "stats")
    ordered = found.filter(search_row__isnull=False).order_by("-search_row__trending", "-search_row")
    return list(ordered.select_related(*related)[:TRENDING])


def _owners_of(repositories: list[Repository], user: User) -> list[Namespace]:
    """Return whose they are, once each, less whom `user` follows or is."""
    followed = set(Follow.objects.filter(follower=user, namespace__isnull=False).values_list("namespace", flat=True))
    owners = {repo.namespace_id: repo.namespace for repo in repositories}
    return [owner for key, owner in owners.items() if key not in followed and owner.user_id != user.pk]


def _newest_discussions(request: HttpRequest) -> QuerySet[Discussion]:
    found = Discussion.objects.visible_to(request.user).filter(repository__visibility=Visibility.PUBLIC)
    return found.select_related("repository__namespace").order_by("-pk")[:LATELY]


def _newest_results(request: HttpRequest) -> QuerySet[Run]:
    public = {"model__visibility": Visibility.PUBLIC, "dataset__visibility": Visibility.PUBLIC}
    return Run.objects.visible_to(request.user).done().filter(**public).with_names().newest_first()[:LATELY]
