"""Finding repositories, with what the results can be filtered by; making one."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.permissions import check_may_read_hub
from hub.api.edge import writer
from hub.api.paging import link_next
from hub.api.v1.bodies import Body
from hub.api.v1.operations import answer, operation
from hub.api.v1.paging import LINK, Paged
from hub.catalog.conditions import Conditions
from hub.catalog.cursors import SORTS
from hub.catalog.models import SearchRow
from hub.catalog.search import search
from hub.core.links import base_url
from hub.repos.models import VERSIONED, Repository, Visibility
from hub.repos.permissions import get_namespace_for_create
from hub.repos.services import create_repo


class RepositoryShape(serializers.ModelSerializer[Repository]):
    """A repository. `id` is owner/name; `gated` tells whether its files are for those whom the owner lets in."""

    id = serializers.CharField(source="full_name")
    kind = serializers.ChoiceField(choices=VERSIONED)
    private = serializers.BooleanField()
    gated = serializers.BooleanField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Repository
        fields = ("id", "kind", "private", "gated", "created_at", "updated_at", "url")

    def get_url(self, repo: Repository) -> str:
        return base_url(self.context["request"]._request) + repo.get_absolute_url()


class FoundShape(serializers.ModelSerializer[SearchRow]):
    """A repository as a search finds it: what its card and files say of its `main` at the commit `head`."""

    id = serializers.CharField(source="repository.full_name")
    kind = serializers.ChoiceField(choices=VERSIONED)
    private = serializers.BooleanField(source="repository.private")
    gated = serializers.BooleanField(source="repository.gated")
    url = serializers.SerializerMethodField()
    head = serializers.CharField()
    downloads = serializers.SerializerMethodField(help_text=_("In all, since there are any."))
    parameters = serializers.IntegerField(allow_null=True)
    rating = serializers.FloatField(
        allow_null=True, help_text=_("The score by its reviews, 1 to 5; null where they are too few.")
    )
    tags = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = SearchRow
        fields = (
            *(
                "id",
                "kind",
                "private",
                "gated",
                "created_at",
                "updated_at",
                "url",
                "head",
                "summary",
                "task",
                "library",
            ),
            *("license", "tags", "parameters", "used_bytes", "downloads", "rating"),
        )

    def get_url(self, row: SearchRow) -> str:
        return base_url(self.context["request"]._request) + row.repository.get_absolute_url()

    def get_downloads(self, row: SearchRow) -> int:
        stats = getattr(row.repository, "stats", None)
        return stats.downloads if stats else 0


class FacetShape(serializers.Serializer[Any]):
    """A value to filter by, and how many of the results have it."""

    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment] # a field like the others, not DRF's own word
    count = serializers.IntegerField()


class FoundPageShape(serializers.Serializer[Any]):
    """A page of results. Later pages do not count again: `count` is null there."""

    count = serializers.IntegerField(allow_null=True, help_text=_("Of all pages, up to 10,000."))
    items = FoundShape(many=True)
    facets = serializers.DictField(child=FacetShape(many=True), required=False)


class SearchQuery(Paged):
    """Conditions; a repository meets all of them."""

    search = serializers.CharField(
        max_length=1000, default="", allow_blank=True, help_text=_("Words of names and cards, in any language.")
    )
    author = serializers.CharField(
        max_length=100, default="", allow_blank=True, help_text=_("A user or an organization.")
    )
    filter = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=20,
        default=list,
        help_text=_("Tags, as license:mit, language:zh, base_model:adapter:ada/tiny or botany. May be repeated."),
    )
    gated = serializers.BooleanField(required=False, help_text=_("Only those with a gate, or only those without."))
    min_parameters = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    max_parameters = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    sort = serializers.ChoiceField(
        choices=tuple(SORTS), required=False, help_text=_("relevance needs search. Without it: relevance, or updated.")
    )
    facets = serializers.BooleanField(default=False, help_text=_("Also tell what the results can be filtered by."))


class NewRepository(Body):
    """A repository to be made: under your own name, or as owner/name."""

    name = serializers.CharField(max_length=200)
    private = serializers.BooleanField(default=False)


@operation(
    "GET",
    tag="repositories",
    summary=_("Find repositories"),
    answer=FoundPageShape,
    query=SearchQuery,
    parts=("kind",),
    headers=(LINK,),
)
def find_repositories(request: Request, kind: str, query: dict[str, Any]) -> Response:
    check_may_read_hub(request.user)
    found = search(
        kind,
        request.user,
        query=query["search"],
        where=Conditions(
            author=query["author"],
            filters=query["filter"],
            gated=query.get("gated"),
            min_parameters=query.get("min_parameters"),
            max_parameters=query.get("max_parameters"),
        ),
        sort=query.get("sort", ""),
        cursor=query["cursor"],
        limit=query["limit"],
        with_count=not query["cursor"],
        with_facets=query["facets"],
        steady=True,
    )
    shown = FoundShape(found.rows, many=True, context={"request": request}).data
    told: dict[str, Any] = {"count": found.count, "items": shown}
    if query["facets"]:
        told["facets"] = {
            key: [{"value": line.value, "label": line.label, "count": line.count} for line in lines]
            for key, lines in found.facets.items()
        }
    response = Response(told)
    if found.next_cursor:
        link_next(request, response, cursor=found.next_cursor)
    return response


@operation(
    "POST",
    tag="repositories",
    summary=_("Make a repository"),
    answer=RepositoryShape,
    status=201,
    body=NewRepository,
    parts=("kind",),
)
def make_repository(request: Request, kind: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    owner, _slash, name = body["name"].rpartition("/")
    namespace = get_namespace_for_create(request.user, owner or None)
    visibility = Visibility.PRIVATE if body["private"] else Visibility.PUBLIC
    made = create_repo(actor=writer(request), namespace=namespace, kind=kind, name=name, visibility=visibility)
    return answer(request, RepositoryShape, made, status=201)
