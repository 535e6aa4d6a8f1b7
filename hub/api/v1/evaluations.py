"""Evaluations of models, and the leaderboards of datasets."""

from typing import Any

from django.db.models import BigIntegerField
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.v1.bodies import Body, Query
from hub.api.v1.operations import Refusal, answer, operation
from hub.api.v1.paging import Paged, page
from hub.core.errors import Invalid
from hub.core.links import base_url
from hub.evaluations.errors import AlreadyEvaluated
from hub.evaluations.leaderboard import choose_group, groups_of, rows_of
from hub.evaluations.models import Run
from hub.evaluations.permissions import get_named, get_run
from hub.evaluations.plans import Settings
from hub.evaluations.services import MAX_KEY, cancel_evaluation, submit_evaluation
from hub.evaluations.wording import failure_sentence
from hub.jobs.failures import line_of
from hub.jobs.models import JobEvent, State
from hub.jobs.services import place_in_queue
from hub.repos.git.files import resolve_revision
from hub.repos.models import Kind
from hub.repos.permissions import get_repo_for_read
from workers.contracts import FailureCode

MAX_EVENTS = 500  # of one answer


class ProgressShape(serializers.Serializer[Any]):
    """How far a worker is. It also tells the figures so far."""

    stage = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()


class FailureShape(serializers.Serializer[Any]):
    """Why it did not end well, by code, with the sentence for people."""

    code = serializers.ChoiceField(choices=[code.value for code in FailureCode])
    message = serializers.CharField()
    params = serializers.DictField()


class ResultShape(serializers.Serializer[Any]):
    """What was measured, and all that it depends on. docs/evaluations.md names the parts of both."""

    metrics = serializers.DictField()
    record = serializers.DictField()


class GroupShape(serializers.Serializer[Any]):
    """Settings that results share."""

    config = serializers.CharField(allow_blank=True)
    split = serializers.CharField(allow_blank=True)
    column = serializers.CharField(allow_blank=True)
    context = serializers.IntegerField()  # type: ignore[assignment]
    stride = serializers.IntegerField()
    max_tokens = serializers.IntegerField()


class SettingsShape(GroupShape):
    """What was measured how."""

    seed = serializers.IntegerField(required=False)


class RunShape(serializers.ModelSerializer[Run]):
    """An evaluation as the API tells it. docs/evaluations.md names the fields."""

    state = serializers.ChoiceField(source="job.state", choices=State.values)
    place = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    model = serializers.CharField(source="model.full_name")
    model_commit = serializers.CharField()
    dataset = serializers.CharField(source="dataset.full_name")
    dataset_commit = serializers.CharField()
    started_by = serializers.CharField(source="user.username", default=None, allow_null=True)
    settings = SettingsShape()
    attempt = serializers.IntegerField(source="job.attempt")
    started_at = serializers.DateTimeField(source="job.started_at", allow_null=True)
    finished_at = serializers.DateTimeField(source="job.finished_at", allow_null=True)
    failure = serializers.SerializerMethodField()
    result = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = (
            *("id", "state", "place", "progress", "model", "model_revision", "model_commit"),
            *("dataset", "dataset_revision", "dataset_commit", "settings", "started_by", "attempt"),
            *("created_at", "started_at", "finished_at", "failure", "result", "url"),
        )

    def get_place(self, run: Run) -> int:
        return place_in_queue(run.job)

    @extend_schema_field(ProgressShape(allow_null=True))
    def get_progress(self, run: Run) -> dict[str, Any] | None:
        return run.job.progress or None

    @extend_schema_field(FailureShape(allow_null=True))
    def get_failure(self, run: Run) -> dict[str, Any] | None:
        failed = run.job.failed_with
        return {**failed.to_json(), "message": failure_sentence(failed)} if failed else None

    @extend_schema_field(ResultShape(allow_null=True))
    def get_result(self, run: Run) -> dict[str, Any] | None:
        result = getattr(run, "result", None)
        return {"metrics": result.metrics, "record": result.record} if result else None

    def get_url(self, run: Run) -> str:
        return _address(self.context["request"], run)


class EvaluatedShape(Refusal):
    """It has been measured before: where."""

    evaluation = serializers.IntegerField(required=False)
    url = serializers.CharField(required=False)


