"""The stream of a request that somebody made on the site, and its stop button. Only who asked may read or stop it."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from hub.core.errors import HubError
from hub.core.streaming import sse, stream_events
from hub.inference import readers
from hub.inference.services import stop_demo
from hub.inference.streams import Event, events_of, resume_after
from hub.jobs.errors import JobNotFound
from hub.jobs.failures import sentence
from hub.jobs.models import Job
from workers.contracts import Failure, JobKind, StreamEvent

VISITOR = "visitor"  # in the session: the name of somebody who is not signed in


@require_GET
def stream(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """GET /stream/{job}: server-sent events; `Last-Event-ID` resumes after one that was seen."""
    # Whoever is through with it does not leave it.
    language = translation.get_language()

    def render(event: Event) -> bytes:
        data: dict[str, Any] = event.data
        if event.type == StreamEvent.FAILED:
            with translation.override(language):
                data = {**data, "message": sentence(Failure.from_json(data))}
        return sse(data, number=event.id)

    try:
        job = str(_own_job(request, job_id).pk)
        after = resume_after(request.headers.get("Last-Event-ID", ""))
        readers.join(job)
        try:
            return stream_events(
                request,
                lambda: events_of(job, after=after),
                render,
                on_gone=lambda: readers.leave(job),
                is_last=lambda event: event.last,
            )
        except HubError:
            readers.leave(job)
            raise
    except HubError as refused:
        return refusal_response(refused)


@require_POST
def stop(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """POST /stream/{job}/stop."""
    try:
        stop_demo(job=_own_job(request, job_id))
    except HubError as refused:
        return refusal_response(refused)
    return JsonResponse({})


def refusal_response(refused: HubError) -> JsonResponse:
    """Return a refusal for a script of the site: the sentence, and the field that it is about."""
    response = JsonResponse({"error": refused.message, "field": refused.field}, status=refused.status)
    if retry := getattr(refused, "retry_after", None):
        response["Retry-After"] = str(retry)
    return response


def _own_job(request: HttpRequest, job_id: UUID) -> Job:
    """Return the request of that id. Raises JobNotFound for what is not there and for what is somebody else's."""
    job = Job.objects.filter(pk=job_id, kind=JobKind.INFERENCE).first()
    if job is None or not job.belongs_to(request.user, request.session.get(VISITOR, "")):
        raise JobNotFound(_("There is no such request, or it is somebody else's."))
    return job
