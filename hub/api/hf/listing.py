"""Lists of repositories, in the words of the client family: conditions, order, detail, pages."""

import re
from typing import Any

from django.db.models import Count
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.permissions import check_may_read_hub
from hub.api.edge import json_view
from hub.api.hf.facts import BRIEF, CARD_FACTS, FULL, Subject, add_relatives, asked, describe, subjects
from hub.api.hf.paging import flag, number, page
from hub.catalog.conditions import PREFIXES, Conditions
from hub.catalog.facts import APPS
from hub.catalog.models import SearchRow
from hub.catalog.search import MAX_LIMIT, Page, search
from hub.core.errors import Invalid
from hub.repos.git.files import FileEntry
from hub.repos.models import GitPath, Kind

DEFAULT_LIMIT = 200
# With the names of all files a line may be long: so many repositories, and about so many files, in one page.
FULL_LIMIT = 100
MAX_FILES = 50_000
_SORTS = {"createdAt": "created", "created_at": "created", "lastModified": "updated", "last_modified": "updated"}
_SORTS |= {"downloads": "downloads", "likes": "likes", "trendingScore": "trending", "trending_score": "trending"}
# Nobody's date of birth changes, so pages in this order are steady by themselves.
DEFAULT_SORT = "created"
# Parameter -> facet, where a parameter of its own stands for a filter.
_FACETS = {"library": "library", "language": "language", "license": "license", "licence": "license"}
_FACETS_OF = {
    Kind.MODEL.value: {"pipeline_tag": "task", "trained_dataset": "dataset", "dataset": "dataset", "apps": "app"},
    Kind.DATASET.value: {"task_categories": "task", "size_categories": "size", "task_ids": "task_id"},
    Kind.SPACE.value: {"sdk": "sdk", "models": "model", "datasets": "dataset"},
}
_KNOWN = frozenset(
    "search author filter tags sort direction limit cursor full expand expand[] config cardData gated".split()
)
_KNOWN_OF = {
    Kind.MODEL.value: frozenset({"num_parameters", "inference", "inference_provider"}),
    Kind.SPACE.value: frozenset({"linked"}),
}
# What asks for models that are served: by whom, in the protocol's words. This hub's own workers are all that serve here.
_SERVED_BY = ("all", "hf-inference")
_ALL_APPS = sorted({app for apps in APPS.values() for app in apps})
_SIZES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_RANGE = re.compile(r"(min|max):(\d{1,9}(?:\.\d{1,6})?)([KMBT]?)", re.ASCII)


@json_view("GET")
def repositories(request: Request, kind: str) -> Response:
    """GET /api/{kind}s: by search, author, filters, in the order and detail that are asked for.

    Queries: one each for the page, the order that later pages keep (all but createdAt), filters, a text;
    two for the counters; two each for files, children, spaces where they are asked for.
    """
    check_may_read_hub(request.user)
    query = request._request.GET
    _refuse_unknown(query, kind)
    names = _names(query, kind)
    sort = query.get("sort", "")
    if sort and sort not in _SORTS:
        known = "createdAt, lastModified, downloads, likes or trendingScore"
        raise Invalid(f'sort does not know "{sort[:40]}". It takes {known}.', field="sort")
    text = " ".join(query.getlist("search"))
    smallest, largest = _weights(query.get("num_parameters", ""))
    found = search(
        kind,
        request.user,
        query=text,
        where=Conditions(
            author=query.get("author", ""),
            facets=_facets(query, kind),
            filters=_listed(query, "filter") + _listed(query, "tags"),
            min_parameters=smallest,
            max_parameters=largest,
            gated=flag(query, "gated") if query.get("gated") else None,
            loaded=_loaded(query),
        ),
        sort=_SORTS[sort] if sort else "" if text.strip() else DEFAULT_SORT,
        cursor=query.get("cursor", ""),
        limit=_limit(query, FULL_LIMIT if "siblings" in names else MAX_LIMIT),
        with_count=False,
        with_cards=bool(CARD_FACTS & names),
        steady=True,
    )
    if "siblings" in names:
        found = _within_files(found)
    listed = subjects(found.rows)
    if "siblings" in names:
        _add_files(listed)
    add_relatives(listed, names, request.user)
    return page(request, [describe(subject, names) for subject in listed], cursor=found.next_cursor or None)


