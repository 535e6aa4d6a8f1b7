"""Starting and stopping demos. What can be refused without a worker is refused here, before anything is queued."""

import hashlib
import ipaddress
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core import locks
from hub.inference.errors import (
    BadInput,
    DemoNeedsSignIn,
    DemosOff,
    InputTooLarge,
    ModelBusy,
    TaskNotOffered,
    TooManyDemos,
)
from hub.inference.offers import Offer, offer_of
from hub.jobs import broker
from hub.jobs.errors import JobFinished, NoWorker
from hub.jobs.failures import refusal
from hub.jobs.models import UNFINISHED, Job, Worker
from hub.jobs.presence import WorkerState, worker_state
from hub.jobs.services import Asker, cancel_job, submit_job
from hub.repos.models import GitCommit, Repository
from workers.contracts import (
    Failure,
    FailureCode,
    GenerationSpec,
    JobKind,
    Sampling,
    Snapshot,
    StreamEvent,
    Task,
    WorkerKind,
)

MAX_INPUT = 200_000  # characters of a text, or of all messages
MAX_MESSAGES = 500
ROLES = ("system", "user", "assistant")
RETRY_SECONDS = 5
# What an operator, or an installation, has to bring takes minutes.
INSTALLING_RETRY_SECONDS = ABSENT_RETRY_SECONDS = 60
_VISITOR_HASH = 16  # hex digits of a visitor's name that stand for the address


def visitor_name(address: str) -> str:
    """Return a new name for a visitor; visitors of one address (IPv6: of one network) are counted together."""
    return f"{_address_hash(address)}-{secrets.token_hex(16)}"


@transaction.atomic
def start_demo(
    *,
    asker: Asker,
    repo: Repository,
    commit: GitCommit,
    task: Task,
    inputs: Any,
    sampling: Sampling | None = None,
    top_k: int | None = None,
    pieces: bool = True,
) -> Job:
    """Queue a request to a model at a commit. The caller has loaded `repo` with get_repo_for_content.

    inputs: a text, or for a chat the messages `[{"role", "content"}]`. pieces: whether anybody reads the text as it comes.
    Raises DemosOff, DemoNeedsSignIn, BadInput,
    InputTooLarge, TaskNotOffered, `JobRefused` for a model that no worker here can load, TooManyDemos, ModelBusy, NoWorker.
    """
    check_open(asker)
    offer = offer_of(repo, commit)
    _check_inputs(task, inputs)
    check_offer(offer, task)
    workers = list(Worker.objects.live().filter(kind=WorkerKind.DEMO))
    check_memory(offer, workers)
    if not workers:
        raise no_worker()
    _take_turn(asker, repo)
    # Where the model stands ready, it need not be loaded again.
    ready = [worker.name for worker in workers if [repo.full_name, commit.oid] in worker.loaded]
    deadline = timezone.now() + timedelta(seconds=settings.DEMO_SECONDS)
    spec = GenerationSpec(
        model=Snapshot(repo.kind, repo.full_name, commit.oid),
        task=task,
        inputs=inputs,
        deadline=deadline.timestamp(),
        sampling=sampling,
        top_k=top_k,
        pieces=pieces,
    )
    return submit_job(
        asker=asker,
        kind=JobKind.INFERENCE,
        queue=WorkerKind.DEMO,
        spec=spec.to_json(),
        repositories=[repo],
        seconds=settings.DEMO_SECONDS,
        max_attempts=1,
        deadline=deadline,
        prefer=ready[0] if ready else "",
    )


def stop_demo(*, job: Job) -> None:
    """Stop a demo that nobody wants any more; one that has ended stays as it is. The caller has checked who asks."""
    try:
        cancel_job(job=job)
    except JobFinished:
        return
    event = {"type": StreamEvent.DONE, "finish": ["cancelled"]}
    transaction.on_commit(lambda: broker.end_stream(str(job.pk), event))


# --- what is refused ----------------------------------------------------------------------------------------------------


def check_open(asker: Asker) -> None:
    """Raise DemosOff, DemoNeedsSignIn where the asker may run no demo on this hub."""
    if settings.DEMOS == "off":
        raise DemosOff(_("This hub runs no demos. Download the model and run it yourself."))
    if settings.DEMOS == "users" and asker.user is None:
        raise DemoNeedsSignIn(_("On this hub, demos are for people with an account. Sign in to run one."))


def check_offer(offer: Offer, task: Task | None = None) -> None:
    """Raise TaskNotOffered, JobRefused where no worker could ever do the task (None: any task) with this model."""
    if offer.adapter:
        raise TaskNotOffered(
            _(
                "This is an adapter, and demos run whole models. Try its base model, or merge the two and upload the result."
            )
        )
    if not offer.tasks and offer.remote_code:
        raise refusal(Failure(FailureCode.REMOTE_CODE))
    if not offer.tasks:
        what = offer.architecture or offer.stated
        raise TaskNotOffered(
            _("Demos run text generation, chat, text classification and mask filling, and this model does “%(what)s”.")
            % {"what": what}
            if what
            else _(
                "Nothing says what this model does. Its owner can upload its config.json, and name its task in the card."
            )
        )
    if task == Task.CHAT and not offer.chats and Task.TEXT_GENERATION in offer.tasks:
        raise refusal(Failure(FailureCode.NO_CHAT_TEMPLATE))
    if task is not None and task not in offer.tasks:
        raise TaskNotOffered(
            _("This model does not do “%(task)s”. What it does: %(tasks)s.")
            % {"task": task, "tasks": ", ".join(offer.tasks)}
        )
    if not offer.weights:
        if offer.other_weights:
            raise refusal(Failure(FailureCode.NO_SAFETENSORS))
        raise TaskNotOffered(_("This model has no weights yet. Its owner can upload model.safetensors."))


