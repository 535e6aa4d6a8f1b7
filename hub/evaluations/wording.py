"""The sentence for a measurement that failed. Most are those of every job; what is wrong with a dataset is told closer."""

from typing import Any

from django.utils.translation import gettext as _

from hub.jobs import failures
from workers.contracts import Failure, FailureCode


def failure_sentence(failure: Failure) -> str:
    """Return what people read about a failure, in the language that is active: what happened, then the way out."""
    if failure.code != FailureCode.BAD_DATASET:
        return failures.sentence(failure)
    wanted, there = _short(failure.params.get("wanted")), _names(failure.params.get("there"))
    match failure.params.get("problem"):
        case "no-split" if there:
            return _("The dataset has no split “%(wanted)s”. It has: %(there)s.") % {"wanted": wanted, "there": there}
        case "no-column" if there:
            return _("The dataset has no column “%(wanted)s”. It has: %(there)s.") % {"wanted": wanted, "there": there}
        case "no-config":
            return _("The dataset has no configuration “%(wanted)s”. Look at its card for those that it has.") % {
                "wanted": wanted
            }
        case "not-text":
            return _("The column “%(wanted)s” holds something else than text. Choose one that holds text.") % {
                "wanted": wanted
            }
        case "empty":
            return _(
                "The text is too short to measure anything: it has fewer than two tokens. Choose another split or column."
            )
    return failures.sentence(failure)


def _short(value: Any) -> str:
    return " ".join(str(value or "").split())[:100]


def _names(value: Any) -> str:
    names = value if isinstance(value, list) else []
    return _(", ").join(_short(name) for name in names[:20])
