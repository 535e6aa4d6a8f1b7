"""Liking and following, and who likes what."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from hub.accounts.permissions import get_namespace
from hub.community import following as services
from hub.community.models import Like
from hub.core.errors import HubError
from hub.repos.models import Repository
from hub.web.pages.repo_head import for_posters, for_readers, repo_page
from hub.web.paging import page_of
from hub.web.requests import MemberRequest

PER_PAGE = 60

# Where a button leads back to, by its word: the page that it stands on.
_BACK = {"home": "/"}


@require_http_methods(["GET", "HEAD", "POST"])
@for_posters
def like(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Like a repository, or with `undo` no more."""
    if request.method == "POST":
        change = services.unlike if request.POST.get("undo") else services.like
        try:
            change(repo=repo, actor=request.user)
        except HubError as error:
            messages.error(request, error.message)
    # A GET is where the log-in leads whose session ended meanwhile.
    return redirect(repo)


@for_readers
@require_safe
def likers(request: HttpRequest, repo: Repository) -> HttpResponse:
    """Who likes a repository, the last at first."""
    page = page_of(request, Like.objects.filter(repository=repo).select_related("user").order_by("-pk"), PER_PAGE)
    return repo_page(request, "web/repo/likes.html", repo, tab="", page=page)


@require_http_methods(["GET", "HEAD", "POST"])
@for_posters
def follow_repo(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Follow a repository, or with `undo` no more."""
    if request.method == "POST":
        change = services.unfollow if request.POST.get("undo") else services.follow_repo
        try:
            change(repo=repo, actor=request.user)
        except HubError as error:
            messages.error(request, error.message)
    return redirect(_BACK.get(request.POST.get("back", ""), repo.get_absolute_url()))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def follow(request: MemberRequest, name: str) -> HttpResponse:
    """Follow a user or an organization, or with `undo` no more. Raises AccountNotFound."""
    namespace = get_namespace(name)
    if request.method == "POST":
        change = services.unfollow if request.POST.get("undo") else services.follow
        try:
            if change(actor=request.user, namespace=namespace) and change is services.follow:
                said = _("You follow %(name)s. What happens there comes into your feed.")
                messages.success(request, said % {"name": namespace.shown_name})
        except HubError as error:
            messages.error(request, error.message)
    return redirect(_BACK.get(request.POST.get("back", ""), f"/{namespace.name}"))