def _refuse_unknown(query: QueryDict, kind: str) -> None:
    known = _KNOWN.union(_FACETS, _FACETS_OF.get(kind, ()), _KNOWN_OF.get(kind, ()))
    for name in query:
        if name not in known:
            takes = ", ".join(sorted(known))
            raise Invalid(
                f'Lists of {kind}s do not know the parameter "{name[:40]}". They take {takes}.', field=name[:40]
            )
    if query.get("direction", "-1") != "-1":
        raise Invalid("Lists are in descending order: direction is -1.", field="direction")


def _listed(query: QueryDict, name: str) -> list[str]:
    """Return the values of a parameter that may be repeated, and that old clients join by commas."""
    return [part for value in query.getlist(name) for part in value.split(",")]


def _facets(query: QueryDict, kind: str) -> dict[str, list[str]]:
    facets: dict[str, list[str]] = {}
    for name, facet in (_FACETS | _FACETS_OF.get(kind, {})).items():
        values = [_bare(value.strip(), facet) for value in _listed(query, name) if value.strip()]
        if unknown := set(values) - set(_ALL_APPS) if facet == "app" else ():
            raise Invalid(f'apps does not know "{min(unknown)[:40]}". It takes {", ".join(_ALL_APPS)}.', field="apps")
        facets.setdefault(facet, []).extend(values)
    if kind == Kind.SPACE and flag(query, "linked"):
        facets["linked"] = ["true"]
    return facets


def _bare(value: str, facet: str) -> str:
    """Return a value without its prefix: clients write `license:mit` in the parameter `license`, too."""
    prefix, _colon, rest = value.partition(":")
    return rest if rest and PREFIXES.get(prefix) == facet else value


def _loaded(query: QueryDict) -> bool:
    """Tell whether only models are asked for that stand ready. Nobody outside serves any, so no other name is known."""
    if (how := query.get("inference", "")) not in ("", "warm"):
        raise Invalid(f'inference does not know "{how[:40]}". It takes warm.', field="inference")
    providers = [name for name in _listed(query, "inference_provider") if name]
    if unknown := set(providers) - set(_SERVED_BY):
        raise Invalid(
            f'inference_provider does not know "{min(unknown)[:40]}": models here are served by the hub\'s own workers. '
            f"It takes {' or '.join(_SERVED_BY)}.",
            field="inference_provider",
        )
    return bool(how or providers)


def _names(query: QueryDict, kind: str) -> set[str]:
    """Return which facts each line tells."""
    if expanded := asked(query, kind):
        return expanded
    names = FULL - {"config", "spaces"} if flag(query, "full") else set(BRIEF)
    return names | {name for name in ("config", "cardData") if flag(query, name)}


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


def _within_files(found: Page) -> Page:
    """Return the first rows of a page whose files are MAX_FILES or fewer in all, one row at least."""
    counted = GitPath.objects.filter(repository__in=[row.pk for row in found.rows]).values("repository")
    counts = dict(counted.annotate(files=Count("pk")).values_list("repository", "files"))
    total = 0
    for place, row in enumerate(found.rows):
        total += counts.get(row.pk, 0)
        if total > MAX_FILES and place:
            return found.cut(place)
    return found


def _add_files(listed: list[Subject]) -> None:
    files: dict[int, list[FileEntry]] = {subject.repo.pk: [] for subject in listed}
    for row in GitPath.objects.filter(repository__in=files).order_by("repository", "path"):
        files[row.repository_id].append(FileEntry.of_row(row))
    for subject in listed:
        subject.files = files[subject.repo.pk]


@json_view("GET")
def find_spaces(request: Request) -> Response:
    """GET /api/spaces/semantic-search: `q`, `filter`, `sdk`, and `includeNonRunning`, without which there is nothing to
    find: no space runs here."""
    check_may_read_hub(request.user)
    query = request._request.GET
    for name in query:
        if name not in ("q", "filter", "sdk", "includeNonRunning", "limit"):
            raise Invalid(f'This search does not know the parameter "{name[:40]}".', field=name[:40])
    if not flag(query, "includeNonRunning"):
        return Response([])
    found = search(
        Kind.SPACE,
        request.user,
        query=query.get("q", ""),
        where=Conditions(
            filters=_listed(query, "filter"),
            facets={"sdk": [value for value in _listed(query, "sdk") if value]},
        ),
        limit=number(query, "limit", default=30, low=1, high=100),
        with_count=False,
        with_cards=True,
    )
    return Response([_found_space(subject.row, describe(subject, set(BRIEF))) for subject in subjects(found.rows)])


def _found_space(row: SearchRow, shape: dict[str, Any]) -> dict[str, Any]:
    title = row.card.get("title")
    shape["title"] = title if isinstance(title, str) and title else row.repository.name
    return shape