class EventShape(serializers.Serializer[Any]):
    """A line of the log."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=JobEvent.Kind.values)
    attempt = serializers.IntegerField()
    text = serializers.CharField(allow_blank=True)


class EventsShape(serializers.Serializer[Any]):
    """What was logged behind an event; ask again with `after`."""

    state = serializers.ChoiceField(choices=State.values)
    after = serializers.IntegerField()
    events = EventShape(many=True)


class CountedGroupShape(GroupShape):
    """Settings that results share, and how many models have such results."""

    models = serializers.IntegerField()


class PlaceShape(serializers.Serializer[Any]):
    """A model's place on a leaderboard. No rank: the dataset has other data by now."""

    rank = serializers.IntegerField(allow_null=True)
    rank_worst = serializers.IntegerField(allow_null=True)
    model = serializers.CharField()
    model_commit = serializers.CharField()
    model_commit_is_current = serializers.BooleanField()
    dataset_commit = serializers.CharField()
    dataset_is_current = serializers.BooleanField()
    bits_per_byte = serializers.FloatField(allow_null=True)
    bits_per_byte_margin = serializers.FloatField(allow_null=True)
    perplexity = serializers.FloatField(allow_null=True)
    tokens = serializers.IntegerField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)
    parameters = serializers.IntegerField(allow_null=True)
    evaluation = serializers.IntegerField()
    evaluated_at = serializers.DateTimeField()
    evaluated_by = serializers.CharField(allow_null=True)


class LeaderboardShape(serializers.Serializer[Any]):
    """The results of a dataset's models under the same settings, the best first."""

    dataset = serializers.CharField()
    dataset_commit = serializers.CharField()
    settings = GroupShape(allow_null=True)
    groups = CountedGroupShape(many=True)
    rows = PlaceShape(many=True)


class NewEvaluation(Body):
    """What is to be measured. A context, a stride or a split that is left out is chosen by what the repositories say."""

    model = serializers.CharField(max_length=200)
    dataset = serializers.CharField(max_length=200)
    revision = serializers.CharField(max_length=255, default="main")
    dataset_revision = serializers.CharField(max_length=255, default="main")
    config = serializers.CharField(max_length=200, default="", allow_blank=True)
    split = serializers.CharField(max_length=200, default="", allow_blank=True)
    column = serializers.CharField(max_length=200, default=Settings.column)
    context = serializers.IntegerField(default=0)  # type: ignore[assignment] # a field like the others, not DRF's own word
    stride = serializers.IntegerField(default=0)
    max_tokens = serializers.IntegerField(default=Settings.max_tokens)
    seed = serializers.IntegerField(default=Settings.seed)
    again = serializers.BooleanField(default=False)


class EventsQuery(Query):
    """Where to go on."""

    after = serializers.IntegerField(
        min_value=0, max_value=BigIntegerField.MAX_BIGINT, default=0, help_text=_("The number of an event.")
    )


class RunQuery(Paged):
    """Which evaluations."""

    dataset = serializers.CharField(max_length=200, required=False, help_text=_("Only of this dataset, owner/name."))


class GroupQuery(Query):
    """Settings that results must share to be compared; what is left out is any."""

    config = serializers.CharField(max_length=200, required=False, allow_blank=True)
    split = serializers.CharField(max_length=200, required=False, allow_blank=True)
    column = serializers.CharField(max_length=200, required=False, allow_blank=True)
    context = serializers.CharField(max_length=20, required=False, allow_blank=True)  # type: ignore[assignment]
    stride = serializers.CharField(max_length=20, required=False, allow_blank=True)
    max_tokens = serializers.CharField(max_length=20, required=False, allow_blank=True)


_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": MAX_KEY, "pattern": "^[ -~]*$"},
    OpenApiParameter.HEADER,
    description=_("A repeated request with the same key answers with the evaluation of the first."),
)
MODEL = ("namespace", "name")


