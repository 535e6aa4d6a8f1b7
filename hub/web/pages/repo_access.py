"""Access to a gated repository: asking for it, deciding about who asks, and one's own requests."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.services import get_user
from hub.core.errors import HubError, SignInNeeded
from hub.core.links import repo_path
from hub.repos import gates
from hub.repos.access_forms import AccessForm as Asked
from hub.repos.access_forms import form_of
from hub.repos.models import AccessRequest, Gate, Repository
from hub.web.csv_lines import csv_answer, csv_line
from hub.web.forms import explain
from hub.web.forms.access import AccessForm, DecisionForm, GrantForm
from hub.web.gate_panel import panel_of
from hub.web.pages.repo_head import for_admins, for_readers, repo_page
from hub.web.paging import page_of
from hub.web.requests import MemberRequest

Status = AccessRequest.Status

PER_PAGE = 30
MAX_SEARCH = 100  # characters
MAX_CSV_ROWS = 100_000


# --- who asks -----------------------------------------------------------------------------------------------------------


@for_readers
@require_http_methods(["GET", "HEAD", "POST"])
def access(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The gate on a page of its own, and where its form is sent to."""
    address = repo.get_absolute_url()
    if request.method != "POST":
        return _access_page(request, repo) if repo.gated else redirect(address)
    if not request.user.is_authenticated:
        raise SignInNeeded(_("Log in, then ask for access."))
    form = AccessForm(form_of(repo).questions, request.POST)
    if not form.is_valid():
        return _access_page(request, repo, form, 400)
    try:
        made = gates.request_access(repo=repo, user=request.user, answers=form.answers())
    except HubError as error:
        if not repo.gated:
            raise
        form.explain(error)
        return _access_page(request, repo, form, error.status)
    if made.status == Status.ACCEPTED:
        messages.success(request, _("You have access now."))
    else:
        messages.success(request, _("Your request is sent. You get a mail when it is decided."))
    return redirect(address)


def _access_page(
    request: HttpRequest, repo: Repository, form: AccessForm | None = None, status: int = 200
) -> HttpResponse:
    gate = panel_of(request, repo, form)
    return repo_page(request, "web/repo/access_page.html", repo, tab="card", status=status, gate=gate)


@require_POST
@for_readers
def withdraw(request: HttpRequest, repo: Repository) -> HttpResponse:
    """Take one's own request back, or give up the access."""
    gates.withdraw_request(repo=repo, user=request.user)
    messages.success(request, _("Your request for %(name)s is taken back.") % {"name": repo.full_name})
    return redirect("settings_gated" if request.POST.get("back") == "settings" else repo.get_absolute_url())


@login_required
@require_safe
def own_requests(request: MemberRequest) -> HttpResponse:
    """The gated repositories that this person has asked for, newest first."""
    visible = Repository.objects.visible_to(request.user)
    asked = AccessRequest.objects.filter(user=request.user, repository__in=visible)
    page = page_of(request, asked.select_related("repository__namespace").order_by("-requested_at", "-pk"), PER_PAGE)
    return render(request, "web/settings/gated.html", {"page": page})


# --- who decides --------------------------------------------------------------------------------------------------------


