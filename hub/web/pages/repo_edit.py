"""Writing in the browser: edit a text file, start one, delete one."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hub.core.errors import Conflict, HubError
from hub.core.links import repo_path
from hub.core.markdown import render as render_markdown
from hub.repos import cards
from hub.repos.errors import EntryNotFound, RevisionNotFound, StaleParent
from hub.repos.git.commits import Delete, Operation, Stage, create_commit
from hub.repos.git.files import find_entry, find_file, read_file, resolve_revision
from hub.repos.models import GitCommit, Repository
from hub.web.forms import explain
from hub.web.forms.repositories import CommitForm, EditForm
from hub.web.pages.repo_files import as_text
from hub.web.pages.repo_head import Revision, crumbs_of, for_writers, open_branch, repo_page
from hub.web.requests import MemberRequest


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def edit(request: MemberRequest, repo: Repository, rev: str, path: str) -> HttpResponse:
    """Edit a text file in place. Raises EntryNotFound where it is not there, or is no text."""
    revision = open_branch(repo, rev)
    file = find_file(repo, revision.commit, path)
    text = as_text(read_file(repo, file)) if file.sha256 is None and file.size <= EditForm.MAX_TEXT else None
    if text is None:
        raise EntryNotFound(
            _("“%(path)s” is not a text that can be edited here. Upload a new version.") % {"path": path}
        )
    return _editor(request, repo, revision, path, text)


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def new(request: MemberRequest, repo: Repository, rev: str, path: str = "") -> HttpResponse:
    """Start a text file, in the folder that the address names; `?name=README.md` suggests a name."""
    revision = open_branch(repo, rev)
    folder = path.strip("/")
    name = request.GET.get("name", "")[:200]
    return _editor(request, repo, revision, "", "", suggested=f"{folder}/{name}" if folder else name)


def _editor(
    request: MemberRequest, repo: Repository, revision: Revision, path: str, text: str, suggested: str = ""
) -> HttpResponse:
    initial = {"path": path or suggested, "text": text, "parent": revision.commit.oid}
    form = EditForm(request.POST or None, initial=initial)
    more: dict[str, Any] = {"preview": None}
    status = 200
    if request.method == "POST":
        shown = request.POST.get("text", "")
        if "preview" in request.POST:
            more["preview"] = _preview(repo, revision, shown)
            if request.POST.get("path", "").strip() == cards.CARD_FILE:
                more["issues"] = cards.validate(shown, repo.kind)
            if request.headers.get("X-Fragment") == "preview":
                return render(request, "web/repo/preview.html", more)
            # Somebody who only looks is not told what is missing yet.
            form = EditForm(initial={name: request.POST.get(name, "") for name in form.fields})
        elif form.is_valid():
            try:
                _commit_text(request, repo, revision, path, text, form.cleaned_data)
            except StaleParent as error:
                more["conflict"] = error.message
                data = request.POST.copy()
                data["parent"] = revision.commit.oid
                form = EditForm(data)
                status = error.status
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("The change is committed."))
                target = form.cleaned_data["path"]
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


def _commit_text(
    request: MemberRequest, repo: Repository, revision: Revision, path: str, before: str, wanted: dict[str, Any]
) -> None:
    """Commit the text. Raises StaleParent where the file has changed since it was opened, and what create_commit raises."""
    target = wanted["path"]
    _check_unchanged(repo, revision.commit, wanted["parent"], {path, target} - {""})
    if target != path and _oid_at(repo, revision.commit, target):
        raise Conflict(
            _("There is a “%(path)s” already. Choose another path, or edit that file.") % {"path": target}, field="path"
        )
    # Browsers send line ends as CR LF; the file keeps those that it had.
    text = wanted["text"].replace("\r\n", "\n")
    if "\r\n" in before:
        text = text.replace("\n", "\r\n")
    stage = Stage(repo)
    operations: list[Operation] = [stage.file(target, text.encode())]
    if path and target != path:
        operations.insert(0, Delete(path))
    stage.finish()
    said = wanted["title"] or _default_title(path, target)
    create_commit(
        repo=repo,
        actor=request.user,
        operations=operations,
        title=said,
        description=wanted["description"],
        branch=revision.name,
        parent=revision.commit.oid,
    )


def _default_title(path: str, target: str) -> str:
    if not path:
        return _("Add %(path)s") % {"path": target}
    if path != target:
        return _("Move %(path)s to %(target)s") % {"path": path, "target": target}
    return _("Edit %(path)s") % {"path": target}


def _check_unchanged(repo: Repository, head: GitCommit, parent: str, paths: set[str]) -> None:
    """Let a branch move on, as long as what the writer saw of these paths is still so. Raises StaleParent."""
    if parent == head.oid:
        return
    try:
        seen = resolve_revision(repo, parent)
    except RevisionNotFound:
        seen = None
    if seen is None or any(_oid_at(repo, seen, path) != _oid_at(repo, head, path) for path in paths):
        raise StaleParent(
            _(
                "Somebody has changed this file since you opened it. Your text is kept below. Compare it with theirs; "
                "if you commit again, yours takes the place of theirs."
            )
        )


def _oid_at(repo: Repository, commit: GitCommit, path: str) -> str | None:
    try:
        return find_entry(repo, commit, path).oid
    except EntryNotFound:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def delete(request: MemberRequest, repo: Repository, rev: str, path: str) -> HttpResponse:
    """Ask, then delete one file in a commit."""
    revision = open_branch(repo, rev)
    find_file(repo, revision.commit, path)
    form = CommitForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        create_commit(
            repo=repo,
            actor=request.user,
            operations=[Delete(path)],
            title=form.cleaned_data["title"] or _("Delete %(path)s") % {"path": path},
            description=form.cleaned_data["description"],
            branch=revision.name,
        )
        messages.success(request, _("“%(path)s” is deleted. Earlier commits still have it.") % {"path": path})
        return redirect(repo_path(repo.kind, repo.full_name, "tree", rev=rev, path=path.rpartition("/")[0]))
    return repo_page(
        request,
        "web/repo/delete.html",
        repo,
        tab="files",
        form=form,
        revision=revision,
        path=path,
        crumbs=crumbs_of(path),
    )
