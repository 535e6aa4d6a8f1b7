"""Lists of repositories, and what they can be filtered by."""

import re
from typing import Any

from django.conf import settings
from django.db.models import Func
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import json_view
from hub.api.hf.facts import BRIEF, FULL, asked, describe, subjects
from hub.api.hf.paging import flag, page
from hub.catalog.models import Facet, SearchRow
from hub.catalog.search import MAX_LIMIT, search
from hub.core.errors import Invalid, SignInNeeded
from hub.repos.git.files import FileEntry
from hub.repos.models import GitPath
from hub.repos.vocabulary import label

DEFAULT_LIMIT = 200
# With the names of all files, a line may be long.
FULL_LIMIT = 100
_SORTS = {"createdAt": "created", "created_at": "created", "lastModified": "updated", "last_modified": "updated"}
_SORTS |= {"downloads": "downloads", "likes": "downloads", "trendingScore": "downloads", "trending_score": "downloads"}
_UNCOUNTED = ("likes", "trendingScore", "trending_score")
# Parameter -> facet, where a parameter of its own stands for a filter.
_FACETS = {"pipeline_tag": "task", "library": "library", "language": "language", "license": "license"}
_KNOWN = frozenset(
    "search author filter tags sort direction limit cursor full expand expand[] config cardData gated num_parameters".split()
)
_SIZES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_RANGE = re.compile(r"(min|max):(\d{1,9}(?:\.\d{1,6})?)([KMBT]?)", re.ASCII)
TAGS_SHOWN = 5000


@json_view("GET")
def repositories(request: Request, kind: str) -> Response:
    """GET /api/models or /api/datasets: by search, author, filters, in the order and detail that are asked for."""
    if not settings.ANONYMOUS_READ and not request.user.is_authenticated:
        raise SignInNeeded("This hub shows its repositories to members only. Send an access token.")
    query = request._request.GET
    _refuse_unknown(query)
    if flag(query, "gated"):
        # There are no gated repositories here.
        return Response([])
    names = _names(query, kind)
    sort = query.get("sort", "")
    if sort and sort not in _SORTS:
        known = "createdAt, lastModified, downloads, likes or trendingScore"
        raise Invalid(f'sort does not know "{sort[:40]}". It takes {known}.', field="sort")
    limit = _limit(query, FULL_LIMIT if "siblings" in names else MAX_LIMIT)
    smallest, largest = _weights(query.get("num_parameters", ""))
    found = search(
        kind,
        request.user,
        query=" ".join(query.getlist("search")),
        author=query.get("author", ""),
        facets={facet: query.getlist(name) for name, facet in _FACETS.items() if query.get(name)},
        filters=[part for value in query.getlist("filter") + query.getlist("tags") for part in value.split(",")],
        min_parameters=smallest,
        max_parameters=largest,
        sort=_SORTS[sort] if sort else "",
        cursor=query.get("cursor", ""),
        limit=limit,
        with_count=False,
        with_cards=bool({"cardData", "model-index"} & set(names)),
    )
    listed = subjects(found.rows)
    if "siblings" in names:
        files: dict[int, list[FileEntry]] = {subject.repo.pk: [] for subject in listed}
        for row in GitPath.objects.filter(repository__in=files).order_by("repository", "path"):
            files[row.repository_id].append(FileEntry.of_row(row))
        for subject in listed:
            subject.files = files[subject.repo.pk]
    response = page(request, [describe(subject, names) for subject in listed], cursor=found.next_cursor or None)
    if sort in _UNCOUNTED:
        response["X-HF-Warning"] = f"sort; This hub does not count {sort} yet, so the list is ordered by downloads."
    return response


def _refuse_unknown(query: QueryDict) -> None:
    for name in query:
        if name not in _KNOWN and name not in _FACETS:
            raise Invalid(f'This hub\'s lists do not know the parameter "{name[:40]}".', field=name[:40])
    if query.get("direction", "-1") != "-1":
        raise Invalid("Lists are in descending order: direction is -1.", field="direction")


def _names(query: QueryDict, kind: str) -> set[str]:
    """Return which facts each line tells."""
    if expanded := asked(query, kind):
        return expanded
    if flag(query, "full"):
        return FULL - {"config"} | ({"config"} if flag(query, "config") else set())
    return BRIEF | {name for name in ("config", "cardData") if flag(query, name)}


def _limit(query: QueryDict, most: int) -> int:
    """Return the length of a page. More than `most` is not refused: the client goes on to the next page."""
    text = query.get("limit", "")
    if not text:
        return min(DEFAULT_LIMIT, most)
    if not text.isascii() or not text.isdecimal() or int(text[:10]) < 1:
        raise Invalid("limit is a whole number above 0.", field="limit")
    return min(int(text[:10]), most)


def _weights(text: str) -> tuple[int | None, int | None]:
    """Return the least and the greatest number of weights of `min:6B,max:128B`."""
    bounds: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        found = _RANGE.fullmatch(part.strip())
        if found is None:
            raise Invalid("num_parameters has the form min:6B,max:128B.", field="num_parameters")
        bounds[found[1]] = int(float(found[2]) * _SIZES[found[3]])
    return bounds.get("min"), bounds.get("max")


@json_view("GET")
def tags_by_type(request: Request, kind: str) -> Response:
    """GET /api/models-tags-by-type: what lists can be filtered by, as far as cards use it."""
    types = {"task": "pipeline_tag", "library": "library", "license": "license", "language": "language"}
    types |= {"dataset": "dataset", "tag": "other"}
    if kind == "dataset":
        types = {"task": "task_categories", "license": "license", "language": "language", "size": "size_categories"}
    answer: dict[str, list[dict[str, Any]]] = {name: [] for name in types.values()}
    # Only what the caller could find: the words of somebody's private card are nobody else's.
    used = (
        SearchRow.objects.filter(kind=kind).visible_to(request.user).annotate(number=Func("facets", function="unnest"))
    )
    shown = Facet.objects.filter(key__in=types, pk__in=used.values("number")).order_by("key", "value")
    for facet in shown[:TAGS_SHOWN]:
        name = types[facet.key]
        prefixed = name in ("license", "dataset") or kind == "dataset"
        tag = f"{name}:{facet.value}" if prefixed else facet.value
        answer[name].append({"type": name, "id": tag, "label": str(label(facet.key, facet.value))})
    return Response(answer)
