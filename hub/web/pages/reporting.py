"""Reporting something; and one's own standing: what moderators decided about oneself, and appeals."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import Role, User
from hub.core.errors import HubError, NotFound
from hub.moderation.appeals import appeal
from hub.moderation.models import APPEALABLE, Action, ActionKind
from hub.moderation.permissions import get_action_for_appeal
from hub.moderation.services import report
from hub.moderation.targets import find_target, title_for
from hub.moderation.transparency import PERIODS, periods, takedowns
from hub.repos.permissions import check_may_act
from hub.web.forms import explain
from hub.web.forms.moderation import AppealForm, ReportForm
from hub.web.requests import MemberRequest

DECISIONS_SHOWN = 100


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def report_page(request: MemberRequest) -> HttpResponse:
    """`?kind=comment&key=12`: what is reported, and the form. Raises TargetNotFound, Suspended."""
    check_may_act(request.user)
    found = find_target(request.user, request.GET.get("kind", ""), request.GET.get("key", "")[:300])
    form, status, sent = ReportForm(request.POST or None), 200, False
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                report(found=found, reporter=request.user, **form.cleaned_data)
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                status, sent = 200, True
    context = {"found": found, "form": form, "sent": sent}
    return render(request, "web/moderation/report.html", context, status=status)


@require_safe
@login_required
def standing(request: MemberRequest) -> HttpResponse:
    """Warnings, a suspension, what was hidden or taken down of one's own, and what came of appeals."""
    return _standing(request, AppealForm(), None)


@require_POST
@login_required
def make_appeal(request: MemberRequest, action_id: int) -> HttpResponse:
    """Ask to have a decision looked at again; whoever is suspended may. Raises ActionNotFound."""
    action = get_action_for_appeal(request.user, action_id)
    form = AppealForm(request.POST)
    if form.is_valid():
        try:
            appeal(action=action, user=request.user, text=form.cleaned_data["text"])
        except HubError as error:
            explain(form, error)
        else:
            messages.success(request, _("Your appeal is with the moderators. You will be told what they decide."))
            return redirect("settings_standing")
    return _standing(request, form, action.pk, status=400)


def _standing(request: MemberRequest, form: AppealForm, asked: int | None, status: int = 200) -> HttpResponse:
    decisions = _decisions(request.user)
    for decision in decisions:
        decision.title = title_for(request.user, decision.case)  # type: ignore[attr-defined]
        decision.form = form if decision.pk == asked else AppealForm(auto_id=f"appeal-{decision.pk}-%s")  # type: ignore[attr-defined]
    context = {"decisions": decisions, "asked": asked, "appealable": APPEALABLE}
    return render(request, "web/settings/standing.html", context, status=status)


def _decisions(user: User) -> list[Action]:
    """Return what was decided about `user`, and about what belongs to organizations that they administer, the newest first."""
    administered = user.memberships.standing().filter(role=Role.ADMIN).values("organization")
    of_theirs = Q(case__accused=None, case__namespace__organization__in=administered)
    rows = Action.objects.filter(Q(case__accused=user) | of_theirs).exclude(kind=ActionKind.DISMISS)
    return list(rows.select_related("case", "appeal").order_by("-pk")[:DECISIONS_SHOWN])


# --- for everybody ------------------------------------------------------------------------------------------------------


@require_safe
def transparency(request: HttpRequest) -> HttpResponse:
    """Numbers by month, or `?by=quarter`, and the public repositories that are taken down. Raises NotFound for another."""
    by = _period(request)
    context = {
        "by": by,
        "periods": periods(by),
        "takedowns": takedowns(),
    }
    return render(request, "web/moderation/transparency.html", context)


@require_safe
def transparency_json(request: HttpRequest) -> HttpResponse:
    """The same for programs: `periods`, each with `begins`, `reports`, `actions`, `appeals`, `median_hours`; `takedowns`."""
    by = _period(request)
    return JsonResponse(
        {
            "by": by,
            "periods": [
                {
                    "begins": period.begins.isoformat(),
                    "reports": period.reports,
                    "actions": period.actions,
                    "appeals": period.appeals,
                    "median_hours": period.hours,
                }
                for period in periods(by)
            ],
            "takedowns": [
                {"kind": down.kind, "name": down.name, "reason": down.reason, "at": down.at.isoformat()}
                for down in takedowns()
            ],
        }
    )


def _period(request: HttpRequest) -> str:
    by = request.GET.get("by", "month")
    if by not in PERIODS:
        raise NotFound(_("The numbers are told by month or by quarter."))
    return by
