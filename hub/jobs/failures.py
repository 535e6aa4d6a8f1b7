"""The sentence for every way in which a job can fail, the line about its next attempt, and the refusal that an API raises.

Workers say a code and numbers; what people read is made here, in their language: what happened, then the way out.
"""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from hub.core.errors import HubError, TooMany, Unavailable
from hub.jobs.models import JobEvent
from workers.contracts import Failure, FailureCode

BUSY_SECONDS = 5
_LARGEST = 1e18
_STEPS = ("B", "kB", "MB", "GB", "TB")


class JobRefused(HubError):
    """The model, the data or the parameters are at fault: the same request fails again."""

    status = 422


class JobTimedOut(HubError):
    """It took longer than it may, or nobody was free in time."""

    status = 504


class JobBroke(HubError):
    """A fault of the hub or of a worker."""

    status = 500


class WorkersBusy(TooMany):
    """Everything that could do it is busy."""


class WorkerAway(Unavailable):
    """The worker, or the files that it needs, went away meanwhile."""


def refusal(failure: Failure) -> HubError:
    """Return the named error for a failure. Its code is the failure's own; `field` names the input at fault, if one is."""
    message = sentence(failure)
    field = str(failure.params.get("field", "")) if failure.code == FailureCode.BAD_PARAMETER else ""
    error: HubError
    match failure.code:
        case FailureCode.BUSY:
            error = WorkersBusy(message, retry_after=max(1, round(_number(failure, "retry_after") or BUSY_SECONDS)))
        case FailureCode.FILES_UNAVAILABLE | FailureCode.WORKER_LOST:
            error = WorkerAway(message)
        case FailureCode.TIMED_OUT:
            error = JobTimedOut(message)
        case FailureCode.INTERNAL:
            error = JobBroke(message)
        case _:
            error = JobRefused(message, field=field)
    error.code = str(failure.code)
    return error


def sentence(failure: Failure) -> str:
    """Return what people read about a failure, in the language that is active."""
    return _SENTENCES[failure.code](failure)


def line_of(event: JobEvent) -> str:
    """Return what people read of an event, in the language that is active; what a program logged stays as it is."""
    if event.kind == JobEvent.Kind.LOG:
        return event.text
    match event.text:
        case FailureCode.WORKER_LOST:
            return _("Queued again: the worker was lost.")
        case JobEvent.STOPPED:
            return _("Queued again: the worker was stopped.")
    return _("Queued again: the attempt failed (%(code)s).") % {"code": event.text}


def _number(failure: Failure, name: str) -> float:
    """Return a parameter as a number, 0 where it is none, or none that people could read."""
    value = failure.params.get(name)
    return float(value) if isinstance(value, int | float) and 0 <= value < _LARGEST else 0


def _bytes(failure: Failure, name: str) -> str:
    value, step = _number(failure, name), 0
    while value >= 1000 and step < len(_STEPS) - 1:
        value, step = value / 1000, step + 1
    return f"{value:.3g} {_STEPS[step]}"


def _said(failure: Failure, name: str = "detail") -> str:
    """Return a parameter as one short line: it may come from files that somebody uploaded."""
    return " ".join(str(failure.params.get(name, "")).split())[:300]


def _with_detail(message: str, failure: Failure) -> str:
    detail = _said(failure)
    return _("%(message)s The worker said: %(detail)s") % {"message": message, "detail": detail} if detail else message


def _too_large(failure: Failure) -> str:
    return _(
        "This model needs %(needed)s of memory and the largest worker has %(available)s. "
        "Use a smaller or quantized model, or ask the hub's operator for a larger worker."
    ) % {"needed": _bytes(failure, "needed"), "available": _bytes(failure, "available")}


def _unsupported(failure: Failure) -> str:
    return _(
        "Workers of this hub cannot run the architecture “%(architecture)s”. "
        "It takes one that the transformers library knows by itself."
    ) % {"architecture": _said(failure, "architecture")[:100] or "?"}


def _no_mask(failure: Failure) -> str:
    return _("The text has no gap to fill. Put %(mask)s where a word is missing.") % {
        "mask": _said(failure, "mask")[:40] or "[MASK]"
    }


def _too_long(failure: Failure) -> str:
    return _(
        "The prompt has %(tokens)d tokens and %(wanted)d more are asked for; this model takes %(context)d in all. "
        "Shorten the prompt, or ask for fewer new tokens."
    ) % {name: int(_number(failure, name)) for name in ("tokens", "wanted", "context")}


def _bad_parameter(failure: Failure) -> str:
    return _with_detail(
        _("The parameter “%(field)s” cannot be used like this.") % {"field": _said(failure, "field")}, failure
    )


def _timed_out(failure: Failure) -> str:
    return _("This took longer than %(seconds)d seconds, so it was stopped. Ask for less, or try again later.") % {
        "seconds": int(_number(failure, "seconds"))
    }


_SENTENCES: dict[FailureCode, Callable[[Failure], Any]] = {
    FailureCode.NO_SAFETENSORS: lambda f: _(
        "This model has no weights in safetensors format, and workers load no other. "
        "Convert the weights to safetensors and upload them."
    ),
    FailureCode.REMOTE_CODE: lambda f: _(
        "This model needs code from its own repository, and workers run no uploaded code. "
        "Use a model whose architecture the transformers library has itself."
    ),
    FailureCode.TOO_LARGE: _too_large,
    FailureCode.UNSUPPORTED_ARCHITECTURE: _unsupported,
    FailureCode.BROKEN_MODEL: lambda f: _with_detail(
        _("This model cannot be run as it is. Its owner can check config.json and the weights."), f
    ),
    FailureCode.BROKEN_TOKENIZER: lambda f: _with_detail(
        _("The model's tokenizer cannot be loaded. Its owner can check tokenizer.json and tokenizer_config.json."), f
    ),
    FailureCode.NO_CHAT_TEMPLATE: lambda f: _(
        "This model has no chat template, so it cannot take messages. Send it a plain prompt."
    ),
    FailureCode.BAD_CHAT_TEMPLATE: lambda f: _with_detail(_("The model's chat template refuses these messages."), f),
    FailureCode.NO_MASK: _no_mask,
    FailureCode.PROMPT_TOO_LONG: _too_long,
    FailureCode.BAD_PARAMETER: _bad_parameter,
    FailureCode.BAD_DATASET: lambda f: _with_detail(
        _("The dataset cannot be used like this. Check its configuration, split and column."), f
    ),
    FailureCode.BUSY: lambda f: _("Too many are waiting for this model. Try again in a few seconds."),
    FailureCode.FILES_UNAVAILABLE: lambda f: _with_detail(
        _("A worker could not get the files from this hub. Try again in a minute."), f
    ),
    FailureCode.WORKER_LOST: lambda f: _("What worked on this was lost. Try again."),
    FailureCode.TIMED_OUT: _timed_out,
    FailureCode.INTERNAL: lambda f: _with_detail(
        _("Something went wrong in a worker. Try again; if it comes back, tell the hub's operator."), f
    ),
}
