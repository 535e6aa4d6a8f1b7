"""The words that lists can be filtered by, and what is asked for a task without naming a model."""

from typing import Any

from django.db.models import Func, Window
from django.db.models.functions import RowNumber
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import json_view
from hub.catalog.models import Facet, SearchRow
from hub.repos.models import Gate, Kind
from hub.repos.vocabulary import TASKS, label

TAGS_SHOWN = 5000
# Facet -> the protocol's name of its kind of tag.
_TYPES = {
    Kind.MODEL.value: {
        "task": "pipeline_tag",
        "library": "library",
        "license": "license",
        "language": "language",
        "dataset": "dataset",
        "tag": "other",
    },
    Kind.DATASET.value: {
        "task": "task_categories",
        "task_id": "task_ids",
        "license": "license",
        "language": "language",
        "size": "size_categories",
        "multilinguality": "multilinguality",
        "language_creator": "language_creators",
        "benchmark": "benchmark",
        "format": "format",
        "tag": "other",
    },
    Kind.SPACE.value: {"sdk": "sdk", "license": "license", "tag": "other"},
    Kind.KERNEL.value: {"license": "license", "tag": "other"},
}
_PREFIXED = frozenset({"license", "dataset"})
MODELS_PER_TASK = 5


@json_view("GET")
def tags_by_type(request: Request, kind: str) -> Response:
    """GET /api/{kind}s-tags-by-type: what lists can be filtered by, as far as cards use it."""
    types = _TYPES[kind]
    answer: dict[str, list[dict[str, Any]]] = {name: [] for name in types.values()}
    # Only what the caller could find: the words of somebody's private card are nobody else's.
    used = (
        SearchRow.objects.filter(kind=kind).visible_to(request.user).annotate(number=Func("facets", function="unnest"))
    )
    shown = Facet.objects.filter(key__in=types, pk__in=used.values("number")).order_by("key", "value")
    for facet in shown[:TAGS_SHOWN]:
        name = types[facet.key]
        prefixed = name in _PREFIXED or (kind == Kind.DATASET and name != "other")
        tag = f"{name}:{facet.value}" if prefixed else facet.value
        answer[name].append({"type": name, "id": tag, "label": str(label(facet.key, facet.value))})
    return Response(answer)


@json_view("GET")
def tasks(request: Request) -> Response:
    """GET /api/tasks: for each task, the most downloaded models whose weights anybody may fetch. One query."""
    # The rank within its task is found by the database: one popular task must not crowd out the others.
    place = Window(RowNumber(), partition_by="task", order_by=["-downloads", "-pk"])
    ranked = (
        SearchRow.objects.filter(kind=Kind.MODEL, task__in=list(TASKS), parameters__gt=0, repository__gate=Gate.OPEN)
        .visible_to(request.user)
        .with_repositories()
        .annotate(place=place)
        .filter(place__lte=MODELS_PER_TASK)
        .order_by("task", "place")
    )
    models: dict[str, list[str]] = {task: [] for task in TASKS}
    for row in ranked:
        models[row.task].append(row.repository.full_name)
    return Response({task: {"id": task, "widgetModels": names} for task, names in models.items()})
