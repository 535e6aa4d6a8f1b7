"""`/v1/models`: the models that a demo can run for the caller."""

from typing import Any
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from hub.api.openai.bodies import name_of
from hub.api.openai.edge import caller, model_of, openai_view
from hub.catalog.models import SearchRow
from hub.inference.offers import TAGS, offer_of
from hub.inference.services import check_offer
from hub.jobs.models import Worker
from hub.repos.git.files import resolve_revision
from hub.repos.models import Kind, Repository
from workers.contracts import WorkerKind

# The call has no pages. The most downloaded come first; any other is asked for by its name.
MAX_MODELS = 1000


@openai_view("GET")
def listing(request: HttpRequest) -> HttpResponseBase:
    """GET /v1/models: those with safetensors and a task that demos know, whose files the caller may read."""
    rows = (
        SearchRow.objects.filter(repository__in=Repository.objects.readable_by(caller(request)))
        .filter(kind=Kind.MODEL, task__in=TAGS, parameters__isnull=False)
        .with_repositories()
        .order_by("-downloads", "-repository")[:MAX_MODELS]
    )
    loaded = _loaded()
    models = [_shape(row.repository, ready=(row.repository.full_name, row.head) in loaded) for row in rows]
    return JsonResponse({"object": "list", "data": models})


@openai_view("GET")
def one(request: HttpRequest, model: str) -> HttpResponseBase:
    """GET /v1/models/{owner/name[@revision]}. Says what keeps it from running, where something does."""
    # OpenAI's library sends the slash of a name encoded, and it comes here as it was sent.
    full_name, revision = name_of(unquote(model))
    repo = model_of(caller(request), full_name)
    commit = resolve_revision(repo, revision)
    offer = offer_of(repo, commit)
    check_offer(offer)
    shape = _shape(repo, ready=(repo.full_name, commit.oid) in _loaded())
    return JsonResponse({**shape, "sha": commit.oid, "tasks": offer.tasks, "context_length": offer.context})


def _loaded() -> set[tuple[str, str]]:
    """Return (full name, commit) of what workers hold ready."""
    workers = Worker.objects.live().filter(kind=WorkerKind.DEMO)
    return {(name, commit) for worker in workers for name, commit in worker.loaded}


def _shape(repo: Repository, *, ready: bool) -> dict[str, Any]:
    return {
        "id": repo.full_name,
        "object": "model",
        "created": int(repo.created_at.timestamp()),
        "owned_by": repo.namespace.name,
        "loaded": ready,
    }
