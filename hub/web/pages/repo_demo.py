"""The demo of a model: its page, and asking. The answer comes by `demo_streams`."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.models import User
from hub.core import callers
from hub.core.errors import HubError, Invalid
from hub.core.links import base_url
from hub.core.text import UNSTORABLE, texts_in
from hub.inference.errors import InputTooLarge
from hub.inference.offers import Offer, offer_of
from hub.inference.sampling import (
    MAX_BEAMS,
    MAX_NEW_TOKENS,
    MAX_SEQUENCES,
    MAX_TEMPERATURE,
    check_sampling,
    check_top_k,
)
from hub.inference.services import (
    MAX_INPUT,
    check_memory,
    check_offer,
    check_open,
    no_worker,
    start_demo,
    visitor_name,
)
from hub.jobs.models import Worker
from hub.jobs.services import Asker
from hub.repos.git.files import resolve_revision
from hub.repos.models import GitCommit, Repository
from hub.web.pages.demo_streams import VISITOR, refusal_response
from hub.web.pages.repo_head import DEFAULT_BRANCH, for_fetchers, for_readers, open_revision, repo_page
from workers.contracts import Sampling, Task, WorkerKind

MAX_BODY = 4 * MAX_INPUT  # bytes
DEFAULT_NEW_TOKENS = 128
_SAMPLED = (Task.TEXT_GENERATION, Task.CHAT)


@dataclass(frozen=True)
class Demo:
    """What the widget is made of. problem: why this model cannot be run. notice: why not at the moment."""

    offer: Offer
    commit: GitCommit
    revision: str
    tasks: list[str] = field(default_factory=list)
    problem: str = ""
    notice: str = ""
    workers: list[Worker] = field(default_factory=list)

    @property
    def task(self) -> str:
        return self.tasks[0] if self.tasks else ""

    @property
    def new_tokens(self) -> int:
        """How many new tokens the form proposes: what leaves a small model's context room for the prompt."""
        context = self.offer.context or MAX_NEW_TOKENS
        return min(DEFAULT_NEW_TOKENS, max(16, context // 2))

    @property
    def limits(self) -> dict[str, Any]:
        return {
            "new_tokens": min(MAX_NEW_TOKENS, self.offer.context or MAX_NEW_TOKENS),
            "temperature": MAX_TEMPERATURE,
            "sequences": MAX_SEQUENCES,
            "beams": MAX_BEAMS,
            "input": MAX_INPUT,
        }

    @property
    def loaded_on(self) -> list[Worker]:
        return [worker for worker in self.workers if self.commit.oid in (commit for _name, commit in worker.loaded)]


def demo_of(request: HttpRequest, repo: Repository, commit: GitCommit, revision: str) -> Demo:
    """Return the widget's facts. Two queries, once the model's offer is remembered."""
    offer = offer_of(repo, commit)
    workers = list(Worker.objects.live().filter(kind=WorkerKind.DEMO))
    problem = notice = ""
    try:
        check_offer(offer)
        check_memory(offer, workers)
    except HubError as refused:
        problem = refused.message
    try:
        check_open(_asker_now(request))
        if not workers:
            notice = no_worker().message
    except HubError as refused:
        notice = refused.message
    return Demo(offer, commit, revision, [str(task) for task in offer.tasks], problem, notice, workers)


@for_readers
@require_safe
def demo(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The demo's own page, at the head of `main` or at `?revision=`."""
    revision = open_revision(repo, request.GET.get("revision", DEFAULT_BRANCH))
    shown = demo_of(request, repo, revision.commit, revision.name)
    return repo_page(
        request,
        "web/repo/demo.html",
        repo,
        tab="demo",
        revision=revision,
        demo=shown,
        curl=_curl(base_url(request), repo, shown.offer),
    )


@for_fetchers
@require_POST
def ask(request: HttpRequest, repo: Repository) -> HttpResponse:
    """POST …/demo/ask: `{"task", "revision", "inputs", "sampling", "top_k"}` -> the addresses of its stream and its stop.

    Refusals are JSON, in the visitor's language.
    """
    try:
        given = _read(request)
        task = _task(given.get("task"))
        sampling: Sampling | None = None
        if task in _SAMPLED:
            wanted = given.get("sampling")
            sampling = check_sampling(wanted if isinstance(wanted, dict) else {})
        job = start_demo(
            asker=_asker(request),
            repo=repo,
            commit=resolve_revision(repo, str(given.get("revision") or DEFAULT_BRANCH)),
            task=task,
            inputs=given.get("inputs"),
            sampling=sampling,
            top_k=None if sampling else check_top_k(given.get("top_k")),
        )
    except HubError as refused:
        return refusal_response(refused)
    return JsonResponse({"stream": f"/stream/{job.pk}", "stop": f"/stream/{job.pk}/stop"})


def _curl(address: str, repo: Repository, offer: Offer) -> str:
    """Return a call of this model from a shell, for who has no scripts; with them, the page keeps it up to date."""
    path, body = f"/models/{repo.full_name}", json.dumps({"inputs": "..."})
    if offer.chats:
        path = "/v1/chat/completions"
        body = json.dumps({"model": repo.full_name, "messages": [{"role": "user", "content": "..."}]})
    header = '-H "Authorization: Bearer $HF_TOKEN" -H "Content-Type: application/json"'
    return f"curl {address}{path} \\\n  {header} \\\n  -d '{body}'"


def _read(request: HttpRequest) -> dict[str, Any]:
    # The declared length is what Django reads at most.
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        raise InputTooLarge(
            _("This is longer than a demo takes: %(max)d characters. Send less.") % {"max": MAX_INPUT}, field="inputs"
        )
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Invalid(_("The request cannot be read. Load the page again.")) from error
    if not isinstance(given, dict) or UNSTORABLE.search(texts_in(given)):
        raise Invalid(_("The text holds characters that no text may have. Type it anew."), field="inputs")
    return given


def _task(given: Any) -> Task:
    try:
        return Task(given)
    except ValueError as error:
        raise Invalid(_("There is no such task. Load the page again."), field="task") from error


def _asker(request: HttpRequest) -> Asker:
    """Return who asks; a visitor gets a name, which their session keeps."""
    if isinstance(request.user, User):
        return Asker(request.user)
    if VISITOR not in request.session:
        request.session[VISITOR] = visitor_name(callers.address_of(request))
    return Asker(None, request.session[VISITOR])


def _asker_now(request: HttpRequest) -> Asker:
    return Asker(request.user if isinstance(request.user, User) else None)
