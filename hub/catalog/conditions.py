"""What a search row must meet to be listed. Facets are looked up by number, in one query for all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from hub.accounts.models import Someone
from hub.catalog.errors import SearchInvalid
from hub.catalog.models import FACET_KEYS, Facet, SearchRow, SearchRowQuerySet
from hub.jobs.models import Worker
from hub.repos.models import Gate
from hub.repos.vocabulary import BASE_RELATIONS

# How the client protocol prefixes a filter -> the key of our facet.
PREFIXES = {
    "license": "license",
    "language": "language",
    "dataset": "dataset",
    "base_model": "base_model",
    "task_categories": "task",
    "task_ids": "task_id",
    "size_categories": "size",
    "multilinguality": "multilinguality",
    "language_creators": "language_creator",
    "benchmark": "benchmark",
    "arxiv": "arxiv",
    "format": "format",
    "library": "library",
    "sdk": "sdk",
    "model": "model",
}
_PLAIN_KEYS = ("task", "library", "language", "tag", "format", "arch", "sdk")


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a repository has to be: all of it, beside having the words.

    author: the name of its user or organization. facets: key -> values, all of which must be there. filters: tags as the
    client protocol writes them (`pytorch`, `license:mit`, `base_model:adapter:ada/tiny`). min_parameters, max_parameters: of
    the weights of a model. gated: only those with a gate, or only those without. loaded: only models that a worker holds
    ready.
    """

    author: str = ""
    facets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    filters: Iterable[str] = ()
    min_parameters: int | None = None
    max_parameters: int | None = None
    gated: bool | None = None
    loaded: bool = False


EVERYTHING = Conditions()


def rows_that_meet(where: Conditions, kind: str, user: Someone) -> SearchRowQuerySet:
    """Return the rows of a kind that `user` may see and that meet every condition.

    Costs one query where there are facets or filters, and one where `loaded` asks the workers. Raises SearchInvalid.
    """
    rows = SearchRow.objects.filter(kind=kind).visible_to(user)
    if where.author:
        rows = rows.filter(repository__namespace__name__iexact=where.author.replace("\0", ""))
    if where.min_parameters is not None:
        rows = rows.filter(parameters__gte=_weights(where.min_parameters))
    if where.max_parameters is not None:
        rows = rows.filter(parameters__lte=_weights(where.max_parameters))
    if where.gated is not None:
        # Asked of the repository itself: a gate that was opened or shut a moment ago counts.
        rows = rows.exclude(repository__gate=Gate.OPEN) if where.gated else rows.filter(repository__gate=Gate.OPEN)
    if where.loaded:
        rows = rows.filter(name__in=loaded_models())
    return _with_facets(rows, where.facets, where.filters)


def loaded_models() -> set[str]:
    """Return the models that a worker holds ready at this moment, as lower-case full names. The caller checks who may know."""
    return {str(name).lower() for held in Worker.objects.live().values_list("loaded", flat=True) for name, _oid in held}


def _with_facets(
    rows: SearchRowQuerySet, facets: Mapping[str, Sequence[str]], filters: Iterable[str]
) -> SearchRowQuerySet:
    all_of = {(key, value.lower()) for key, values in facets.items() for value in values if value}
    if unknown := {key for key, _value in all_of} - set(FACET_KEYS):
        raise SearchInvalid(
            _("“%(key)s” is nothing to filter by.") % {"key": min(unknown)[:40]}, field=min(unknown)[:40]
        )
    any_of = [_pairs(tag.strip().lower()) for tag in filters if tag.strip()]
    if not all_of and not any_of:
        return rows
    wanted = all_of.union(*any_of)
    if any("\0" in value for _key, value in wanted):
        return rows.none()
    values = {value for _key, value in wanted}
    found = Facet.objects.filter(value__in=values).values_list("key", "value", "pk")
    numbers = {(key, value): number for key, value, number in found}
    if any(pair not in numbers for pair in all_of):
        return rows.none()
    if all_of:
        rows = rows.filter(facets__contains=[numbers[pair] for pair in all_of])
    for pairs in any_of:
        rows = rows.filter(facets__overlap=[numbers[pair] for pair in pairs if pair in numbers])
    return rows


def _pairs(tag: str) -> set[tuple[str, str]]:
    """Return the (key, value) pairs that a tag of the client protocol may mean. Raises SearchInvalid."""
    prefix, colon, value = tag.partition(":")
    if colon and prefix in PREFIXES:
        relation, between, _name = value.partition(":")
        if prefix == "base_model" and between and relation not in BASE_RELATIONS:
            known = ", ".join(BASE_RELATIONS)
            message = _("“%(relation)s” is no way to come from a base model. There are: %(known)s.")
            raise SearchInvalid(message % {"relation": relation[:40], "known": known}, field="filter")
        return {(PREFIXES[prefix], value), ("tag", tag)}
    return {(key, tag) for key in _PLAIN_KEYS}


def _weights(number: int) -> int:
    return max(0, min(number, 2**63 - 1))
