"""The lists of repositories of each kind: search, filters, order, pages. All of it is in the address."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from hub.catalog.conditions import Conditions
from hub.catalog.errors import SearchInvalid
from hub.catalog.facet_counts import FacetCount
from hub.catalog.search import MAX_COUNT, Page, search
from hub.core.words import MAX_QUERY
from hub.repos.models import Kind
from hub.repos.vocabulary import label
from hub.web.kinds import words_of

PAGE = 30
MAX_FILTERS = 20  # values in one address that are taken into account

# What can be filtered by, in the order of the page, with the heading of each.
FACETS = {
    Kind.MODEL: {
        "task": gettext_lazy("Task"),
        "library": gettext_lazy("Library"),
        "language": gettext_lazy("Language"),
        "license": gettext_lazy("Licence"),
        "relation": gettext_lazy("Made by"),
        "format": gettext_lazy("Format"),
        "tag": gettext_lazy("Tag"),
    },
    Kind.DATASET: {
        "task": gettext_lazy("Task"),
        "size": gettext_lazy("Number of rows"),
        "language": gettext_lazy("Language"),
        "license": gettext_lazy("Licence"),
        "format": gettext_lazy("Format"),
        "tag": gettext_lazy("Tag"),
    },
    Kind.SPACE: {
        "sdk": gettext_lazy("SDK"),
        "language": gettext_lazy("Language"),
        "license": gettext_lazy("Licence"),
        "tag": gettext_lazy("Tag"),
    },
    Kind.KERNEL: {
        "library": gettext_lazy("Library"),
        "license": gettext_lazy("Licence"),
        "tag": gettext_lazy("Tag"),
    },
}
# Filters that other pages link to and that have no heading of their own.
LINKED = ("dataset", "base_model", "model", "arch", "author")
# Whether everybody gets the files: no facet, because a gate opens and shuts without a push.
GATED = {"true": gettext_lazy("On request"), "false": gettext_lazy("For everybody")}
SORTS = {
    "trending": gettext_lazy("Trending"),
    "updated": gettext_lazy("Recently changed"),
    "created": gettext_lazy("Newest"),
    "downloads": gettext_lazy("Most downloaded"),
    "likes": gettext_lazy("Most liked"),
    "name": gettext_lazy("By name"),
}
# How a model comes from its base models.
RELATIONS = {
    "finetune": gettext_lazy("Fine-tuning"),
    "adapter": gettext_lazy("Adapter"),
    "merge": gettext_lazy("Merging"),
    "quantized": gettext_lazy("Quantization"),
}
RELEVANCE = gettext_lazy("Best match")
# Only models are reviewed.
RATED = gettext_lazy("Best rated")


@dataclass(frozen=True)
class Choice:
    """One line of a filter: its address adds it to the search, or drops it where it is in force."""

    label: str
    count: int | None
    address: str
    on: bool


@dataclass(frozen=True)
class Filter:
    """All lines under one heading. It starts open where something in it is in force, or there is room."""

    title: str
    choices: list[Choice]
    open: bool


@require_safe
def listing(request: HttpRequest, kind: Kind) -> HttpResponse:
    asked = request.GET
    notes = [_ignored(name) for name in asked if name not in _known(kind)]
    page, sort, refused = _search(request, kind)
    if refused:
        notes.append(refused)
    context = {
        "words": words_of(kind),
        "nav": f"{kind}s",
        "page": page,
        "counted": words_of(kind).count(page.count or 0),
        "capped": MAX_COUNT,
        "notes": notes,
        "query": asked.get("search", "")[:MAX_QUERY],
        "sort": sort,
        "sorts": {
            **({"relevance": RELEVANCE} if asked.get("search", "").strip() else {}),
            **SORTS,
            **({"rating": RATED} if kind == Kind.MODEL else {}),
        },
        "filters": [
            *(_filter(request, kind, key, page.facets.get(key, [])) for key in FACETS[kind]),
            _gate_filter(asked),
        ],
        "chosen": [
            Choice(_shown(key, value), None, _address(asked, drop=(key, value)), True)
            for key in (*FACETS[kind], *LINKED, "gated")
            for value in _values(asked, key)
        ],
        "kept": [(key, value) for key in (*FACETS[kind], *LINKED, "gated") for value in _values(asked, key)],
        "clear": _address(QueryDict(), add=("search", asked["search"])) if asked.get("search") else request.path,
        "next": _address(asked, add=("cursor", page.next_cursor)) if page.next_cursor else "",
        "first": _address(asked) if asked.get("cursor") else "",
    }
    return render(request, "web/listing.html", context)


def _known(kind: Kind) -> set[str]:
    return {"search", "sort", "cursor", "gated", *FACETS[kind], *LINKED}


def _ignored(name: str) -> str:
    return _("“%(name)s” is nothing that this list knows, so it is left out.") % {"name": name[:60]}


def _search(request: HttpRequest, kind: Kind) -> tuple[Page, str, str]:
    """Return the page, the order that it has, and what was wrong with the address, if anything was."""
    asked = request.GET
    query, sort, cursor = asked.get("search", ""), asked.get("sort", ""), asked.get("cursor", "")
    wanted: dict[str, Any] = {
        "query": query,
        "where": Conditions(
            author=asked.get("author", ""),
            facets={key: _values(asked, key) for key in (*FACETS[kind], *LINKED) if key != "author"},
            gated={"true": True, "false": False}.get(asked.get("gated", "")),
        ),
        "limit": PAGE,
        "with_facets": True,
    }
    default = "relevance" if query.strip() else "trending"
    try:
        return search(kind, request.user, sort=sort or default, cursor=cursor, **wanted), sort or default, ""
    except SearchInvalid as error:
        return search(kind, request.user, sort=default, **wanted), default, error.message


def _filter(request: HttpRequest, kind: Kind, key: str, counts: list[FacetCount]) -> Filter:
    asked = request.GET
    chosen = {value.lower() for value in _values(asked, key)}
    choices = [
        Choice(
            _shown(key, each.value),
            each.count,
            _address(asked, **_change(asked, key, each.value)),
            each.value in chosen,
        )
        for each in counts
    ]
    first = list(FACETS[kind])[:4]
    return Filter(str(FACETS[kind][key]), choices, bool(chosen) or key in first)


def _gate_filter(asked: QueryDict) -> Filter:
    """Two lines that exclude each other; how many have a gate is not counted."""
    chosen = _values(asked, "gated")
    choices = [
        Choice(
            str(shown),
            None,
            _address(asked, drop=("gated", value)) if value in chosen else _address(asked, only=("gated", value)),
            value in chosen,
        )
        for value, shown in GATED.items()
    ]
    return Filter(_("Files"), choices, bool(chosen))


def _change(asked: QueryDict, key: str, value: str) -> dict[str, tuple[str, str]]:
    there = next((given for given in _values(asked, key) if given.lower() == value), None)
    return {"drop": (key, there)} if there is not None else {"add": (key, value)}


def _shown(key: str, value: str) -> str:
    shown = label(key, value)
    if key == "author":
        return _("by %(name)s") % {"name": shown}
    if key == "gated" and value in GATED:
        return str(GATED[value])
    if key == "relation":
        return str(RELATIONS.get(value, value))
    if key == "base_model":
        return _("from %(name)s") % {"name": shown}
    return shown


def _values(asked: QueryDict, key: str) -> list[str]:
    return [value[:200] for value in dict.fromkeys(asked.getlist(key)) if value.strip()][:MAX_FILTERS]


def _address(
    asked: QueryDict,
    add: tuple[str, str] | None = None,
    drop: tuple[str, str] | None = None,
    only: tuple[str, str] | None = None,
) -> str:
    """Return the query of this list with one thing changed. Every change starts again at the first page."""
    query = asked.copy()
    query.pop("cursor", None)
    if drop is not None:
        query.setlist(drop[0], [value for value in query.getlist(drop[0]) if value != drop[1]])
    if only is not None:
        query[only[0]] = only[1]
    if add is not None:
        query.appendlist(*add)
    return f"?{query.urlencode()}"
