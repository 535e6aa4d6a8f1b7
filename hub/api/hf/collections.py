"""Collections, in the calls of the client family."""

from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.models import Namespace
from hub.accounts.permissions import check_may_read_hub
from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, writer
from hub.api.hf.paging import number, page
from hub.api.hf.shapes import account, date
from hub.community import collections as services
from hub.community.errors import CollectionExists
from hub.community.models import Collection, CollectionItem
from hub.core.errors import Invalid, NotFound
from hub.core.links import avatar_url, base_url
from hub.repos.models import Kind, Repository
from hub.repos.permissions import check_may_act

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_OFFSET = 100_000
ITEMS_IN_LIST = 4  # of each collection in a list; its own answer has all
_SORTS = {
    "lastModified": ("-updated_at", "-pk"),
    "trending": ("-upvote_count", "-updated_at", "-pk"),
    "upvotes": ("-upvote_count", "-pk"),
}
_PARAMETERS = ("owner", "item", "sort", "limit", "cursor", "q")


@json_view("GET", "POST")
def collections(request: Request) -> Response:
    """GET (`owner`, `item`, `sort`, `limit`) or POST (`title`, `namespace`, `description`, `private`) /api/collections."""
    return _create(request) if request.method == "POST" else _list(request)


def _list(request: Request) -> Response:
    check_may_read_hub(request.user)
    query = request._request.GET
    for name in query:
        if name not in _PARAMETERS:
            raise Invalid(f"This list does not know {name[:40]}. It takes {', '.join(_PARAMETERS)}.", field=name[:40])
    sort = query.get("sort") or "lastModified"
    if sort not in _SORTS:
        raise Invalid(f"sort is one of {', '.join(_SORTS)}.", field="sort")
    limit = min(number(query, "limit", default=DEFAULT_LIMIT, low=1, high=10**9), MAX_LIMIT)
    start = number(query, "cursor", default=0, high=MAX_OFFSET)
    rows = _asked(request, query).with_counts(request.user).order_by(*_SORTS[sort])
    found = list(rows.with_first_items(request.user, ITEMS_IN_LIST)[start : start + limit + 1])
    # Clients count for themselves where each stands in the list, and take no second word on it.
    shown = [_shape(request, one, _first(one)) for one in found[:limit]]
    more = start + limit if len(found) > limit and start + limit <= MAX_OFFSET else None
    return page(request, shown, cursor=more)


def _asked(request: Request, query: QueryDict) -> Any:
    rows = Collection.objects.visible_to(request.user).titled(query.get("q", ""))
    if owners := [name for value in query.getlist("owner") for name in value.split(",") if name]:
        rows = rows.filter(namespace__in=_owners(owners))
    for value in query.getlist("item")[:10]:
        rows = rows.filter(pk__in=_holding(request, value))
    return rows


def _owners(names: list[str]) -> QuerySet[Any]:
    return Namespace.objects.annotate(low=Lower("name")).filter(low__in=[name.lower() for name in names[:50]])


def _holding(request: Request, value: str) -> QuerySet[Any]:
    """Return the collections that hold `models/ada/tiny`; none where the caller may not see what is named."""
    plural, _slash, name = value.partition("/")
    kind, nothing = plural.removesuffix("s"), CollectionItem.objects.none().values("collection")
    if kind not in Kind.values and kind not in ("collection", "paper"):
        raise Invalid('item has the form "models/owner/name", or that of another kind.', field="item")
    try:
        thing = _thing(request, kind, name)
    except NotFound:
        return nothing
    held = {"nested": thing} if isinstance(thing, Collection) else {"repository": thing}
    return CollectionItem.objects.filter(**held).values("collection")


def _create(request: Request) -> Response:
    body = read_object(request)
    check_may_act(request.user)
    _refuse_group(body)
    namespace = services.get_namespace_for_collecting(request.user, text_of(body, "namespace"))
    try:
        made = services.create_collection(
            namespace=namespace,
            actor=writer(request),
            title=text_of(body, "title"),
            description=text_of(body, "description"),
            is_private=_switch(body, "private") or False,
        )
    except CollectionExists as error:
        # Whoever is content with one that is there goes on with it.
        told = {"error": error.message, "code": error.code, "slug": error.collection.full_slug}
        response = Response(told, status=error.status)
        response["X-Error-Code"], response["X-Error-Message"] = error.code, error.message
        return response
    if item := body.get("item"):
        services.add_item(collection=made, actor=writer(request), thing=_named(request, item))
    return Response(_whole(request, made.full_slug))


@json_view("GET", "PATCH", "DELETE")
def collection(request: Request, namespace: str, slug: str) -> Response:
    """GET, PATCH (`title`, `description`, `private`, `theme`, `position`) or DELETE /api/collections/{slug}."""
    name = f"{namespace}/{slug}"
    if request.method == "GET":
        return Response(_whole(request, name))
    found = services.get_collection_for_write(request.user, name)
    if request.method == "DELETE":
        services.delete_collection(collection=found, actor=writer(request))
        return Response({"success": True})
    body = read_object(request)
    changed = services.Changed(
        title=_text(body, "title"),
        description=_text(body, "description"),
        theme=_text(body, "theme"),
        is_private=_switch(body, "private"),
        position=_whole_number(body, "position"),
    )
    updated = services.update_collection(collection=found, actor=writer(request), changed=changed)
    return Response({"success": True, "data": _whole(request, updated.full_slug)})