def check_memory(offer: Offer, workers: list[Worker]) -> None:
    """Raise JobRefused where the weights alone are more than every one of the workers has memory for."""
    sizes = [worker.about.get("memory") for worker in workers]
    known = [size for size in sizes if isinstance(size, int)]
    if known and len(known) == len(sizes) and offer.weights > max(known):
        raise refusal(Failure(FailureCode.TOO_LARGE, {"needed": offer.weights, "available": max(known)}))


def no_worker() -> NoWorker:
    """Return the refusal for the time when no demo worker is here."""
    match worker_state(WorkerKind.DEMO):
        case WorkerState.INSTALLING:
            return NoWorker(
                _(
                    "The hub is still installing what runs models. This takes some minutes after the first start; "
                    "try again then."
                ),
                retry_after=INSTALLING_RETRY_SECONDS,
            )
        case WorkerState.STARTING:
            return NoWorker(
                _("The worker that runs models is just starting. Try again in a few seconds."),
                retry_after=RETRY_SECONDS,
            )
        case _:
            return NoWorker(
                _(
                    "No worker that runs models is here at the moment. Try again later; the hub's operator can start one."
                ),
                retry_after=ABSENT_RETRY_SECONDS,
            )


def _check_inputs(task: Task, inputs: Any) -> None:
    if task != Task.CHAT:
        _check_text(inputs)
        if not inputs.strip():
            raise BadInput(_("There is nothing to work on. Write a text."), field="inputs")
        return
    if not isinstance(inputs, list) or not inputs:
        raise BadInput(_("A chat takes a list of messages, and this is none. Write a message."), field="messages")
    if len(inputs) > MAX_MESSAGES:
        raise InputTooLarge(
            _("A chat has at most %(max)d messages. Begin a new one.") % {"max": MAX_MESSAGES}, field="messages"
        )
    for message in inputs:
        fits = isinstance(message, dict) and message.keys() == {"role", "content"} and message["role"] in ROLES
        if not fits or not isinstance(message["content"], str):
            raise BadInput(
                _("Each message has a role (%(roles)s) and a text as its content.") % {"roles": ", ".join(ROLES)},
                field="messages",
            )
    if not inputs[-1]["content"].strip():
        raise BadInput(_("The last message is empty. Write something."), field="messages")
    _check_text("".join(message["content"] for message in inputs), field="messages")


def _check_text(text: Any, field: str = "inputs") -> None:
    if not isinstance(text, str):
        raise BadInput(_("A demo takes one text, and this is none."), field=field)
    if len(text) > MAX_INPUT:
        raise InputTooLarge(
            _("This has %(length)d characters, and a demo takes %(max)d. Send less.")
            % {"length": len(text), "max": MAX_INPUT},
            field=field,
        )


def _take_turn(asker: Asker, repo: Repository) -> None:
    """Raise TooManyDemos, ModelBusy where a limit is reached. Locks count one request after the other until it is queued."""
    if isinstance(asker.user, User):
        limit, mine, name = settings.DEMO_CONCURRENCY, Q(user=asker.user), f"user {asker.user.pk}"
    else:
        address = asker.visitor[:_VISITOR_HASH]
        limit, mine, name = settings.DEMO_VISITOR_CONCURRENCY, Q(visitor__startswith=f"{address}-"), address
    # Always in this order, so that nobody waits for who waits for them. They end with the transaction.
    locks.lock(f"demos of {name}")
    locks.lock(f"demos of model {repo.pk}")
    counted = Job.objects.filter(kind=JobKind.INFERENCE, state__in=UNFINISHED).aggregate(
        mine=Count("pk", filter=mine, distinct=True),
        of_model=Count("pk", filter=Q(repositories=repo), distinct=True),
    )
    if counted["mine"] >= limit:
        raise TooManyDemos(
            _("You have %(limit)d demos running, which is as many as one may have at once. Wait for one, or stop one.")
            % {"limit": limit},
            retry_after=RETRY_SECONDS,
        )
    if counted["of_model"] >= settings.DEMO_QUEUE:
        raise ModelBusy(
            _("%(waiting)d requests wait for this model already. Try again in a few seconds.")
            % {"waiting": settings.DEMO_QUEUE},
            retry_after=RETRY_SECONDS,
        )


def _address_hash(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        network = address
    else:
        network = str(ipaddress.ip_network((parsed, 64 if parsed.version == 6 else 32), strict=False))
    return hashlib.sha256(f"{settings.SECRET_KEY}:{network}".encode()).hexdigest()[:_VISITOR_HASH]
