"""What an owner decides about a repository: its name and owner, who sees it, its end."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from hub.core.errors import HubError
from hub.core.links import repo_path
from hub.repos import services
from hub.repos.models import Repository, Visibility
from hub.repos.permissions import get_namespace_for_create
from hub.repos.storage.accounting import usage_of
from hub.web.forms import explain
from hub.web.forms.access import GateForm
from hub.web.forms.repositories import MoveForm, VisibilityForm
from hub.web.pages.repo_head import for_admins, repo_page
from hub.web.requests import MemberRequest


@require_http_methods(["GET", "HEAD"])
@for_admins
def settings(request: MemberRequest, repo: Repository) -> HttpResponse:
    return _page(request, repo)


def _page(request: MemberRequest, repo: Repository, *, move: MoveForm | None = None, status: int = 200) -> HttpResponse:
    place = {"owner": repo.namespace.name, "name": repo.name}
    return repo_page(
        request,
        "web/repo/settings.html",
        repo,
        tab="settings",
        status=status,
        usage=usage_of(repo),
        move=move or MoveForm(user=request.user, initial=place),
        visibility=VisibilityForm(initial={"visibility": repo.visibility}),
        gate_form=GateForm(initial={"gate": repo.gate}),
    )


@require_POST
@for_admins
def move(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Another name or owner. The old address leads to the new one."""
    form = MoveForm(request.POST, user=request.user)
    done = try_to_move(request, repo, form)
    return _page(request, repo, move=form, status=done) if isinstance(done, int) else done


def try_to_move(request: MemberRequest, repo: Repository, form: MoveForm) -> HttpResponse | int:
    """Move the repository and return where its settings are now; where it cannot be, explain it in the form and return the
    status of the page that shows it."""
    if not form.is_valid():
        return 400
    old, name = repo.full_name, form.cleaned_data["name"]
    try:
        namespace = get_namespace_for_create(request.user, form.cleaned_data["owner"].name)
        services.move_repo(repo=repo, actor=request.user, namespace=namespace, name=name)
    except HubError as error:
        explain(form, error)
        repo.refresh_from_db()
        return error.status
    messages.success(
        request,
        _("It is called %(name)s now. Addresses with %(old)s lead here.") % {"name": repo.full_name, "old": old},
    )
    return redirect(_address(repo))


@require_POST
@for_admins
def visibility(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Public or private."""
    services.set_visibility(repo=repo, actor=request.user, visibility=request.POST.get("visibility", ""))
    if repo.visibility == Visibility.PRIVATE:
        messages.success(request, _("It is private now: only members see it."))
    else:
        messages.success(request, _("It is public now: everybody who can read this hub sees it."))
    return redirect(_address(repo))


@require_POST
@for_admins
def delete(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Delete it, once its full name has been typed."""
    if request.POST.get("confirm", "").strip() != repo.full_name:
        messages.error(request, _("The name that you typed is not this repository's. Nothing was deleted."))
        return redirect(_address(repo))
    name, owner = repo.full_name, repo.namespace.name
    services.delete_repo(repo=repo, actor=request.user)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": name})
    return redirect("profile", name=owner)


def _address(repo: Repository) -> str:
    return repo_path(repo.kind, repo.full_name, "settings")
