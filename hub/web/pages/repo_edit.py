"""Writing in the browser: edit a text file, start one, delete one; on a branch, or as a pull request."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hub.core.errors import HubError
from hub.core.links import repo_path
from hub.core.markdown import render as render_markdown
from hub.repos import cards
from hub.repos.card_checks import check_card
from hub.repos.editing import edit_file, title_of_edit
from hub.repos.errors import EntryNotFound, StaleParent
from hub.repos.git.commits import Delete
from hub.repos.git.files import find_file, read_file
from hub.repos.models import Repository
from hub.web.forms import explain
from hub.web.forms.repositories import CommitForm, EditForm
from hub.web.pages.repo_files import as_text
from hub.web.pages.repo_head import Revision, crumbs_of, for_proposers, repo_page
from hub.web.proposing import Place, open_place
from hub.web.requests import MemberRequest


@require_http_methods(["GET", "HEAD", "POST"])
@for_proposers
def edit(request: MemberRequest, repo: Repository, rev: str, path: str) -> HttpResponse:
    """Edit a text file in place. Raises EntryNotFound where it is not there, or is no text."""
    place = open_place(request, repo, rev)
    file = find_file(repo, place.revision.commit, path)
    text = as_text(read_file(repo, file)) if file.sha256 is None and file.size <= EditForm.MAX_TEXT else None
    if text is None:
        raise EntryNotFound(
            _("“%(path)s” is not a text that can be edited here. Upload a new version.") % {"path": path}
        )
    return _editor(request, place, path, text)


@require_http_methods(["GET", "HEAD", "POST"])
@for_proposers
def new(request: MemberRequest, repo: Repository, rev: str, path: str = "") -> HttpResponse:
    """Start a text file, in the folder that the address names; `?name=README.md` suggests a name."""
    place = open_place(request, repo, rev)
    folder = path.strip("/")
    name = request.GET.get("name", "")[:200]
    return _editor(request, place, "", "", suggested=f"{folder}/{name}" if folder else name)


def _editor(request: MemberRequest, place: Place, path: str, text: str, suggested: str = "") -> HttpResponse:
    repo, revision = place.repo, place.revision
    initial = {"path": path or suggested, "text": text, "parent": revision.commit.oid}
    form = EditForm(request.POST or None, initial=initial, ways=place.ways)
    more: dict[str, Any] = {"preview": None}
    status = 200
    if request.method == "POST":
        shown = request.POST.get("text", "")
        if "preview" in request.POST:
            more["preview"] = _preview(repo, revision, shown)
            if request.POST.get("path", "").strip() == cards.CARD_FILE:
                more["issues"] = check_card(shown, repo.kind)
            if request.headers.get("X-Fragment") == "preview":
                return render(request, "web/repo/preview.html", more)
            # Somebody who only looks is not told what is missing yet.
            form = EditForm(initial={name: request.POST.get(name, "") for name in form.fields}, ways=place.ways)
        elif form.is_valid():
            try:
                wanted = form.cleaned_data
                target = wanted["path"]
                operations = edit_file(
                    repo=repo,
                    head=revision.commit,
                    seen=wanted["parent"],
                    path=path,
                    target=target,
                    before=text,
                    text=wanted["text"],
                )
                pull_request = place.commit(
                    request,
                    operations,
                    title=wanted["title"] or title_of_edit(path, target),
                    description=wanted["description"],
                    proposes=form.proposes(),
                    draft=wanted.get("draft", False),
                    parent=revision.commit.oid,
                    done=_("The change is committed."),
                )
            except StaleParent as error:
                more["conflict"] = error.message
                data = request.POST.copy()
                data["parent"] = revision.commit.oid
                form = EditForm(data, ways=place.ways)
                status = error.status
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                if pull_request:
                    return redirect(pull_request)
                if target == cards.CARD_FILE:
                    return redirect(repo.get_absolute_url())
                return redirect(repo_path(repo.kind, repo.full_name, "blob", rev=revision.name, path=target))
    return repo_page(
        request,
        "web/repo/edit.html",
        repo,
        tab="files",
        status=status,
        form=form,
        place=place,
        revision=revision,
        path=path,
        crumbs=crumbs_of(path),
        is_markdown=(path or suggested).lower().endswith(".md"),
        **more,
    )


def _preview(repo: Repository, revision: Revision, text: str) -> Any:
    return render_markdown(
        cards.parse(text).body,
        link_base=repo_path(repo.kind, repo.full_name, "blob", rev=revision.name),
        raw_base=repo_path(repo.kind, repo.full_name, "raw", rev=revision.name),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_proposers
def delete(request: MemberRequest, repo: Repository, rev: str, path: str) -> HttpResponse:
    """Ask, then delete one file in a commit."""
    place = open_place(request, repo, rev)
    revision = place.revision
    find_file(repo, revision.commit, path)
    form = CommitForm(request.POST or None, ways=place.ways)
    if request.method == "POST" and form.is_valid():
        pull_request = place.commit(
            request,
            [Delete(path)],
            title=form.cleaned_data["title"] or _("Delete %(path)s") % {"path": path},
            description=form.cleaned_data["description"],
            proposes=form.proposes(),
            draft=form.cleaned_data.get("draft", False),
            done=_("“%(path)s” is deleted. Earlier commits still have it.") % {"path": path},
        )
        if pull_request:
            return redirect(pull_request)
        return redirect(repo_path(repo.kind, repo.full_name, "tree", rev=rev, path=path.rpartition("/")[0]))
    return repo_page(
        request,
        "web/repo/delete.html",
        repo,
        tab="files",
        form=form,
        place=place,
        revision=revision,
        path=path,
        crumbs=crumbs_of(path),
    )
