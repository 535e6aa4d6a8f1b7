"""Collections: what people put together, with a word on each thing."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.models import Namespace
from hub.accounts.permissions import check_may_read_hub
from hub.api.edge import writer
from hub.api.v1.bodies import Body
from hub.api.v1.operations import answer, operation
from hub.api.v1.paging import Paged, page
from hub.community import collections as services
from hub.community.models import Collection, CollectionItem
from hub.community.models.collection import MAX_COLLECTION_DESCRIPTION, MAX_COLLECTION_TITLE, MAX_NOTE
from hub.core.links import base_url
from hub.repos.models import Kind

ONE = ("namespace", "slug")
ITEM = (*ONE, "item_id")
KINDS = (*Kind.values, "collection")
_ORDERS = {"newest": ("-pk",), "upvotes": ("-upvote_count", "-pk")}


class CollectionShape(serializers.ModelSerializer[Collection]):
    """A collection. `item_count` is of those that the caller may see; `slug` is what its address ends in, `position` its place
    among its owner's."""

    namespace = serializers.CharField(source="namespace.name")
    slug = serializers.CharField()
    private = serializers.BooleanField(source="is_private")
    theme = serializers.ChoiceField(choices=services.THEMES)
    upvotes = serializers.IntegerField(source="upvote_count")
    item_count = serializers.IntegerField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Collection
        fields = (
            *("namespace", "slug", "title", "description", "theme", "private", "position", "upvotes", "item_count"),
            *("created_at", "updated_at", "url"),
        )

    def get_url(self, row: Collection) -> str:
        return base_url(self.context["request"]._request) + row.get_absolute_url()


class ItemShape(serializers.Serializer[CollectionItem]):
    """A thing in a collection. `name` is owner/name of a repository, namespace/slug of a collection."""

    id = serializers.IntegerField()
    kind = serializers.SerializerMethodField()
    name = serializers.SerializerMethodField()
    note = serializers.CharField()
    added_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(choices=KINDS))
    def get_kind(self, row: CollectionItem) -> str:
        return row.repository.kind if row.repository is not None else "collection"

    def get_name(self, row: CollectionItem) -> str:
        thing = row.repository or row.nested
        assert thing is not None
        return thing.full_slug if isinstance(thing, Collection) else thing.full_name


class ItemsShape(serializers.Serializer[Any]):
    """What the caller may see of a collection, in its order; the others have no place in it."""

    items = ItemShape(many=True)


class CollectionsQuery(Paged):
    """Which collections, in which order."""

    owner = serializers.CharField(
        max_length=100, default="", allow_blank=True, help_text=_("A user or an organization.")
    )
    search = serializers.CharField(
        max_length=100, default="", allow_blank=True, help_text=_("Words, each of which the title has.")
    )
    order = serializers.ChoiceField(choices=tuple(_ORDERS), default="newest")


class NewCollection(Body):
    """A collection to be made: your own, or an organization's that lets you write."""

    title = serializers.CharField(max_length=MAX_COLLECTION_TITLE)
    namespace = serializers.CharField(max_length=100, default="", allow_blank=True)
    description = serializers.CharField(max_length=MAX_COLLECTION_DESCRIPTION, default="", allow_blank=True)
    theme = serializers.ChoiceField(choices=services.THEMES, default=services.THEMES[0])
    private = serializers.BooleanField(default=False)


class CollectionChange(Body):
    """What is to be different of a collection. position: from 0, among its owner's."""

    title = serializers.CharField(max_length=MAX_COLLECTION_TITLE)
    description = serializers.CharField(max_length=MAX_COLLECTION_DESCRIPTION, allow_blank=True)
    theme = serializers.ChoiceField(choices=services.THEMES)
    private = serializers.BooleanField()
    position = serializers.IntegerField(min_value=0, max_value=services.MAX_COLLECTIONS)


class NewItem(Body):
    """What is to be put in: a repository by owner/name, a collection by namespace/slug."""

    kind = serializers.ChoiceField(choices=KINDS)
    name = serializers.CharField(max_length=300)
    note = serializers.CharField(max_length=MAX_NOTE, default="", allow_blank=True)


class ItemChange(Body):
    """What is to be different of an item. position: from 0, among those that you may see."""

    note = serializers.CharField(max_length=MAX_NOTE, allow_blank=True)
    position = serializers.IntegerField(min_value=0, max_value=services.MAX_ITEMS)


@operation(
    "GET",
    tag="collections",
    summary=_("Collections"),
    lists=CollectionShape,
    query=CollectionsQuery,
)
def list_collections(request: Request, query: dict[str, Any]) -> Response:
    check_may_read_hub(request.user)
    rows = Collection.objects.visible_to(request.user).titled(query["search"])
    if query["owner"]:
        rows = rows.filter(namespace__in=Namespace.objects.named(query["owner"]))
    return page(request, rows.with_counts(request.user).order_by(*_ORDERS[query["order"]]), CollectionShape, query)


