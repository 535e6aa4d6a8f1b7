"""Releases: the list with their notes, and writing, changing and taking back one."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from hub.core.errors import HubError
from hub.core.links import base_url, repo_path
from hub.core.markdown import Rendered
from hub.core.markdown import render as render_markdown
from hub.repos import releases as services
from hub.repos.models import GitRef, Release, Repository
from hub.repos.models.git import TAG_PREFIX
from hub.repos.models.release import MAX_RELEASE_NOTES
from hub.web.composing import preview_fragment, previewed, typed
from hub.web.forms import explain
from hub.web.forms.releases import NewReleaseForm, ReleaseForm
from hub.web.pages.repo_head import DEFAULT_BRANCH, REFS_SHOWN, for_readers, for_writers, repo_page
from hub.web.paging import page_of
from hub.web.requests import MemberRequest
from hub.web.snippets import download_release

PER_PAGE = 20


@dataclass(frozen=True)
class Shown:
    """A release with its notes as HTML, the command that downloads it, and the tag of the release before it."""

    release: Release
    rendered: Rendered | None
    command: str
    before: str = ""

    @property
    def compared(self) -> str:
        """How the comparison with the release before is named in addresses."""
        return f"{self.before}...{self.release.tag}" if self.before else ""

    @property
    def html(self) -> SafeString | str:
        return self.rendered.html if self.rendered else ""


@for_readers
@require_safe
def releases(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The releases, newest first."""
    page = page_of(request, Release.objects.filter(repository=repo).select_related("author").newest_first(), PER_PAGE)
    address = base_url(request)
    earlier = Release.objects.filter(repository=repo, number__lt=page.rows[-1].number) if page.rows else None
    oldest = earlier.newest_first().values_list("tag", flat=True).first() if earlier is not None else None
    before = [*(row.tag for row in page.rows[1:]), oldest or ""]
    shown = [
        Shown(
            row,
            _render(repo, row.tag, row.notes, scope=f"release-{row.number}") if row.notes else None,
            download_release(repo, row.tag, address),
            last,
        )
        for row, last in zip(page.rows, before, strict=False)
    ]
    return repo_page(
        request,
        "web/releases/list.html",
        repo,
        tab="releases",
        releases=shown,
        has_math=any(each.rendered.has_math for each in shown if each.rendered),
        previous=page.previous,
        next=page.next,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def new(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Release a tag; `?tag=` suggests one."""
    form = NewReleaseForm(request.POST or None, initial={"tag": request.GET.get("tag", "")[:200]})
    preview, status = _preview(request, repo, request.POST.get("tag") or DEFAULT_BRANCH), 200
    if fragment := preview_fragment(request, preview):
        return fragment
    if preview:
        form = NewReleaseForm(initial=typed(request, form))
    elif form.is_bound:
        status = 400
        if form.is_valid():
            try:
                made = services.create_release(repo=repo, actor=request.user, **form.cleaned_data)
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("“%(tag)s” is released.") % {"tag": made.tag})
                return redirect(_address(repo))
    return repo_page(
        request,
        "web/releases/form.html",
        repo,
        tab="releases",
        status=status,
        form=form,
        preview=preview,
        tags=_bare_tags(repo),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def edit(request: MemberRequest, repo: Repository, tag: str) -> HttpResponse:
    """Put other words in place of a release's own."""
    release = services.get_release(repo, tag)
    form = ReleaseForm(initial={"title": release.title, "notes": release.notes})
    preview, status = _preview(request, repo, tag), 200
    if fragment := preview_fragment(request, preview):
        return fragment
    if preview:
        form = ReleaseForm(initial=typed(request, form))
    elif request.method == "POST":
        form = ReleaseForm(request.POST)
        status = 400
        if form.is_valid():
            try:
                services.edit_release(release=release, actor=request.user, **form.cleaned_data)
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("The release is changed."))
                return redirect(_address(repo))
    return repo_page(
        request,
        "web/releases/form.html",
        repo,
        tab="releases",
        status=status,
        form=form,
        preview=preview,
        release=release,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def delete(request: MemberRequest, repo: Repository, tag: str) -> HttpResponse:
    """Ask, then take a release back. The tag stays."""
    release = services.get_release(repo, tag)
    if request.method == "POST":
        services.delete_release(release=release, actor=request.user)
        messages.success(request, _("The release is deleted. The tag “%(tag)s” is still there.") % {"tag": tag})
        return redirect(_address(repo))
    return repo_page(request, "web/releases/delete.html", repo, tab="releases", release=release)


def _bare_tags(repo: Repository) -> list[str]:
    """Return the tags that are not released yet, the newest first."""
    refs = GitRef.objects.filter(repository=repo, name__startswith=TAG_PREFIX).order_by("-pk")
    tags = [name.removeprefix(TAG_PREFIX) for name in refs.values_list("name", flat=True)[: 2 * REFS_SHOWN]]
    released = set(Release.objects.filter(repository=repo, tag__in=tags).values_list("tag", flat=True))
    return [tag for tag in tags if tag not in released][:REFS_SHOWN]


def _render(repo: Repository, rev: str, notes: str, scope: str) -> Rendered:
    """Return notes as HTML. Relative links mean files of the release."""
    return render_markdown(
        notes,
        link_base=repo_path(repo.kind, repo.full_name, "blob", rev=rev),
        raw_base=repo_path(repo.kind, repo.full_name, "raw", rev=rev),
        scope=scope,
    )


def _preview(request: HttpRequest, repo: Repository, rev: str) -> Rendered | None:
    return previewed(request, "notes", MAX_RELEASE_NOTES, lambda text: _render(repo, rev, text, scope="preview"))


def _address(repo: Repository) -> str:
    return repo_path(repo.kind, repo.full_name, "releases")