@operation(
    "POST",
    tag="evaluations",
    summary=_("Ask for an evaluation"),
    description=_(
        "A worker measures the model on the dataset. What was measured before is refused, unless sent with again."
    ),
    answer=RunShape,
    status=201,
    body=NewEvaluation,
    refuses={404: Refusal, 409: EvaluatedShape, 422: Refusal},
    headers=(_KEY,),
)
def submit(request: Request, query: dict[str, Any], body: dict[str, Any]) -> Response:
    settings = Settings(**{name: body[name] for name in Settings().to_json()})
    try:
        run = submit_evaluation(
            user=request.user,
            model=get_named(request.user, Kind.MODEL, body["model"]),
            dataset=get_named(request.user, Kind.DATASET, body["dataset"]),
            asked=settings,
            revision=body["revision"],
            dataset_revision=body["dataset_revision"],
            key=_idempotency_key(request),
            again=body["again"],
        )
    except AlreadyEvaluated as error:
        there = {"error": error.message, "evaluation": error.run.pk, "url": _address(request, error.run)}
        return Response(there, status=error.status, headers={"X-Error-Code": error.code})
    response = _answer(request, run)
    response.status_code = 201
    response["Location"] = f"/api/v1/evaluations/{run.pk}"
    return response


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MAX_KEY or not key.isprintable() or not key.isascii():
        raise Invalid(f"An Idempotency-Key has at most {MAX_KEY} printable ASCII characters.", field="Idempotency-Key")
    return key


@operation(
    "GET",
    tag="evaluations",
    summary=_("One evaluation: its state, and in the end its result or its failure"),
    answer=RunShape,
    refuses=(404,),
    parts=("run_id",),
)
def evaluation(request: Request, run_id: int, query: dict[str, Any]) -> Response:
    return _answer(request, get_run(request.user, run_id))


@operation(
    "GET",
    tag="evaluations",
    summary=_("The log of an evaluation, from an event on"),
    answer=EventsShape,
    query=EventsQuery,
    parts=("run_id",),
)
def events(request: Request, run_id: int, query: dict[str, Any]) -> Response:
    run = get_run(request.user, run_id)
    after = query["after"]
    rows = list(JobEvent.objects.filter(job=run.job, pk__gt=after).order_by("pk")[:MAX_EVENTS])
    return Response(
        {
            "state": run.job.state,
            "after": rows[-1].pk if rows else after,
            "events": [
                {"id": row.pk, "at": row.at, "kind": row.kind, "attempt": row.attempt, "text": line_of(row)}
                for row in rows
            ],
        }
    )


@operation(
    "POST",
    tag="evaluations",
    summary=_("Cancel an evaluation"),
    description=_("By who started it, the model's maintainers and the hub's staff."),
    answer=RunShape,
    parts=("run_id",),
)
def cancel(request: Request, run_id: int, query: dict[str, Any]) -> Response:
    run = get_run(request.user, run_id)
    cancel_evaluation(run=run, actor=request.user)
    return _answer(request, run)


@operation(
    "GET",
    tag="evaluations",
    summary=_("The evaluations of a model, newest first"),
    lists=RunShape,
    query=RunQuery,
    parts=MODEL,
)
def of_model(request: Request, namespace: str, name: str, query: dict[str, Any]) -> Response:
    model = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    runs = Run.objects.visible_to(request.user).filter(model=model).with_names().newest_first()
    if "dataset" in query:
        runs = runs.filter(dataset=get_named(request.user, Kind.DATASET, query["dataset"]))
    return page(request, runs, RunShape, query)


@operation(
    "GET",
    tag="evaluations",
    summary=_("The leaderboard of a dataset"),
    description=_(
        "One row a model, for one group of settings: the one that is asked for, else the one with most models."
    ),
    answer=LeaderboardShape,
    query=GroupQuery,
    parts=MODEL,
)
def leaderboard(request: Request, namespace: str, name: str, query: dict[str, Any]) -> Response:
    dataset = get_repo_for_read(request.user, Kind.DATASET, namespace, name)
    groups = groups_of(dataset, request.user)
    group = choose_group(groups, query)
    return Response(
        {
            "dataset": dataset.full_name,
            "dataset_commit": resolve_revision(dataset, "main").oid,
            "settings": group.to_json() if group else None,
            "groups": [{**found.to_json(), "models": found.count} for found in groups],
            "rows": [row.to_json() for row in rows_of(dataset, group, request.user)] if group else [],
        }
    )


def _answer(request: Request, run: Run) -> Response:
    return answer(request, RunShape, run)


def _address(request: Request, run: Run) -> str:
    return f"{base_url(request._request)}{run.get_absolute_url()}"