@operation(
    "POST",
    tag="collections",
    summary=_("Make a collection"),
    answer=CollectionShape,
    status=201,
    body=NewCollection,
)
def make_collection(request: Request, query: dict[str, Any], body: dict[str, Any]) -> Response:
    namespace = services.get_namespace_for_collecting(request.user, body.pop("namespace"))
    private = body.pop("private")
    made = services.create_collection(namespace=namespace, actor=writer(request), is_private=private, **body)
    return _answer(request, made, status=201)


@operation("GET", tag="collections", summary=_("One collection"), answer=CollectionShape, parts=ONE)
def read_collection(request: Request, namespace: str, slug: str, query: dict[str, Any]) -> Response:
    return answer(request, CollectionShape, services.get_collection(request.user, f"{namespace}/{slug}"))


@operation(
    "PATCH",
    tag="collections",
    summary=_("Change a collection"),
    description=_("Its key stays what it is, so that addresses with an earlier title lead to it."),
    answer=CollectionShape,
    body=CollectionChange,
    partial=True,
    parts=ONE,
)
def change_collection(
    request: Request, namespace: str, slug: str, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    found = services.get_collection_for_write(request.user, f"{namespace}/{slug}")
    if "private" in body:
        body["is_private"] = body.pop("private")
    updated = services.update_collection(collection=found, actor=writer(request), changed=services.Changed(**body))
    return _answer(request, updated)


@operation(
    "DELETE",
    tag="collections",
    summary=_("Delete a collection; what it held stays"),
    parts=ONE,
)
def remove_collection(request: Request, namespace: str, slug: str, query: dict[str, Any]) -> None:
    found = services.get_collection_for_write(request.user, f"{namespace}/{slug}")
    services.delete_collection(collection=found, actor=writer(request))


@operation("PUT", tag="collections", summary=_("Find a collection good"), parts=ONE)
def upvote_collection(request: Request, namespace: str, slug: str, query: dict[str, Any]) -> None:
    _vote(request, f"{namespace}/{slug}", up=True)


@operation("DELETE", tag="collections", summary=_("Find it good no more"), parts=ONE)
def take_upvote_back(request: Request, namespace: str, slug: str, query: dict[str, Any]) -> None:
    _vote(request, f"{namespace}/{slug}", up=False)


@operation(
    "GET",
    tag="collections",
    summary=_("What is in a collection"),
    description=_("All of it that you may see: a collection holds at most 300 things."),
    answer=ItemsShape,
    parts=ONE,
)
def list_items(request: Request, namespace: str, slug: str, query: dict[str, Any]) -> Response:
    found = services.get_collection(request.user, f"{namespace}/{slug}")
    return answer(request, ItemsShape, {"items": found.items.visible_to(request.user).with_things().in_order()})


@operation(
    "POST",
    tag="collections",
    summary=_("Put something into a collection, at its end"),
    answer=ItemShape,
    status=201,
    body=NewItem,
    parts=ONE,
)
def put_in(request: Request, namespace: str, slug: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    found = services.get_collection_for_write(request.user, f"{namespace}/{slug}")
    thing = services.get_thing(request.user, body["kind"], body["name"])
    made = services.add_item(collection=found, actor=writer(request), thing=thing, note=body["note"])
    return answer(request, ItemShape, made, status=201)


@operation(
    "PATCH",
    tag="collections",
    summary=_("Change the note on an item, or its place"),
    answer=ItemShape,
    body=ItemChange,
    partial=True,
    parts=ITEM,
)
def change_item(
    request: Request, namespace: str, slug: str, item_id: int, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    item = _item(request, f"{namespace}/{slug}", item_id)
    return answer(request, ItemShape, services.update_item(item=item, actor=writer(request), **body))


@operation("DELETE", tag="collections", summary=_("Take an item out"), parts=ITEM)
def take_out(request: Request, namespace: str, slug: str, item_id: int, query: dict[str, Any]) -> None:
    services.remove_item(item=_item(request, f"{namespace}/{slug}", item_id), actor=writer(request))


def _item(request: Request, slug: str, item_id: int) -> CollectionItem:
    """Return the item for somebody who is about to change it."""
    return services.get_item(services.get_collection_for_write(request.user, slug), request.user, str(item_id))


def _vote(request: Request, slug: str, *, up: bool) -> None:
    found = services.get_collection(request.user, slug)
    services.set_upvote(collection=found, actor=writer(request), up=up)


def _answer(request: Request, row: Collection, *, status: int = 200) -> Response:
    """Answer with a collection as it is now, with its counts."""
    return answer(request, CollectionShape, services.get_collection(request.user, row.full_slug), status=status)
