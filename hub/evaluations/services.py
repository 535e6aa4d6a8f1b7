"""Starting and cancelling evaluations, and keeping what they measure."""

from django.conf import settings as site
from django.db import transaction
from django.utils.translation import gettext as _

from hub.accounts.models import Someone, User
from hub.community.activities import note
from hub.community.models import ActivityKind
from hub.core import locks
from hub.core.models import record
from hub.evaluations.errors import AlreadyEvaluated, KeyReused, TooManyEvaluations
from hub.evaluations.models import GROUP, Result, Run
from hub.evaluations.permissions import check_may_cancel
from hub.evaluations.plans import Settings, check_dataset, check_model, settle
from hub.jobs.models import Job
from hub.jobs.services import Asker, cancel_job, submit_job
from hub.repos.git.files import resolve_revision
from hub.repos.models import Repository
from hub.repos.permissions import check_may_act, check_may_fetch
from workers.contracts import EvaluationSpec, JobKind, Snapshot, WorkerKind

MAX_KEY = 100  # characters of an idempotency key
RETRY_SECONDS = 60
USUAL = Settings()


@transaction.atomic
def submit_evaluation(
    *,
    user: Someone,
    model: Repository,
    dataset: Repository,
    asked: Settings = USUAL,
    revision: str = "main",
    dataset_revision: str = "main",
    key: str = "",
    again: bool = False,
) -> Run:
    """Queue a measurement; with a `key` that this user has used before, return the one of that time.

    The caller has loaded both repositories with get_repo_for_read; whoever is signed in and may fetch the files of both may
    start one. revision: the model's; dataset_revision: the dataset's; both become the commits that they mean now. again:
    even if the same commits have been measured with the same settings. Raises WriteNeedsSignIn, ReadOnlyToken, GatedRepo,
    RevisionNotFound, BadSettings, NotEvaluable, JobRefused, AlreadyEvaluated, KeyReused, TooManyEvaluations.
    """
    check_may_act(user)
    assert isinstance(user, User)
    for repo in (model, dataset):
        check_may_fetch(user, repo)
    model_commit = resolve_revision(model, revision)
    dataset_commit = resolve_revision(dataset, dataset_revision)
    settled = settle(asked, check_model(model, model_commit), check_dataset(dataset, dataset_commit))
    run = Run(
        model=model,
        model_revision=revision,
        model_commit=model_commit.oid,
        dataset=dataset,
        dataset_revision=dataset_revision,
        dataset_commit=dataset_commit.oid,
        user=user,
        **settled.to_json(),
    )
    # One at a time, so that two requests at once are not both the last that fits.
    locks.lock("evaluations")
    if key and (before := Run.objects.with_names().filter(user=user, job__key=_job_key(key)).first()):
        return _checked_repeat(before, run)
    if not again:
        _check_new(user, run)
    _check_limits(user)
    spec = EvaluationSpec(
        model=Snapshot(model.kind, model.full_name, run.model_commit),
        dataset=Snapshot(dataset.kind, dataset.full_name, run.dataset_commit),
        **settled.to_json(),
    )
    run.job = submit_job(
        asker=Asker(user),
        kind=JobKind.EVALUATION,
        queue=WorkerKind.JOB,
        spec=spec.to_json(),
        repositories=[model, dataset],
        seconds=site.EVALUATION_SECONDS,
        key=_job_key(key),
    )
    run.save()
    record(
        actor=user,
        verb="evaluation.submit",
        target=f"evaluation:{run.pk}",
        model=model.full_name,
        dataset=dataset.full_name,
    )
    return run


def cancel_evaluation(*, run: Run, actor: Someone) -> None:
    """Stop a measurement that waits or runs. Raises WriteNeedsSignIn, ReadOnlyToken, NotYourEvaluation, JobFinished."""
    check_may_cancel(actor, run)
    with transaction.atomic():
        cancel_job(job=run.job)
        record(actor=actor, verb="evaluation.cancel", target=f"evaluation:{run.pk}")
    run.job.refresh_from_db()


def keep_result(*, job: Job) -> None:
    """Store what a finished job measured. Called in the transaction that ends the job, so there is one result or none."""
    run = Run.objects.select_related("user", "model", "dataset__namespace").filter(job=job).first()
    if run is None:
        return  # A repository was deleted meanwhile, and its evaluations with it.
    seen = {
        "evaluation": run.pk,
        "started_by": run.user.username if run.user else None,
        "submitted_at": run.created_at.isoformat(timespec="seconds"),
        "started_at": job.started_at.isoformat(timespec="seconds") if job.started_at else None,
        "finished_at": job.finished_at.isoformat(timespec="seconds") if job.finished_at else None,
    }
    measured = job.result or {}
    result = Result.objects.create(run=run, metrics=measured["metrics"], record=measured["record"] | seen)
    note(
        ActivityKind.RESULT,
        actor=run.user,
        repository=run.model,
        run=run.pk,
        dataset=run.dataset_id,
        benchmark=run.dataset.full_name,
        score=result.metrics["bits_per_byte"],
    )


def _job_key(key: str) -> str:
    """Keys of evaluations are apart from those of other jobs."""
    return f"evaluation:{key}" if key else ""


def _checked_repeat(before: Run, wanted: Run) -> Run:
    same = all(getattr(before, name) == getattr(wanted, name) for name in ("model_id", "dataset_id", *GROUP, "seed"))
    if not same:
        raise KeyReused(_("This key was used for another evaluation. Take a new one for each request."))
    return before


def _check_new(user: User, wanted: Run) -> None:
    """Raise AlreadyEvaluated where the same has been measured, or is being measured."""
    alike = Run.objects.visible_to(user).with_names().like(wanted)
    if there := alike.done().newest_first().first():
        raise AlreadyEvaluated(
            _("The same commits have been measured with the same settings: the result is there. You can run it again."),
            run=there,
        )
    if there := alike.unfinished().newest_first().first():
        raise AlreadyEvaluated(
            _("The same commits are being measured with the same settings just now. You can start another one."),
            run=there,
        )


def _check_limits(user: User) -> None:
    """Raise TooManyEvaluations where a limit is reached."""
    unfinished = Run.objects.unfinished()
    if unfinished.filter(user=user).count() >= site.EVALUATIONS_PER_USER:
        raise TooManyEvaluations(
            _(
                "You have %(limit)d evaluations waiting or running, which is as many as one may have. "
                "Wait for one, or cancel one."
            )
            % {"limit": site.EVALUATIONS_PER_USER},
            retry_after=RETRY_SECONDS,
        )
    if unfinished.count() >= site.EVALUATIONS_OPEN:
        raise TooManyEvaluations(
            _("%(limit)d evaluations wait or run already, which is all that this hub takes. Try again later.")
            % {"limit": site.EVALUATIONS_OPEN},
            retry_after=RETRY_SECONDS,
        )
