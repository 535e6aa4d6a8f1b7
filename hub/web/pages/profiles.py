"""The page of a user or an organization, and its tabs: what is theirs, what they said, whom they follow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from hub.accounts.errors import AccountNotFound
from hub.accounts.models import Membership, Namespace
from hub.accounts.permissions import get_namespace, may_administer
from hub.community.feed import activity_of
from hub.community.models import Collection, Follow, Like, Review
from hub.core.errors import NotFound
from hub.core.markdown import plain_text
from hub.repos.errors import RepoNotFound
from hub.repos.models import Kind, Repository
from hub.web.kinds import KINDS
from hub.web.membership_panel import membership_panel
from hub.web.pages.home import for_rows
from hub.web.pages.short_names import page_by_short_name
from hub.web.paging import before_of, page_of

ROWS = 6  # of each kind, on the overview
PER_PAGE = 30
PEOPLE_PER_PAGE = 60
MEMBERS_SHOWN = 12  # beside the overview
SAID_SHOWN = 400  # characters of a review


@dataclass(frozen=True)
class Tab:
    """One tab: its word in the address, what it is called, and what it counts (None: nothing)."""

    key: str
    name: Any
    count: int | None = None


@require_safe
def profile(request: HttpRequest, name: str) -> HttpResponse:
    """The page behind `/{name}`; `?tab=` opens one of its tabs. An account comes before a short name.

    Raises AccountNotFound, NotFound for a tab that it has not.
    """
    try:
        namespace = get_namespace(name)
    except AccountNotFound as nobody:
        try:
            return page_by_short_name(request, Kind.MODEL, name)
        except RepoNotFound:
            raise nobody from None
    repositories = Repository.objects.visible_to(request.user).filter(namespace=namespace)
    kinds = dict(repositories.order_by().values_list("kind").annotate(Count("pk")))
    counts = _counts(request, namespace)
    tabs = _tabs(namespace, kinds, counts)
    tab = request.GET.get("tab", "overview")
    if tab not in {each.key for each in tabs}:
        raise NotFound("")
    context: dict[str, Any] = {
        "namespace": namespace,
        "tabs": tabs,
        "tab": tab,
        "kind_counts": kinds,
        **counts,
        **_standing(request, namespace),
        **_content(request, namespace, tab, kinds),
    }
    return render(request, f"web/profile/{_template_of(tab)}.html", context)


@require_safe
def avatar(request: HttpRequest, name: str) -> HttpResponse:
    """The picture of an account, for programs that want one: the letters that it has on the pages. Raises AccountNotFound."""
    namespace = get_namespace(name)
    response = render(request, "web/avatar.svg", {"namespace": namespace}, content_type="image/svg+xml")
    response["Cache-Control"] = "public, max-age=86400"
    return response


def _tabs(namespace: Namespace, kinds: dict[str, int], counts: dict[str, Any]) -> list[Tab]:
    """Return the tabs of an account: those of kinds that it has something of, and of what it does."""
    tabs = [Tab("overview", _("Overview"))]
    tabs += [Tab(words.path, words.plural, kinds[words.kind]) for words in KINDS if words.kind in kinds]
    tabs.append(Tab("collections", _("Collections"), counts["collection_count"]))
    if namespace.user_id is not None:
        tabs += [Tab("reviews", _("Reviews"), counts["review_count"]), Tab("likes", _("Likes"), counts["liked_count"])]
    tabs.append(Tab("activity", _("Activity")))
    if namespace.organization_id is not None:
        tabs.append(Tab("members", _("Members"), counts["member_count"]))
    tabs.append(Tab("followers", _("Followers"), counts["follower_count"]))
    if namespace.user_id is not None:
        tabs.append(Tab("following", _("Following"), counts["following_count"]))
    return tabs


def _template_of(tab: str) -> str:
    if tab in ("members", "followers", "following"):
        return "people"
    return tab if tab in ("overview", "collections", "reviews", "activity") else "repositories"


def _counts(request: HttpRequest, namespace: Namespace) -> dict[str, Any]:
    """Return what the tabs count, as far as the visitor may know of it. One query."""
    visitor = request.user
    counted: dict[str, tuple[QuerySet[Any], str]] = {
        "collection_count": (Collection.objects.visible_to(visitor), "namespace"),
        "follower_count": (Follow.objects.filter(follower__is_active=True), "namespace"),
    }
    if namespace.user_id is not None:
        user = OuterRef("user")
        counted |= {
            "review_count": (_reviews(request).filter(author=user), "author"),
            "liked_count": (Like.objects.visible_to(visitor).filter(user=user), "user"),
            "following_count": (Follow.objects.filter(follower=user, namespace__isnull=False), "follower"),
        }
    else:
        members = Membership.objects.filter(organization=OuterRef("organization"))
        counted["member_count"] = (members, "organization")
    numbers = {name: Coalesce(_number_of(rows, by), 0) for name, (rows, by) in counted.items()}
    followed = Exists(Follow.objects.filter(namespace=OuterRef("pk"), follower=visitor.pk))
    return dict(Namespace.objects.filter(pk=namespace.pk).values(**numbers, followed=followed)[0])


def _number_of(rows: QuerySet[Any], by: str) -> Subquery:
    if by == "namespace":
        rows = rows.filter(namespace=OuterRef("pk"))
    return Subquery(rows.order_by().values(by).annotate(number=Count("pk")).values("number"))


def _standing(request: HttpRequest, namespace: Namespace) -> dict[str, object]:
    """Return what the visitor is to this account. One query where they are logged in."""
    if namespace.organization is None:
        return {"is_self": namespace.user == request.user, "account": namespace.user}
    organization = namespace.organization
    is_member = Membership.objects.filter(organization=organization, user=request.user.pk).exists()
    return {
        "account": organization,
        "is_member": is_member,
        "panel": membership_panel(request.user, organization, is_member=is_member),
        "may_administer": may_administer(request.user, organization),
    }


# --- what a tab shows -----------------------------------------------------------------------------------------------------


def _content(request: HttpRequest, namespace: Namespace, tab: str, kinds: dict[str, int]) -> dict[str, Any]:
    shown: dict[str, Callable[[HttpRequest, Namespace], dict[str, Any]]] = {
        "collections": _collections,
        "reviews": _reviews_page,
        "likes": _likes,
        "activity": _activity,
        "members": _members,
        "followers": _followers,
        "following": _following,
    }
    if tab == "overview":
        return _overview(request, namespace, kinds)
    return shown[tab](request, namespace) if tab in shown else _of_kind(request, namespace, tab)


def _overview(request: HttpRequest, namespace: Namespace, kinds: dict[str, int]) -> dict[str, Any]:
    """The newest of each kind, a little of what happened, and people or organizations. One query for each kind, two more."""
    repositories = for_rows(_repositories(request, namespace))
    about: dict[str, Any] = {
        "shown": [
            (words, list(repositories.filter(kind=words.kind)[:ROWS]), kinds[words.kind])
            for words in KINDS
            if words.kind in kinds
        ],
        "activities": activity_of(namespace, request.user).together[:ROWS],
    }
    if namespace.organization is not None:
        members = Membership.objects.filter(organization=namespace.organization).select_related("user")
        about["members"] = members.order_by("joined_at", "pk")[:MEMBERS_SHOWN]
    else:
        memberships = Membership.objects.filter(user=namespace.user).select_related("organization__namespace")
        about["memberships"] = memberships.order_by("organization__namespace__name")
    return about


def _repositories(request: HttpRequest, namespace: Namespace) -> Any:
    return Repository.objects.visible_to(request.user).filter(namespace=namespace)


def _of_kind(request: HttpRequest, namespace: Namespace, tab: str) -> dict[str, Any]:
    words = next(each for each in KINDS if each.path == tab)
    page = page_of(request, for_rows(_repositories(request, namespace).filter(kind=words.kind)), PER_PAGE)
    return {"page": page, "repositories": page.rows, "heading": words.plural}


def _likes(request: HttpRequest, namespace: Namespace) -> dict[str, Any]:
    """What somebody likes: the last at first."""
    related = [f"repository__{each}" for each in ("namespace__user", "namespace__organization", "search_row", "stats")]
    liked = Like.objects.visible_to(request.user).filter(user=namespace.user).select_related(*related)
    page = page_of(request, liked.order_by("-pk"), PER_PAGE)
    return {"page": page, "repositories": [each.repository for each in page.rows], "heading": _("Likes"), "owner": "1"}


def _collections(request: HttpRequest, namespace: Namespace) -> dict[str, Any]:
    found = Collection.objects.visible_to(request.user).filter(namespace=namespace)
    return {"page": page_of(request, found.with_counts(request.user).in_owners_order(), PER_PAGE)}


def _reviews(request: HttpRequest) -> Any:
    return Review.objects.visible_to(request.user).filter(hidden_at=None)


def _reviews_page(request: HttpRequest, namespace: Namespace) -> dict[str, Any]:
    found = _reviews(request).filter(author=namespace.user).select_related("repository__namespace")
    page = page_of(request, found.order_by("-pk"), PER_PAGE)
    said = [(review, " ".join(plain_text(review.text, SAID_SHOWN))) for review in page.rows]
    return {"page": page, "reviews": said}


def _activity(request: HttpRequest, namespace: Namespace) -> dict[str, Any]:
    before = before_of(request)
    return {"feed": activity_of(namespace, request.user, before=before), "before": before}


def _members(request: HttpRequest, namespace: Namespace) -> dict[str, Any]:
    found = Membership.objects.filter(organization=namespace.organization).select_related("user")
    page = page_of(request, found.order_by("joined_at", "pk"), PEOPLE_PER_PAGE)
    people = [(member.user, member.get_role_display()) for member in page.rows]
    return {"page": page, "people": people, "heading": _("Members")}


def _followers(request: HttpRequest, namespace: Namespace) -> dict[str, Any]:
    found = Follow.objects.filter(namespace=namespace, follower__is_active=True).select_related("follower")
    page = page_of(request, found.order_by("-pk"), PEOPLE_PER_PAGE)
    return {"page": page, "people": [(each.follower, "") for each in page.rows], "heading": _("Followers")}


def _following(request: HttpRequest, namespace: Namespace) -> dict[str, Any]:
    """The people and organizations whom somebody follows. Which repositories they follow is theirs to know."""
    found = Follow.objects.filter(follower=namespace.user, namespace__isnull=False)
    page = page_of(
        request, found.select_related("namespace__user", "namespace__organization").order_by("-pk"), PEOPLE_PER_PAGE
    )
    return {"page": page, "followed_accounts": [each.namespace for each in page.rows], "heading": _("Following")}
