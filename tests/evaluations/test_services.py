"""Who may have what evaluated, with which settings, how often, and what becomes of the result."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings as SiteSettings

from hub.accounts.services import create_token
from hub.core.errors import HubError
from hub.evaluations import errors
from hub.evaluations.models import Result, Run
from hub.evaluations.permissions import get_named, get_run
from hub.evaluations.plans import MAX_SEED, MAX_TOKENS
from hub.evaluations.services import cancel_evaluation, submit_evaluation
from hub.evaluations.wording import failure_sentence
from hub.jobs import services as jobs
from hub.jobs.errors import JobFinished, JobGone
from hub.jobs.failures import JobRefused
from hub.jobs.models import Job, State
from hub.repos.errors import ReadOnlyToken, RevisionNotFound, WriteNeedsSignIn
from hub.repos.git.files import resolve_revision
from hub.repos.models import Kind, Visibility
from hub.repos.services import delete_repo
from tests.evaluations.making import claim, finish, make_dataset, make_model, make_run, measured
from tests.factories import make_organization, make_repo, make_user
from tests.web.repos import commit_files, owner
from workers.contracts import EvaluationSpec, Failure, FailureCode, JobKind

pytestmark = pytest.mark.django_db


def test_a_run_names_commits_and_settles_what_was_left_open() -> None:
    model, dataset, ada = make_model(), make_dataset(), make_user()
    run = make_run(ada, model, dataset)
    assert run.model_commit == resolve_revision(model, "main").oid
    assert run.dataset_commit == resolve_revision(dataset, "main").oid
    assert run.settings == {
        "config": "", "split": "test", "column": "text", "context": 512, "stride": 256, "max_tokens": 262_144, "seed": 0,
    }  # fmt: skip
    job = run.job
    assert (job.kind, job.queue, job.user, job.state) == (JobKind.EVALUATION, "job", ada, State.QUEUED)
    assert set(job.repositories.all()) == {model, dataset}
    spec = EvaluationSpec.from_json(job.spec)
    assert (spec.model.commit, spec.dataset.name, spec.context) == (run.model_commit, dataset.full_name, 512)


@pytest.mark.parametrize(
    ("files", "split"),
    [
        ({"a.txt": "x"}, "train"),
        ({"data/validation-0001.txt": "x", "data/train.txt": "x"}, "validation"),
        ({"contest.csv": "x"}, "train"),
        (
            {"x.csv": "x", "README.md": "---\nconfigs:\n- data_files:\n  - split: held_out\n    path: x.csv\n---\n"},
            "held_out",
        ),
    ],
)
def test_the_usual_split_is_what_the_dataset_says_of_itself(files: dict[str, str], split: str) -> None:
    assert make_run(dataset=make_dataset(**files)).split == split


def test_a_model_without_a_stated_length_gets_the_usual_context() -> None:
    run = make_run(model=make_model(n_positions=None))
    assert (run.context, run.stride) == (1024, 512)
    assert make_run(model=make_model(n_positions=100_000)).context == 1024


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"context": 513}, "context"),
        ({"context": 1}, "context"),
        ({"context": -4}, "context"),
        ({"context": 64, "stride": 65}, "stride"),
        ({"stride": -1}, "stride"),
        ({"stride": 1, "max_tokens": 100_000}, "stride"),
        ({"max_tokens": 3}, "max_tokens"),
        ({"max_tokens": MAX_TOKENS + 1}, "max_tokens"),
        ({"seed": MAX_SEED + 1}, "seed"),
        ({"split": "test[:10]"}, "split"),
        ({"split": "x" * 101}, "split"),
        ({"column": ""}, "column"),
        ({"column": "a\0b"}, "column"),
        ({"config": "a/b"}, "config"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(errors.BadSettings) as refused:
        make_run(**asked)
    assert refused.value.field == field
    assert not Job.objects.exists()


def test_what_no_worker_could_measure_is_refused_at_once() -> None:
    bare = make_repo()
    adapter = make_repo()
    commit_files(adapter, {"adapter_config.json": "{}", "adapter_model.safetensors": b"x"})
    nameless = make_repo()
    commit_files(nameless, {"model.safetensors": b"x"})
    broken = make_model()
    commit_files(broken, {"config.json": "[1"})
    cases: list[tuple[Any, Any, type[HubError]]] = [
        (bare, make_dataset(), JobRefused),
        (adapter, make_dataset(), errors.NotEvaluable),
        (nameless, make_dataset(), errors.NotEvaluable),
        (broken, make_dataset(), errors.NotEvaluable),
        (make_model(architectures=["BertForMaskedLM"]), make_dataset(), errors.NotEvaluable),
        (make_model(), make_dataset(**{"picture.png": "x"}), errors.NotEvaluable),
    ]
    for model, dataset, error in cases:
        with pytest.raises(error) as refused:
            make_run(model=model, dataset=dataset)
        assert refused.value.status == 422
    with pytest.raises(RevisionNotFound):
        submit_evaluation(user=make_user(), model=make_model(), dataset=make_dataset(), revision="absent")


def test_who_may_start_one() -> None:
    model, dataset = make_model(), make_dataset()
    with pytest.raises(WriteNeedsSignIn):
        submit_evaluation(user=AnonymousUser(), model=model, dataset=dataset)
    reader = make_user()
    assert submit_evaluation(user=reader, model=model, dataset=dataset).user == reader
    reader.acting_token = create_token(user=reader, name="r", scope="read")[0]
    with pytest.raises(ReadOnlyToken):
        submit_evaluation(user=reader, model=model, dataset=dataset, again=True)


def test_the_limits_are_stated_and_kept(settings: SiteSettings) -> None:
    ada, model, dataset = make_user(), make_model(), make_dataset()
    runs = [make_run(ada, model, dataset, stride=n) for n in (100, 101)]
    with pytest.raises(errors.TooManyEvaluations) as refused:
        make_run(ada, model, dataset, stride=102)
    assert (refused.value.status, "2" in refused.value.message) == (429, True)
    finish(runs[0])
    make_run(ada, model, dataset, stride=102)
    settings.EVALUATIONS_OPEN = 2
    with pytest.raises(errors.TooManyEvaluations, match="all that this hub takes"):
        make_run(make_user(), model, dataset, stride=103)


def test_the_same_again_is_said_and_can_be_had() -> None:
    model, dataset = make_model(), make_dataset()
    first = make_run(None, model, dataset)
    with pytest.raises(errors.AlreadyEvaluated, match="just now") as refused:
        make_run(None, model, dataset)
    assert refused.value.run == first
    finish(first)
    with pytest.raises(errors.AlreadyEvaluated, match="result is there"):
        make_run(None, model, dataset)
    assert make_run(None, model, dataset, again=True) != first
    commit_files(model, {"README.md": "# Newer"})
    assert make_run(None, model, dataset).model_commit != first.model_commit


def test_a_key_makes_one_run_of_many_requests() -> None:
    ada, model, dataset = make_user(), make_model(), make_dataset()
    one = submit_evaluation(user=ada, model=model, dataset=dataset, key="k")
    assert submit_evaluation(user=ada, model=model, dataset=dataset, key="k") == one
    assert submit_evaluation(user=make_user(), model=model, dataset=dataset, key="k", again=True) != one
    with pytest.raises(errors.KeyReused):
        submit_evaluation(user=ada, model=model, dataset=make_dataset(), key="k")
    assert Job.objects.count() == 2


def test_who_sees_a_run_and_its_result() -> None:
    ada, bob = make_user(), make_user()
    secret_model = make_model(ada, visibility=Visibility.PRIVATE)
    secret_data = make_dataset(bob, visibility=Visibility.PRIVATE)
    of_ada = finish(make_run(ada, secret_model, make_dataset()))
    of_bob = finish(make_run(bob, make_model(), secret_data))
    open_run = finish(make_run())
    seen = {user: set(Run.objects.visible_to(user).done()) for user in (ada, bob)}
    assert seen == {ada: {of_ada, open_run}, bob: {of_bob, open_run}}
    for user, hidden in ((ada, of_bob), (bob, of_ada)):
        with pytest.raises(errors.EvaluationNotFound):
            get_run(user, hidden.pk)
    with pytest.raises(errors.EvaluationNotFound):
        get_run(ada, 2**70)
    with pytest.raises(errors.BadSettings) as refused:
        get_named(ada, Kind.DATASET, secret_data.full_name)
    assert refused.value.field == "dataset"


def test_who_may_cancel() -> None:
    ada, writer, member, stranger = (make_user() for _ in range(4))
    organization = make_organization(make_user(), write=writer, read=member)
    model = make_repo(organization.namespace.organization.memberships.get(role="admin").user, organization=organization)
    commit_files(model, {"config.json": "{}", "model.safetensors": b"x"})
    for actor, may in ((stranger, False), (member, False), (writer, True), (ada, True), (make_user(admin=True), True)):
        run = make_run(ada, model, make_dataset())
        if may:
            cancel_evaluation(run=run, actor=actor)
            assert run.job.state == State.CANCELLED
            with pytest.raises(JobFinished):
                cancel_evaluation(run=run, actor=actor)
        else:
            with pytest.raises(errors.NotYourEvaluation):
                cancel_evaluation(run=run, actor=actor)
            jobs.cancel_job(job=run.job)
    assert not Result.objects.exists()


def test_a_result_is_kept_with_what_the_hub_knows() -> None:
    ada = make_user()
    run = finish(make_run(ada), 1.25)
    assert (run.job.state, run.result.metrics["bits_per_byte"]) == (State.DONE, 1.25)
    record = run.result.record
    assert (record["evaluation"], record["started_by"], record["definition"]) == (run.pk, ada.username, "perplexity-1")
    assert record["started_at"] <= record["finished_at"]


def test_a_lost_worker_leads_to_one_result() -> None:
    run = make_run()
    first = claim(run)
    Job.objects.filter(pk=run.job_id).update(lease_until=timezone.now() - timezone.timedelta(seconds=1))
    jobs.reap()
    run = finish(run, 1.75)
    with pytest.raises(JobGone):
        jobs.finish_job(worker=first, job_id=str(run.job_id), attempt=1, result=measured(9.0))
    assert [result.metrics["bits_per_byte"] for result in Result.objects.all()] == [1.75]
    assert run.job.attempt == 2


def test_failed_and_deleted_runs_have_no_result() -> None:
    run = finish(make_run(), failure=Failure(FailureCode.REMOTE_CODE))
    assert (run.job.state, Result.objects.count()) == (State.FAILED, 0)
    gone = make_run()
    worker = claim(gone)
    delete_repo(repo=gone.model, actor=owner(gone.model))
    jobs.finish_job(worker=worker, job_id=str(gone.job_id), attempt=1, result=measured())
    assert not Result.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_finish_at_once_leave_one_result() -> None:
    run = make_run()
    worker = claim(run)

    def end(bits: float) -> str:
        try:
            jobs.finish_job(worker=worker, job_id=str(run.job_id), attempt=1, result=measured(bits))
        except JobGone:
            return "gone"
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(end, range(1, 9)))
    assert sorted(ends) == ["done"] + ["gone"] * 7
    assert Result.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_only_as_many_start_as_may() -> None:
    ada, model, dataset = make_user(), make_model(), make_dataset()

    def start(stride: int) -> str:
        try:
            make_run(ada, model, dataset, stride=stride)
        except errors.TooManyEvaluations:
            return "refused"
        finally:
            connection.close()
        return "started"

    with ThreadPoolExecutor(6) as pool:
        ends = list(pool.map(start, range(100, 106)))
    assert sorted(ends) == ["refused"] * 4 + ["started"] * 2


def test_the_sentence_tells_what_the_dataset_has_instead() -> None:
    failure = Failure(FailureCode.BAD_DATASET, {"problem": "no-split", "wanted": "dev", "there": ["test", "train"]})
    assert failure_sentence(failure) == "The dataset has no split “dev”. It has: test, train."
    for problem in ("no-column", "no-config", "not-text", "empty", "unreadable"):
        params = {"problem": problem, "wanted": "w", "there": ["a"], "detail": "why"}
        assert failure_sentence(Failure(FailureCode.BAD_DATASET, params)).endswith((".", "why"))
