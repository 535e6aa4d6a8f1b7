"""The large files of a repository by size, and deleting some for good."""

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from hub.core.errors import HubError
from hub.core.links import repo_path
from hub.repos.large_files import delete_large_files, describe_large_files, large_content_of
from hub.repos.models import Repository
from hub.repos.names import SHA256
from hub.web.forms import explain
from hub.web.forms.large_files import REWRITE, DeleteLargeFilesForm
from hub.web.pages.repo_head import for_admins, repo_page
from hub.web.paging import page_of
from hub.web.requests import MemberRequest

PER_PAGE = 50


@for_admins
@require_safe
def large_files(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The list, the largest first."""
    rows = large_content_of(repo)
    page = page_of(request, rows.order_by("-blob__size", "pk"), PER_PAGE)
    return repo_page(
        request,
        "web/repo/large_files.html",
        repo,
        tab="settings",
        page=page,
        files=describe_large_files(repo, page.rows),
        count=rows.count(),
        total=rows.aggregate(total=Sum("blob__size"))["total"] or 0,
    )


@require_POST
@for_admins
def delete(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Ask once more for those that were chosen; delete them once the answer is complete."""
    # A page of the list is what can be chosen at once.
    names = {name for name in request.POST.getlist("sha") if SHA256.fullmatch(name)}
    files = describe_large_files(repo, large_content_of(repo).filter(blob__in=names).order_by("-blob__size")[:PER_PAGE])
    if not files:
        messages.error(request, _("Choose the files that you want to delete first. Nothing was deleted."))
        return redirect(_address(repo))
    answered = "history" in request.POST
    form = DeleteLargeFilesForm(request.POST if answered else None, repo=repo)
    status = 400 if answered else 200
    if answered and form.is_valid():
        try:
            count = delete_large_files(
                repo=repo,
                actor=request.user,
                sha256s=[file.sha256 for file in files],
                rewrite_history=form.cleaned_data["history"] == REWRITE,
            )
        except HubError as error:
            explain(form, error)
            status = error.status
        else:
            deleted = ngettext("%(count)d large file is deleted.", "%(count)d large files are deleted.", count)
            messages.success(request, deleted % {"count": count})
            return redirect(_address(repo))
    return repo_page(
        request,
        "web/repo/large_files_delete.html",
        repo,
        tab="settings",
        status=status,
        files=files,
        total=sum(file.size for file in files),
        form=form,
    )


def _address(repo: Repository) -> str:
    return repo_path(repo.kind, repo.full_name, "settings", "large-files")
