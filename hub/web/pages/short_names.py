"""Short names without an owner (`/gpt2`): where they lead, and the page on which an administrator gives them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from hub.core.errors import HubError
from hub.core.links import repo_path
from hub.repos import short_names as services
from hub.repos.errors import RepoMoved
from hub.repos.models import Kind, Repository
from hub.repos.permissions import get_repo_by_short_name
from hub.web.forms import explain
from hub.web.forms.repositories import ShortNameForm
from hub.web.pages.repo_head import for_namers, forward, repo_page
from hub.web.requests import MemberRequest


def page_by_short_name(request: HttpRequest, kind: Kind, name: str, word: str = "", rest: str = "") -> HttpResponse:
    """Redirect to the same page below the full name. Raises RepoNotFound."""
    try:
        get_repo_by_short_name(request.user, kind, name)
    except RepoMoved as moved:
        return forward(request, moved)


@require_http_methods(["GET", "HEAD", "POST"])
@for_namers
def names(request: MemberRequest, repo: Repository) -> HttpResponse:
    """The short names of a repository, and a form that gives one more."""
    form, status = ShortNameForm(request.POST or None), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                services.give_short_name(repo=repo, actor=request.user, name=form.cleaned_data["name"])
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("“%(name)s” leads here from now on.") % {"name": form.cleaned_data["name"]})
                return redirect(_address(repo))
    names = services.short_names(repo)
    return repo_page(request, "web/repo/names.html", repo, tab="settings", status=status, form=form, short_names=names)


@require_POST
@for_namers
def take(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Take one of its short names back."""
    name = request.POST.get("name", "")
    services.take_short_name(repo=repo, actor=request.user, name=name)
    messages.success(request, _("“%(name)s” leads nowhere now.") % {"name": name})
    return redirect(_address(repo))


def _address(repo: Repository) -> str:
    return repo_path(repo.kind, repo.full_name, "settings", "names")
