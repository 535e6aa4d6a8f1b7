"""Evaluations of models, and the leaderboards of datasets."""

from typing import Any

from django.db.models import BigIntegerField
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import json_view
from hub.api.hf.paging import number
from hub.api.v1.bodies import Body, check_query
from hub.api.v1.paging import PARAMETERS, page
from hub.core.errors import Invalid
from hub.core.links import base_url
from hub.evaluations.errors import AlreadyEvaluated
from hub.evaluations.leaderboard import choose_group, groups_of, rows_of
from hub.evaluations.models import GROUP, Run
from hub.evaluations.permissions import get_named, get_run
from hub.evaluations.plans import Settings
from hub.evaluations.services import MAX_KEY, cancel_evaluation, submit_evaluation
from hub.evaluations.wording import failure_sentence
from hub.jobs.failures import line_of
from hub.jobs.models import JobEvent
from hub.jobs.services import place_in_queue
from hub.repos.git.files import resolve_revision
from hub.repos.models import Kind
from hub.repos.permissions import check_may_act, get_repo_for_read

MAX_EVENTS = 500  # of one answer


class RunShape(serializers.ModelSerializer[Run]):
    """An evaluation as the API tells it. docs/evaluations.md names the fields."""

    state = serializers.CharField(source="job.state")
    place = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    model = serializers.CharField(source="model.full_name")
    model_commit = serializers.CharField()
    dataset = serializers.CharField(source="dataset.full_name")
    dataset_commit = serializers.CharField()
    started_by = serializers.CharField(source="user.username", default=None)
    settings = serializers.SerializerMethodField()
    attempt = serializers.IntegerField(source="job.attempt")
    started_at = serializers.DateTimeField(source="job.started_at")
    finished_at = serializers.DateTimeField(source="job.finished_at")
    failure = serializers.SerializerMethodField()
    result = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = (
            *("id", "state", "place", "progress", "model", "model_revision", "model_commit"),
            *("dataset", "dataset_revision", "dataset_commit", "settings", "started_by", "attempt"),
            *("created_at", "started_at", "finished_at", "failure", "result"),
        )

    def get_place(self, run: Run) -> int:
        return place_in_queue(run.job)

    def get_progress(self, run: Run) -> dict[str, Any] | None:
        return run.job.progress or None

    def get_settings(self, run: Run) -> dict[str, Any]:
        return run.settings

    def get_failure(self, run: Run) -> dict[str, Any] | None:
        failed = run.job.failed_with
        return {**failed.to_json(), "message": failure_sentence(failed)} if failed else None

    def get_result(self, run: Run) -> dict[str, Any] | None:
        result = getattr(run, "result", None)
        return {"metrics": result.metrics, "record": result.record} if result else None


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


@json_view("POST")
def submit(request: Request) -> Response:
    """POST /api/v1/evaluations. With `Idempotency-Key`, a repeated request answers with the evaluation of the first."""
    check_may_act(request.user)
    sent = NewEvaluation.read(request)
    settings = Settings(**{name: sent[name] for name in Settings().to_json()})
    try:
        run = submit_evaluation(
            user=request.user,
            model=get_named(request.user, Kind.MODEL, sent["model"]),
            dataset=get_named(request.user, Kind.DATASET, sent["dataset"]),
            asked=settings,
            revision=sent["revision"],
            dataset_revision=sent["dataset_revision"],
            key=_idempotency_key(request),
            again=sent["again"],
        )
    except AlreadyEvaluated as error:
        there = {"error": error.message, "evaluation": error.run.pk, "url": _address(request, error.run)}
        return Response(there, status=error.status, headers={"X-Error-Code": error.code})
    answer = _answer(request, run)
    answer.status_code = 201
    answer["Location"] = f"/api/v1/evaluations/{run.pk}"
    return answer


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MAX_KEY or not key.isprintable() or not key.isascii():
        raise Invalid(f"An Idempotency-Key has at most {MAX_KEY} printable ASCII characters.", field="Idempotency-Key")
    return key


@json_view("GET")
def evaluation(request: Request, run_id: int) -> Response:
    """GET /api/v1/evaluations/{id}: state, progress, place in the queue, and in the end the result or the failure."""
    return _answer(request, get_run(request.user, run_id))


@json_view("GET")
def events(request: Request, run_id: int) -> Response:
    """GET /api/v1/evaluations/{id}/events?after=: what was logged after the event of that id."""
    run = get_run(request.user, run_id)
    check_query(request, "after")
    after = number(request.query_params, "after", default=0, low=0, high=BigIntegerField.MAX_BIGINT)
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


@json_view("POST")
def cancel(request: Request, run_id: int) -> Response:
    """POST /api/v1/evaluations/{id}/cancel: by who started it, the model's maintainers and staff."""
    run = get_run(request.user, run_id)
    cancel_evaluation(run=run, actor=request.user)
    return _answer(request, run)


@json_view("GET")
def of_model(request: Request, namespace: str, name: str) -> Response:
    """GET /api/v1/models/{repo}/evaluations?dataset=: newest first."""
    model = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    check_query(request, "dataset", *PARAMETERS)
    runs = Run.objects.visible_to(request.user).filter(model=model).with_names().newest_first()
    if dataset := request.query_params.get("dataset"):
        runs = runs.filter(dataset=get_named(request.user, Kind.DATASET, dataset))
    return page(request, runs, RunShape)


@json_view("GET")
def leaderboard(request: Request, namespace: str, name: str) -> Response:
    """GET /api/v1/datasets/{repo}/leaderboard: one row a model, for one group of settings (the one with most models)."""
    dataset = get_repo_for_read(request.user, Kind.DATASET, namespace, name)
    check_query(request, *GROUP)
    groups = groups_of(dataset, request.user)
    group = choose_group(groups, request.query_params)
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
    shape: dict[str, Any] = RunShape(run).data
    return Response(shape | {"url": _address(request, run)})


def _address(request: Request, run: Run) -> str:
    return f"{base_url(request._request)}{run.get_absolute_url()}"
