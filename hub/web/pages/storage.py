"""The hub's storage, for administrators: how it is, what is damaged, what passes have done, and buttons that begin one."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.permissions import check_not_suspended
from hub.core.errors import Forbidden, Invalid
from hub.core.models import record
from hub.repos import tasks
from hub.repos.models import StorageRun
from hub.repos.storage import overview, passes
from hub.repos.storage.damages import count_damaged, list_damaged
from hub.web.requests import MemberRequest

_DAMAGES_SHOWN = 50

# What passes count, in words; what is not here is shown as it stands in the row.
COUNTS = {
    "repositories": gettext_lazy("repositories"),
    "refs": gettext_lazy("branches and tags"),
    "commits": gettext_lazy("commits"),
    "folders": gettext_lazy("folders"),
    "files": gettext_lazy("files"),
    "pointers": gettext_lazy("pointers to large files"),
    "pointers without content": gettext_lazy("pointers whose content was deleted"),
    "files of buckets": gettext_lazy("files of buckets"),
    "large files": gettext_lazy("large files"),
    "xorbs": gettext_lazy("containers of chunks"),
    "orphans": gettext_lazy("in the store without a row"),
    "not checked": gettext_lazy("not checked: they take too long"),
    "damages": gettext_lazy("damaged"),
    "bytes": gettext_lazy("read or copied"),
    "content": gettext_lazy("files of content"),
    "copied": gettext_lazy("copied"),
    "missing": gettext_lazy("missing"),
    "backups": gettext_lazy("backups kept"),
    "bytes freed": gettext_lazy("freed"),
    "blobs marked": gettext_lazy("large files that nothing refers to any more"),
    "blobs in use again": gettext_lazy("large files in use again"),
    "blobs condemned": gettext_lazy("large files that are to go"),
    "blobs deleted": gettext_lazy("large files deleted"),
    "xorbs marked": gettext_lazy("containers that nothing refers to any more"),
    "xorbs in use again": gettext_lazy("containers in use again"),
    "xorbs condemned": gettext_lazy("containers that are to go"),
    "xorbs deleted": gettext_lazy("containers deleted"),
    "unnamed deleted": gettext_lazy("without a row, deleted"),
    "claims forgotten": gettext_lazy("claims forgotten"),
    "files forgotten": gettext_lazy("lists of chunks forgotten"),
    "uploads dropped": gettext_lazy("dead uploads dropped"),
    "scratch files deleted": gettext_lazy("scratch files deleted"),
    "old passes forgotten": gettext_lazy("old passes forgotten"),
    "files cut": gettext_lazy("files cut into chunks"),
    "bytes cut": gettext_lazy("cut into chunks"),
    "files dropped": gettext_lazy("whole forms dropped"),
    "bytes dropped": gettext_lazy("freed by it"),
    "too large": gettext_lazy("too large to be cut"),
    "failed": gettext_lazy("failed; the log of the hub worker says why"),
}
_BYTES = ("bytes", "bytes freed", "bytes cut", "bytes dropped")


@never_cache
@login_required
@require_safe
def show(request: MemberRequest) -> HttpResponse:
    """How the storage is. Raises Forbidden."""
    _require_staff(request)
    states = overview.last_passes()
    estimate = overview.estimate()
    context = {
        "store": overview.store_state(),
        "sizes": overview.sizes(),
        "uploads": overview.uploads_under_way(),
        "passes": [(state, _worded(state.counts)) for state in states],
        "running": any(state.running for state in states) or (estimate is not None and estimate.counts is None),
        "estimate": estimate,
        "estimated": _worded(estimate.counts or {}) if estimate else [],
        "damaged": list_damaged(_DAMAGES_SHOWN),
        "damaged_count": count_damaged(),
    }
    return render(request, "web/settings/storage.html", context)


@login_required
@require_POST
def start(request: MemberRequest) -> HttpResponse:
    """Begin a pass. Raises Forbidden, Invalid."""
    _require_staff(request)
    match wanted := request.POST.get("task", ""):
        case "check":
            passes.ask(StorageRun.Task.CHECK)
            tasks.work_on_passes.delay()
        case "scrub":
            passes.ask(StorageRun.Task.SCRUB, everything=True)
            tasks.work_on_passes.delay()
        case "collect":
            tasks.collect_all_garbage.delay()
        case "estimate":
            overview.note_estimate(None)
            tasks.estimate_garbage.delay()
        case _:
            raise Invalid(_("Choose what to begin: a check, a re-reading or a collection."), field="task")
    record(actor=request.user, verb="storage.start", target="storage", task=wanted)
    messages.success(request, _("It begins in a moment. This page shows how far it has come."))
    return redirect("settings_storage")


def _worded(counts: dict[str, int]) -> list[tuple[str, int, bool]]:
    """Return (what in words, how many, whether these are bytes) in the order of COUNTS, without what there is none of."""
    order = [*(what for what in COUNTS if what in counts), *sorted(counts.keys() - COUNTS.keys())]
    return [(str(COUNTS.get(what, what)), counts[what], what in _BYTES) for what in order if counts[what]]


def _require_staff(request: MemberRequest) -> None:
    if not request.user.is_staff:
        raise Forbidden(_("Only administrators of this hub see its storage. Ask one of them."))
    check_not_suspended(request.user)
