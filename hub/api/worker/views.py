"""The workers' calls. Thin: each is one service of `hub.jobs`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from rest_framework import serializers

from hub.api.bodies import read_object
from hub.api.edge import plain_view
from hub.core.errors import Invalid
from hub.jobs import services
from hub.jobs.errors import WorkerRefused
from hub.jobs.models import Worker
from hub.jobs.tokens import token_of
from workers.contracts import NO_REQUEST, Claim, Failure, FailureCode, JobKind


class Start(serializers.Serializer[Any]):
    about = serializers.DictField()


class Running(serializers.Serializer[Any]):
    job = serializers.UUIDField()
    attempt = serializers.IntegerField(min_value=1)
    progress = serializers.DictField(required=False)


class Heartbeat(serializers.Serializer[Any]):
    running = Running(many=True)
    loaded = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2)
    )


class Attempt(serializers.Serializer[Any]):
    attempt = serializers.IntegerField(min_value=1)


class Events(Attempt):
    lines = serializers.ListField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), max_length=services.MAX_EVENTS
    )


class FailureGiven(serializers.Serializer[Any]):
    code = serializers.ChoiceField([code.value for code in FailureCode])
    params = serializers.DictField(required=False)


class Finish(Attempt):
    result = serializers.JSONField(required=False)
    failure = FailureGiven(required=False)


View = Callable[..., HttpResponseBase]


def worker_call(shape: type[serializers.Serializer[Any]] | None) -> Callable[[View], View]:
    """A call of a worker: its key opens it, and its body has this shape."""

    def decorate(view: View) -> View:
        @plain_view("POST")
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                raise WorkerRefused("Workers send their key as `Authorization: Bearer`.")
            worker = services.worker_of_key(key.strip())
            if shape is None:
                return view(worker, *args, **kwargs)
            given = shape(data=read_object(request))
            if not given.is_valid():
                raise Invalid(f"The worker's message cannot be read: {given.errors}")
            return view(worker, given.validated_data, *args, **kwargs)

        return wrapped

    return decorate


@worker_call(Start)
def start(worker: Worker, given: dict[str, Any]) -> HttpResponse:
    services.start_worker(worker=worker, about=given["about"])
    return JsonResponse({"name": worker.name, "kind": worker.kind})


@worker_call(Heartbeat)
def heartbeat(worker: Worker, given: dict[str, Any]) -> HttpResponse:
    """Answers with the jobs to stop: cancelled, or given to another worker."""
    stop = services.note_heartbeat(
        worker=worker,
        running=[(str(row["job"]), row["attempt"]) for row in given["running"]],
        loaded=given["loaded"],
        progress={str(row["job"]): row["progress"] for row in given["running"] if "progress" in row},
    )
    return JsonResponse({"stop": stop})


@worker_call(None)
def claim(worker: Worker, job_id: str) -> HttpResponse:
    job = services.claim_job(worker=worker, job_id=job_id)
    request_id = job.request_id or NO_REQUEST
    given = Claim(str(job.pk), JobKind(job.kind), job.attempt, token_of(job), job.seconds, job.spec, request_id)
    return JsonResponse(given.to_json())


@worker_call(Events)
def events(worker: Worker, given: dict[str, Any], job_id: str) -> HttpResponse:
    services.add_events(worker=worker, job_id=job_id, attempt=given["attempt"], lines=given["lines"])
    return JsonResponse({})


@worker_call(Finish)
def finish(worker: Worker, given: dict[str, Any], job_id: str) -> HttpResponse:
    failure = Failure.from_json(given["failure"]) if "failure" in given else None
    services.finish_job(
        worker=worker, job_id=job_id, attempt=given["attempt"], result=given.get("result"), failure=failure
    )
    return JsonResponse({})


@worker_call(Attempt)
def release(worker: Worker, given: dict[str, Any], job_id: str) -> HttpResponse:
    services.release_job(worker=worker, job_id=job_id, attempt=given["attempt"])
    return JsonResponse({})
