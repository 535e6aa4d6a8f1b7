"""Evaluations of a model: what was measured, starting a measurement, and the page of one."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import Someone
from hub.catalog.models import SearchRow
from hub.core.errors import HubError, NotFound
from hub.core.text import whole_number
from hub.evaluations.errors import AlreadyEvaluated
from hub.evaluations.models import Run
from hub.evaluations.permissions import get_named, get_run, may_cancel
from hub.evaluations.plans import check_model
from hub.evaluations.services import cancel_evaluation, submit_evaluation
from hub.evaluations.wording import failure_sentence
from hub.jobs.failures import line_of
from hub.jobs.models import JobEvent, State
from hub.jobs.presence import WorkerState, worker_state
from hub.jobs.services import place_in_queue
from hub.repos.git.files import resolve_revision
from hub.repos.models import Kind, Repository
from hub.web.forms import explain
from hub.web.forms.evaluations import EvaluationForm
from hub.web.pages.repo_head import DEFAULT_BRANCH, for_posters, for_readers, repo_page
from hub.web.paging import page_number
from workers.contracts import Stage, WorkerKind

PER_PAGE = 30
MAX_UNFINISHED = 20
MAX_WITHOUT_RESULT = 5
MAX_SUGGESTIONS = 12
MAX_LINES = 2000
STEPS = ("queued", Stage.FETCHING, Stage.LOADING, Stage.RUNNING, "done")


@dataclass(frozen=True)
class Progress:
    """How far an unfinished evaluation is. step: of STEPS; share: of the windows or bytes, in per cent, where it is known."""

    step: int
    said: str
    share: int | None = None


@for_readers
@require_http_methods(["GET", "HEAD", "POST"])
def evaluations(request: HttpRequest, repo: Repository) -> HttpResponse:
    """What was measured of a model (`?dataset=` on one dataset), and the form that starts a measurement."""
    chosen = request.GET.get("dataset", "")
    form = EvaluationForm(request.POST if request.method == "POST" else None, initial={"dataset": chosen})
    there, status = None, 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                # Else the browser would take the form's own place in the page along.
                return redirect(f"{_submit(request, repo, form).get_absolute_url()}#main")
            except AlreadyEvaluated as error:
                there, status = error, error.status
            except HubError as error:
                if error.status == 401:
                    raise
                explain(form, error)
                status = error.status
    runs = Run.objects.visible_to(request.user).filter(model=repo).with_names().newest_first()
    if chosen:
        runs = runs.filter(dataset=get_named(request.user, Kind.DATASET, chosen))
    page = page_number(request)
    start = (page - 1) * PER_PAGE
    done = list(runs.done()[start : start + PER_PAGE + 1])
    if page > 1 and not done:
        raise NotFound(_("There is no such list of evaluations."))
    return repo_page(
        request,
        "web/evaluations/list.html",
        repo,
        tab="evaluations",
        status=status,
        head=resolve_revision(repo, DEFAULT_BRANCH).oid,
        unfinished=[(run, progress_of(run)) for run in runs.unfinished()[:MAX_UNFINISHED]],
        runs=done[:PER_PAGE],
        without=[(run, end_of(run)) for run in _without_result(runs)] if page == 1 else [],
        chosen=chosen,
        form=form,
        there=there,
        previous=_page(chosen, page - 1) if page > 1 else "",
        next=_page(chosen, page + 1) if len(done) > PER_PAGE else "",
        known=suggestions(request.user, ""),
        problem="" if done or form.is_bound else _problem_of(repo),
    )


def _problem_of(repo: Repository) -> str:
    """Return why the head of `main` cannot be evaluated, or ""."""
    try:
        check_model(repo, resolve_revision(repo, DEFAULT_BRANCH))
    except HubError as refused:
        return refused.message
    return ""


def _without_result(runs: Any) -> Any:
    return runs.filter(job__state__in=[State.FAILED, State.CANCELLED])[:MAX_WITHOUT_RESULT]


def _page(chosen: str, page: int) -> str:
    return "?" + urlencode(([("dataset", chosen)] if chosen else []) + [("page", str(page))])


def _submit(request: HttpRequest, repo: Repository, form: EvaluationForm) -> Run:
    given = form.cleaned_data
    return submit_evaluation(
        user=request.user,
        model=repo,
        dataset=get_named(request.user, Kind.DATASET, given["dataset"]),
        asked=form.asked(),
        revision=given["revision"],
        dataset_revision=given["dataset_revision"],
        again=bool(request.POST.get("again")),
    )


@for_readers
@require_safe
def datasets(request: HttpRequest, repo: Repository) -> HttpResponse:
    """Names of datasets for what somebody types into the form: `?q=`."""
    return JsonResponse({"names": suggestions(request.user, request.GET.get("q", "")[:100])})


def suggestions(user: Someone, typed: str) -> list[str]:
    """Return names of datasets that hold `typed`, the most used first."""
    rows = SearchRow.objects.visible_to(user).filter(
        kind=Kind.DATASET, name__contains=typed.strip().lower().replace("\0", "")
    )
    found = rows.select_related("repository__namespace").defer("words", "card").order_by("-downloads", "-repository")
    return [row.repository.full_name for row in found[:MAX_SUGGESTIONS]]


# --- one evaluation -----------------------------------------------------------------------------------------------------


@for_readers
@require_safe
def evaluation(request: HttpRequest, repo: Repository, run_id: int) -> HttpResponse:
    """How far it is, what it logged, and in the end what came of it."""
    run = get_run(request.user, run_id, repo)
    result = getattr(run, "result", None)
    lines = _lines(run, 0)
    return repo_page(
        request,
        "web/evaluations/run.html",
        repo,
        tab="evaluations",
        run=run,
        result=result,
        receipt=_receipt(result.record) if result else [],
        progress=progress_of(run),
        end=end_of(run),
        steps=_steps(run),
        lines=lines,
        last_line=lines[-1][0].pk if lines else 0,
        may_cancel=not run.finished and may_cancel(request.user, run),
        model_is_current=run.model_commit == resolve_revision(repo, DEFAULT_BRANCH).oid,
        again=[(name, value) for name, value in _as_form(run).items() if value != ""],
    )


@for_readers
@require_safe
def live(request: HttpRequest, repo: Repository, run_id: int) -> HttpResponse:
    """What has changed on that page: its progress, and the lines after the event `?after=`."""
    run = get_run(request.user, run_id, repo)
    lines = _lines(run, whole_number(request.GET.get("after", "")) or 0)
    context = {"repo": repo, "run": run, "progress": progress_of(run), "steps": _steps(run), "lines": lines}
    return render(request, "web/evaluations/live.html", context)


@require_POST
@for_posters
def cancel(request: HttpRequest, repo: Repository, run_id: int) -> HttpResponse:
    """Cancel it. Raises NotYourEvaluation, JobFinished."""
    run = get_run(request.user, run_id, repo)
    cancel_evaluation(run=run, actor=request.user)
    messages.success(request, _("The evaluation is cancelled."))
    return redirect(run.get_absolute_url())


@for_readers
@require_safe
def record(request: HttpRequest, repo: Repository, run_id: int) -> HttpResponse:
    """The result with all that it depends on, as a file."""
    run = get_run(request.user, run_id, repo)
    result = getattr(run, "result", None)
    if result is None:
        raise NotFound(_("This evaluation has no result."))
    content = json.dumps({"metrics": result.metrics, "record": result.record}, indent=2, ensure_ascii=False)
    response = HttpResponse(content + "\n", content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="evaluation-{run.pk}.json"'
    return response


def _lines(run: Run, after: int) -> list[tuple[JobEvent, str]]:
    """Return the events after that id, each with its words."""
    events = JobEvent.objects.filter(job=run.job, pk__gt=after).order_by("pk")[:MAX_LINES]
    return [(event, line_of(event)) for event in events]


def progress_of(run: Run) -> Progress:
    """Return how far it is, in words."""
    job, told = run.job, run.job.progress
    if job.finished:
        return Progress(len(STEPS) - 1, job.get_state_display())
    if job.state == State.QUEUED:
        return Progress(0, _waiting(run))
    stage, done, total = told.get("stage"), told.get("done") or 0, told.get("total") or 0
    share = round(100 * done / total) if total else None
    if stage == Stage.RUNNING:
        said = _("%(done)d of %(total)d windows") % {"done": done, "total": total}
        if left := told.get("left"):
            said = _("%(windows)s, %(left)s left") % {"windows": said, "left": duration(left)}
        return Progress(3, said, share)
    if stage in (Stage.LOADING, Stage.STARTING):
        return Progress(2, _("Loading the model and the text"))
    return Progress(1, _("Fetching the files"), share)


def _waiting(run: Run) -> str:
    state = worker_state(WorkerKind.JOB)
    if state == WorkerState.PRESENT:
        place = place_in_queue(run.job)
        if place <= 1:
            return _("Next in line")
        return ngettext("%(count)d job is before this one", "%(count)d jobs are before this one", place - 1) % {
            "count": place - 1
        }
    if state == WorkerState.INSTALLING:
        return _("The hub is still installing what runs evaluations. It begins by itself, in some minutes.")
    if state == WorkerState.STARTING:
        return _("The worker is just starting. It begins by itself, in some seconds.")
    return _("No worker that runs evaluations is here at the moment. It begins by itself as soon as one is.")


def _steps(run: Run) -> list[tuple[str, str]]:
    """Return (label, "done" | "now" | "") of each step."""
    labels = (_("Queued"), _("Fetching"), _("Loading"), _("Running"), _("Done"))
    at = len(labels) if run.job.state == State.DONE else progress_of(run).step
    if run.finished and run.job.state != State.DONE:
        return [(label, "") for label in labels]
    return [(label, "done" if n < at else "now" if n == at else "") for n, label in enumerate(labels)]


def end_of(run: Run) -> str:
    """Return why there is no result, in words; empty where there is one, or may yet be."""
    if run.cancelled:
        return _("It was cancelled, so nothing was measured.")
    failed = run.job.failed_with
    return failure_sentence(failed) if failed else ""


def duration(seconds: float) -> str:
    """Return a length of time in words: 3 s, 2 min 5 s, 1 h 20 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return _("%(seconds)d s") % {"seconds": whole}
    if whole < 3600:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": whole // 60, "seconds": whole % 60}
    return _("%(hours)d h %(minutes)d min") % {"hours": whole // 3600, "minutes": whole % 3600 // 60}


def _as_form(run: Run) -> dict[str, Any]:
    """Return the fields that would ask for the same again, of what the revisions mean now."""
    names = ("split", "column", "context", "stride", "max_tokens", "config")
    fields = {name: getattr(run, name) for name in names}
    revisions = {"revision": run.model_revision, "dataset_revision": run.dataset_revision}
    return {"dataset": run.dataset.full_name, **fields, **revisions}


def _receipt(record: dict[str, Any]) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Return the record as headed lists of (name, value, whether it is an identifier)."""
    model, dataset = record.get("model", {}), record.get("dataset", {})
    weights = model.get("weights_sha256", {})
    versions = record.get("versions", {})
    parts = [
        (
            _("What was measured"),
            [
                (_("Model"), f"{model.get('name')} @ {model.get('commit')}", True),
                *((file, f"sha256 {sha256}", True) for file, sha256 in weights.items()),
                (_("Dataset"), f"{dataset.get('name')} @ {dataset.get('commit')}", True),
                (_("Text"), f"sha256 {record.get('text_sha256')}", True),
                (
                    _("All rows of the split"),
                    _("yes") if record.get("all_rows") else _("no, up to the limit of tokens"),
                    False,
                ),
            ],
        ),
        (
            _("How"),
            [
                (_("Definition"), f"{record.get('definition')}, sha256 {record.get('code_sha256')}", True),
                (_("Architecture"), str(record.get("architecture")), False),
                (_("Number format"), str(record.get("dtype")), False),
                (_("Attention"), str(record.get("attention")), False),
                (_("Windows at once"), str(record.get("batch_size")), False),
                (_("Seed"), str(record.get("seed")), False),
            ],
        ),
        (
            _("Where"),
            [
                (_("Worker"), str(record.get("worker")), True),
                (_("Hardware"), str(record.get("hardware")), False),
                (_("Confined by"), str(record.get("sandbox")), False),
                (_("Time to measure"), duration(record.get("seconds") or 0), False),
                (_("Time in all"), duration(record.get("seconds_in_all") or 0), False),
                (_("Attempt"), str(record.get("attempt")), False),
                *((name, str(version), False) for name, version in versions.items()),
                ("python", str(record.get("python")), False),
            ],
        ),
    ]
    return parts
