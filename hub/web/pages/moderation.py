"""The moderators' queue, a case, and the record of acts."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from hub.core.errors import HubError, NotFound
from hub.core.models import AuditEvent
from hub.core.text import MAX_ID, whole_number
from hub.moderation import services
from hub.moderation.appeals import decide_appeal
from hub.moderation.effects import possible
from hub.moderation.models import UNDOING, Action, Appeal, Case, Ground, Target
from hub.moderation.permissions import check_may_decide, check_may_moderate, get_case, people_of
from hub.moderation.targets import is_readable
from hub.web.csv_lines import csv_answer, csv_line
from hub.web.forms import explain
from hub.web.forms.moderation import ActionForm, AnswerForm, LogForm
from hub.web.paging import before_of, page_of
from hub.web.requests import MemberRequest

PER_PAGE = 50
REPORTS_SHOWN = 50
HISTORY_SHOWN = 20
LOG_PER_PAGE = 100
MAX_CSV_ROWS = 50_000


@require_safe
@login_required
def queue(request: MemberRequest) -> HttpResponse:
    """Cases, the oldest first, by state, kind and reason; and the appeals that wait. Raises NotModerator."""
    check_may_moderate(request.user)
    chosen = {name: request.GET.get(name, "") for name in ("state", "kind", "ground")}
    rows = Case.objects.with_report_count().annotate(grounds=ArrayAgg("reports__ground", distinct=True, default=[]))
    match chosen["state"]:
        case "mine":
            rows = rows.unsettled().filter(claimed_by=request.user)
        case "closed":
            rows = rows.filter(state=Case.State.CLOSED)
        case "open":
            rows = rows.filter(state=Case.State.OPEN)
        case _:
            rows = rows.unsettled()
    if chosen["kind"] in Target.values:
        rows = rows.filter(kind=chosen["kind"])
    if chosen["ground"] in Ground.values:
        # Not by the join that is counted: the other reports of the case count, too.
        rows = rows.filter(pk__in=Case.objects.filter(reports__ground=chosen["ground"]).values("pk"))
    order = ("-closed_at", "-pk") if chosen["state"] == "closed" else ("opened_at", "pk")
    page = page_of(request, rows.select_related("claimed_by").order_by(*order), PER_PAGE)
    for case in page.rows:
        case.ground_names = [Ground(ground).label for ground in case.grounds]  # type: ignore[attr-defined]
    appeals = Appeal.objects.filter(state=Appeal.State.OPEN).select_related("action__case", "user").order_by("pk")
    context = {
        "page": page,
        "chosen": chosen,
        "states": [("", _("Waiting")), ("open", _("Unclaimed")), ("mine", _("Mine")), ("closed", _("Closed"))],
        "case_kinds": Target.choices,
        "grounds": Ground.choices,
        "appeals": appeals[:PER_PAGE],
    }
    return render(request, "web/moderation/queue.html", context)


@require_POST
@login_required
def dismiss(request: MemberRequest) -> HttpResponse:
    """Close the chosen cases, in which nothing is wrong. Raises NotModerator."""
    check_may_decide(request.user)
    chosen = [pk for text in request.POST.getlist("case")[:PER_PAGE] if (pk := whole_number(text))]
    done = services.dismiss_cases(cases=list(Case.objects.filter(pk__in=chosen)), moderator=request.user)
    text = ngettext("%(count)d case is dismissed.", "%(count)d cases are dismissed.", done) % {"count": done}
    (messages.success if done else messages.error)(request, text)
    return redirect("moderation")


@require_safe
@login_required
def case_page(request: MemberRequest, case_id: int) -> HttpResponse:
    """What was reported, by whom and why, what was decided before, and what can be done. Raises NotModerator, CaseNotFound."""
    case = get_case(request.user, case_id)
    return _case_page(request, case, ActionForm(possible=_offered(case)))


@require_POST
@login_required
def act(request: MemberRequest, case_id: int) -> HttpResponse:
    """Do what the form says. Raises NotModerator, CaseNotFound."""
    case = get_case(request.user, case_id)
    form = ActionForm(request.POST, possible=_offered(case))
    status = 400
    if form.is_valid():
        given = form.cleaned_data
        try:
            services.act(
                case=case,
                moderator=request.user,
                kind=given["kind"],
                reason=form.public_reason,
                note=given["note"],
                until=form.ends_at,
                close=given["close"],
            )
        except HubError as error:
            explain(form, error)
            status = error.status
        else:
            messages.success(request, _("It is done, and noted in the record."))
            return redirect("moderation_case", case_id=case.pk)
    return _case_page(request, case, form, status)


@require_POST
@login_required
def claim(request: MemberRequest, case_id: int) -> HttpResponse:
    """Take a case, take it over, or leave it to others. Raises what the services raise."""
    case = get_case(request.user, case_id)
    if request.POST.get("do") == "release":
        services.release_case(case=case, moderator=request.user)
        return redirect("moderation")
    services.claim_case(case=case, moderator=request.user, take_over=request.POST.get("do") == "take-over")
    return redirect("moderation_case", case_id=case.pk)


@require_POST
@login_required
def decide(request: MemberRequest, appeal_id: int) -> HttpResponse:
    """Grant an appeal, or turn it down. Raises NotModerator, NotFound, OwnCase, AppealClosed."""
    check_may_decide(request.user)
    appeal = Appeal.objects.select_related("action").filter(pk=min(appeal_id, MAX_ID)).first()
    if appeal is None:
        raise NotFound(_("There is no such appeal."))
    form = AnswerForm(request.POST)
    if form.is_valid():
        grant = form.cleaned_data["decision"] == "grant"
        decide_appeal(appeal=appeal, moderator=request.user, grant=grant, answer=form.cleaned_data["answer"])
        messages.success(request, _("The appeal is decided, and whoever made it is told."))
    else:
        messages.error(request, _("Write an answer: whoever appealed reads it."))
    return redirect("moderation_case", case_id=appeal.action.case_id)


def _offered(case: Case) -> list[Any]:
    """Return what can be done: in a closed case, only what undoes."""
    return [kind for kind in possible(case) if not case.closed or kind in UNDOING.values()]


def _case_page(request: MemberRequest, case: Case, form: ActionForm, status: int = 200) -> HttpResponse:
    same = Q(case__kind=case.kind, case__key=case.key)
    if case.accused_id is not None:
        same |= Q(case__accused=case.accused_id)
    history = Action.objects.filter(same).exclude(case=case).select_related("case", "moderator").order_by("-pk")
    context = {
        "case": case,
        "form": form,
        "mine": case.claimed_by_id == request.user.pk,
        "reports": case.reports.select_related("reporter")[:REPORTS_SHOWN],
        "report_count": case.reports.count(),
        "actions": case.actions.select_related("moderator", "appeal__user", "appeal__decided_by"),
        "history": history[:HISTORY_SHOWN],
        "people": people_of(case),
        "readable": is_readable(request.user, case),
    }
    return render(request, "web/moderation/case.html", context, status=status)


# --- the record of acts ---------------------------------------------------------------------------------------------------


@require_safe
@login_required
def log(request: MemberRequest) -> HttpResponse:
    """Consequential acts, newest first; `before`: the act that the page before ended at. Raises NotModerator."""
    check_may_moderate(request.user)
    form, found = _acts(request)
    before = before_of(request)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: LOG_PER_PAGE + 1])
    shown = rows[:LOG_PER_PAGE]

    def at(last: int | None) -> str:
        query = request.GET.copy()
        query.pop("before", None)
        if last is not None:
            query["before"] = str(last)
        return f"?{query.urlencode()}"

    context = {
        "form": form,
        "events": shown,
        "next": at(shown[-1].pk) if len(rows) > LOG_PER_PAGE else "",
        "first": at(None) if before else "",
        "query": at(None),
    }
    return render(request, "web/moderation/log.html", context)


@require_safe
@login_required
def log_csv(request: MemberRequest) -> HttpResponseBase:
    """The same as CSV, at most MAX_CSV_ROWS acts."""
    check_may_moderate(request.user)
    _form, found = _acts(request)
    return csv_answer(_log_lines(found[:MAX_CSV_ROWS]), "record.csv")


def _log_lines(found: QuerySet[AuditEvent]) -> Iterator[str]:
    yield "\ufeff" + csv_line(["at", "actor", "verb", "target", "data"])
    for event in found.iterator(chunk_size=1000):
        actor = event.actor.username if event.actor else ""
        yield csv_line([event.at.isoformat(timespec="seconds"), actor, event.verb, event.target, event.data])


def _acts(request: HttpRequest) -> tuple[LogForm, QuerySet[AuditEvent]]:
    """Return the filters and what passes them. A filter that makes no sense finds nothing."""
    form = LogForm(request.GET)
    rows = AuditEvent.objects.select_related("actor").order_by("-pk")
    if not form.is_valid():
        return form, rows.none()
    given = form.cleaned_data
    if given["actor"]:
        rows = rows.filter(actor__namespace__name__iexact=given["actor"])
    if given["verb"]:
        rows = rows.filter(verb__startswith=given["verb"])
    if given["target"]:
        rows = rows.filter(target__icontains=given["target"])
    if given["since"]:
        rows = rows.filter(at__gte=timezone.make_aware(datetime.combine(given["since"], time.min)))
    if given["until"]:
        rows = rows.filter(at__lt=timezone.make_aware(datetime.combine(given["until"] + timedelta(days=1), time.min)))
    return form, rows