@json_view("POST")
def items(request: Request, namespace: str, slug: str) -> Response:
    """POST (`item` with `id` and `type`, `note`) /api/collections/{slug}/items."""
    found = services.get_collection_for_write(request.user, f"{namespace}/{slug}")
    body = read_object(request)
    thing = _named(request, body.get("item"))
    services.add_item(collection=found, actor=writer(request), thing=thing, note=text_of(body, "note"))
    return Response(_whole(request, found.full_slug))


@json_view("PATCH", "DELETE")
def item(request: Request, namespace: str, slug: str, item_id: str) -> Response:
    """PATCH (`note`, `position`) or DELETE /api/collections/{slug}/items/{id}."""
    found = services.get_collection_for_write(request.user, f"{namespace}/{slug}")
    row = services.get_item(found, request.user, item_id)
    if request.method == "DELETE":
        services.remove_item(item=row, actor=writer(request))
    else:
        body = read_object(request)
        note, position = _text(body, "note"), _whole_number(body, "position")
        services.update_item(item=row, actor=writer(request), note=note, position=position)
    return Response({"success": True})


@json_view("POST")
def resource_group(request: Request, namespace: str, slug: str) -> Response:
    """POST (`resourceGroupId`) /api/collections/{slug}/resource-group: there are no such groups here."""
    services.get_collection_for_write(request.user, f"{namespace}/{slug}")
    _refuse_group(read_object(request))
    return Response({"success": True})


def _refuse_group(body: dict[str, Any]) -> None:
    if body.get("resourceGroupId") is not None:
        raise Invalid(
            "This hub has no resource groups. Who sees a collection is decided by private, and by the organization's roles.",
            field="resourceGroupId",
        )


def _named(request: Request, item: Any) -> Repository | Collection:
    if not isinstance(item, dict):
        raise Invalid('item is an object with "id" and "type".', field="item")
    return _thing(request, text_of(item, "type", limit=40), text_of(item, "id", limit=200))


def _thing(request: Request, kind: str, name: str) -> Repository | Collection:
    """Return what the caller may see of that kind and name. Raises Invalid, RepoNotFound, CollectionNotFound."""
    if kind == "paper":
        raise Invalid(
            "This hub has no papers. Name a model, a dataset, a space, a bucket or a collection.", field="item"
        )
    return services.get_thing(request.user, kind, name)


# --- shapes -------------------------------------------------------------------------------------------------------------


def _whole(request: Request, slug: str) -> dict[str, Any]:
    """Return a collection with all that the caller may see in it. Two queries."""
    found = services.get_collection(request.user, slug)
    rows = found.items.visible_to(request.user).with_things().in_order()
    return _shape(request, found, list(rows)) | {"position": found.position}


def _first(found: Collection) -> list[CollectionItem]:
    return list(found.first_items)  # type: ignore[attr-defined]


def _shape(request: Request, found: Collection, rows: list[CollectionItem]) -> dict[str, Any]:
    owner = account(found.namespace)
    return {
        "slug": found.full_slug,
        "title": found.title,
        "description": found.description,
        "owner": owner | {"avatarUrl": avatar_url(base_url(request._request), owner["name"])},
        "lastUpdated": date(found.updated_at),
        "private": found.is_private,
        "theme": found.theme,
        "upvotes": found.upvote_count,  # type: ignore[attr-defined]
        "numberItems": found.item_count,  # type: ignore[attr-defined]
        "gating": False,
        "shareUrl": f"{base_url(request._request)}{found.get_absolute_url()}",
        # Numbered as the caller sees them: a gap would tell of what they may not see.
        "items": [_item(row, position) for position, row in enumerate(rows)],
    }


def _item(row: CollectionItem, position: int) -> dict[str, Any]:
    shape: dict[str, Any] = {"_id": str(row.pk), "position": position}
    if row.note:
        shape["note"] = {"text": row.note}
    if (nested := row.nested) is not None:
        named = {"type": "collection", "id": nested.key, "slug": nested.full_slug, "title": nested.title}
        return shape | named | {"lastUpdated": date(nested.updated_at), "private": nested.is_private}
    repo = row.repository
    assert repo is not None
    return shape | {
        "type": repo.kind,
        "id": repo.full_name,
        "repoType": repo.kind,
        "author": repo.namespace.name,
        "private": repo.private,
        "gated": repo.gate or False,
        "lastModified": date(repo.updated_at),
    }


def _text(body: dict[str, Any], key: str) -> str | None:
    return None if body.get(key) is None else text_of(body, key)


def _switch(body: dict[str, Any], key: str) -> bool | None:
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise Invalid(f"{key} is true or false.", field=key)
    return value


def _whole_number(body: dict[str, Any], key: str) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise Invalid(f"{key} is a whole number from 0.", field=key)
    return value
