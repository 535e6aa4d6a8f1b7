"""Copying a repository to a name of one's own."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hub.core.errors import HubError
from hub.repos.duplicating import duplicate_repo
from hub.repos.models import Repository
from hub.repos.permissions import get_namespace_for_create
from hub.web.forms import explain
from hub.web.forms.repositories import DuplicateForm
from hub.web.pages.repo_head import for_fetchers, repo_page
from hub.web.requests import MemberRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@for_fetchers
def duplicate(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Ask where to, then copy."""
    initial = {"owner": request.user.username, "name": repo.name, "visibility": repo.visibility}
    form = DuplicateForm(request.POST or None, user=request.user, initial=initial)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            wanted = form.cleaned_data
            try:
                made = duplicate_repo(
                    source=repo,
                    actor=request.user,
                    namespace=get_namespace_for_create(request.user, wanted["owner"].name),
                    name=wanted["name"],
                    visibility=wanted["visibility"],
                )
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("This is your copy of %(name)s.") % {"name": repo.full_name})
                return redirect(made.get_absolute_url())
    return repo_page(request, "web/repo/duplicate.html", repo, tab="card", status=status, form=form)