@require_POST
@for_admins
def set_gate(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Everybody, whoever asks, or whoever is let in."""
    gates.set_gate(repo=repo, actor=request.user, gate=request.POST.get("gate", ""))
    said = {
        Gate.OPEN: _("It is open now: whoever can see it gets its files."),
        Gate.AUTO: _("It is gated now: whoever asks gets its files."),
        Gate.MANUAL: _("It is gated now: those whom you let in get its files."),
    }
    messages.success(request, said[Gate(repo.gate)])
    return redirect(repo_path(repo.kind, repo.full_name, "settings"))


@require_http_methods(["GET", "HEAD"])
@for_admins
def requests(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Who waits, who was let in, who was turned down: `?status=`, and `?search=` in their names."""
    return _requests_page(request, repo)


def _requests_page(
    request: MemberRequest, repo: Repository, *, grant: GrantForm | None = None, status: int = 200
) -> HttpResponse:
    search = request.GET.get("search", "").replace("\0", "").strip()[:MAX_SEARCH]
    chosen = _chosen_status(request)
    counts = AccessRequest.objects.filter(repository=repo).aggregate(
        **{str(each): Count("pk", filter=Q(status=each)) for each in Status}
    )
    found = AccessRequest.objects.filter(repository=repo, status=chosen)
    if search:
        found = found.filter(Q(user__username__icontains=search) | Q(user__display_name__icontains=search))
    page = page_of(request, found.select_related("user", "decided_by").order_by("-requested_at", "-pk"), PER_PAGE)
    form = form_of(repo)
    return repo_page(
        request,
        "web/repo/access_requests.html",
        repo,
        tab="settings",
        status=status,
        states=[(each, each.label, counts[each]) for each in Status],
        chosen=chosen,
        search=search,
        page=page,
        asked=[(row, _answers(row, form)) for row in page.rows],
        grant=grant or GrantForm(),
    )


@require_POST
@for_admins
def decide(request: MemberRequest, repo: Repository, number: int) -> HttpResponse:
    """Let somebody in, turn them down, or let them wait again."""
    form = DecisionForm(request.POST)
    asked = gates.get_request(repo, number=number)
    back = _requests_address(repo, status=asked.status)
    if not form.is_valid():
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
        return redirect(back)
    person = {"user": asked.user.username}
    match form.cleaned_data["decision"]:
        case "accept":
            gates.accept_request(request=asked, actor=request.user)
            messages.success(request, _("%(user)s has access now.") % person)
        case "reject":
            gates.reject_request(request=asked, actor=request.user, reason=form.cleaned_data["reason"])
            messages.success(request, _("%(user)s is turned down.") % person)
        case _:
            gates.reopen_request(request=asked, actor=request.user)
            messages.success(request, _("%(user)s has no access now and waits for your decision.") % person)
    return redirect(back)


@require_POST
@for_admins
def grant(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Let somebody in who has not asked."""
    form = GrantForm(request.POST)
    if not form.is_valid():
        return _requests_page(request, repo, grant=form, status=400)
    try:
        user = get_user(name=form.cleaned_data["user"])
        gates.grant_access(repo=repo, user=user, actor=request.user)
    except HubError as error:
        error.field = "user"
        explain(form, error)
        return _requests_page(request, repo, grant=form, status=error.status)
    messages.success(request, _("%(user)s has access now.") % {"user": user.username})
    return redirect(_requests_address(repo, status=Status.ACCEPTED))


@require_http_methods(["GET", "HEAD"])
@for_admins
def download(request: MemberRequest, repo: Repository) -> HttpResponseBase:
    """The requests of one state as CSV, with a column for each question that was answered."""
    found = AccessRequest.objects.filter(repository=repo, status=_chosen_status(request))
    return csv_answer(_csv_lines(found, _order(repo)), f"{repo.name}-access.csv")


def _answers(asked: AccessRequest, form: Asked) -> list[tuple[str, Any]]:
    """Return (question, answer) as people read them: a country and an option by their names."""
    questions = {question.label: question for question in form.questions}
    told = []
    for label, answer in _in_order(asked.fields, list(questions)):
        named = questions[label].choices() if label in questions else {}
        told.append((label, named.get(answer, answer)))
    return told


def _order(repo: Repository) -> list[str]:
    """Return the questions as the card asks them now: answers are kept without an order."""
    return [question.label for question in form_of(repo).questions]


def _in_order(fields: dict[str, Any], order: list[str]) -> list[tuple[str, Any]]:
    """Return the answers to `order` first, then those to questions that the card asks no more."""
    return [(label, fields[label]) for label in [*order, *sorted(fields.keys() - set(order))] if label in fields]


def _csv_lines(found: Any, order: list[str]) -> Iterator[str]:
    answered: set[str] = set()
    for fields in found.order_by("pk").values_list("fields", flat=True)[:MAX_CSV_ROWS].iterator(chunk_size=1000):
        answered.update(fields)
    asked = [label for label, _none in _in_order(dict.fromkeys(answered), order)]
    yield "\ufeff" + csv_line(["user", "name", "status", "asked", "decided", "reason", *asked])
    rows = found.select_related("user").order_by("pk")[:MAX_CSV_ROWS]
    for row in rows.iterator(chunk_size=1000):
        decided = row.decided_at.isoformat(timespec="seconds") if row.decided_at else ""
        told = [row.user.username, row.user.display_name, row.status, row.requested_at.isoformat(timespec="seconds")]
        yield csv_line([*told, decided, row.reason, *(row.fields.get(label, "") for label in asked)])


def _chosen_status(request: HttpRequest) -> Status:
    """Return the tab that `?status=` names; who waits, where it names none."""
    given = request.GET.get("status", "")
    return Status(given) if given in Status.values else Status.PENDING


def _requests_address(repo: Repository, **query: str) -> str:
    return f"{repo_path(repo.kind, repo.full_name, 'settings', 'access')}?{urlencode(query)}"
