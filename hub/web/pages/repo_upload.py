"""Uploading from the browser: each file by itself, then one commit that names them all."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from hub.core.errors import HubError, Invalid
from hub.core.links import repo_path
from hub.core.text import UNSTORABLE
from hub.repos.attributes import LargeFileRule
from hub.repos.models import Repository
from hub.repos.uploads import Receipts, receive_file
from hub.web.forms.repositories import CommitForm, UploadForm
from hub.web.pages.repo_head import crumbs_of, for_proposers, repo_page
from hub.web.proposing import Place, open_place
from hub.web.requests import MemberRequest

MAX_COMMIT_JSON = 16 * 1024 * 1024  # bytes; some 25 000 receipts


@require_http_methods(["GET", "HEAD", "POST", "PUT"])
def upload(request: HttpRequest, **address: str) -> HttpResponseBase:
    """PUT sends the content of one file, POST of JSON commits what was sent; a form does both for one small file."""
    if request.method == "PUT":
        return _receive(request, **address)
    if request.content_type == "application/json":
        return _commit(request, **address)
    return _page(request, **address)


def answers_json(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Say refusals in the form that the page's script reads."""

    @wraps(view)
    def answered(request: HttpRequest, **address: str) -> HttpResponseBase:
        try:
            return view(request, **address)
        except HubError as error:
            return JsonResponse({"error": error.message, "code": error.code}, status=error.status)

    return answered


@answers_json
@for_proposers
def _receive(request: MemberRequest, repo: Repository, rev: str, path: str = "") -> HttpResponse:
    """Store one file. Answers its receipt, and whether it is kept outside git."""
    if "Transfer-Encoding" in request.headers:
        raise Invalid(_("The upload does not say how long it is."))
    place = open_place(request, repo, rev)
    put = receive_file(
        repo=repo,
        user=request.user,
        path=path,
        # Django's own reading of a body is for small forms.
        stream=request.META["wsgi.input"],
        length=int(request.META.get("CONTENT_LENGTH") or 0),
        rule=LargeFileRule.at(repo, place.revision.commit),
    )
    return JsonResponse({"receipt": Receipts(repo, request.user).issue(put)}, status=201)


@answers_json
@for_proposers
def _commit(request: MemberRequest, repo: Repository, rev: str, path: str = "") -> HttpResponse:
    """Commit `{"title", "description", "way", "draft", "files": [{"path", "receipt"}]}`. Answers where the result is seen."""
    wanted = read_json(request)
    place = open_place(request, repo, rev)
    form = CommitForm({name: wanted.get(name) for name in ("way", "draft")}, ways=place.ways)
    if not form.is_valid():
        raise Invalid(_("A change goes to the branch, or into a pull request."), field="way")
    receipts = Receipts(repo, request.user)
    title = wanted["title"] or _default_title([file["path"] for file in wanted["files"]])
    count = len(wanted["files"])
    pull_request = place.commit(
        request,
        [receipts.redeem(file["receipt"], file["path"]) for file in wanted["files"]],
        title=title,
        description=wanted["description"],
        proposes=form.proposes(),
        draft=form.cleaned_data.get("draft", False),
        done=ngettext("%(count)d file is uploaded.", "%(count)d files are uploaded.", count) % {"count": count},
    )
    return JsonResponse({"address": pull_request or _folder(place, path)}, status=201)


def _folder(place: Place, path: str) -> str:
    """Return where somebody sees what they have uploaded to a branch."""
    return repo_path(place.repo.kind, place.repo.full_name, "tree", rev=place.revision.name, path=path)


def read_json(request: HttpRequest) -> dict[str, Any]:
    """Return what the page's script asks to commit, its form checked. Raises Invalid."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > MAX_COMMIT_JSON:
        raise Invalid(_("One commit takes up to %(max)d files.") % {"max": settings.MAX_COMMIT_OPERATIONS})
    try:
        match json.loads(request.META["wsgi.input"].read(length)):
            case {"title": str(), "description": str(), "files": [_first, *_rest] as files} as wanted if all(
                isinstance(f, dict) and isinstance(f.get("path"), str) and isinstance(f.get("receipt"), str)
                for f in files
            ):
                pass
            case _other:
                raise Invalid(_("There is nothing to commit. Add a file first."))
    except (ValueError, RecursionError) as error:
        raise Invalid(_("The list of files could not be read. Try again.")) from error
    if UNSTORABLE.search(wanted["title"] + wanted["description"]):
        raise Invalid(_("The message holds a character that no text may have."))
    if len(wanted["files"]) > settings.MAX_COMMIT_OPERATIONS:
        raise Invalid(_("One commit takes up to %(max)d files.") % {"max": settings.MAX_COMMIT_OPERATIONS})
    return wanted


def _default_title(paths: list[str]) -> str:
    if len(paths) == 1:
        return _("Upload %(path)s") % {"path": paths[0]}
    return ngettext("Upload %(count)d file", "Upload %(count)d files", len(paths)) % {"count": len(paths)}


@for_proposers
def _page(request: MemberRequest, repo: Repository, rev: str, path: str = "") -> HttpResponse:
    """The page; without a script its form takes one file."""
    place = open_place(request, repo, rev)
    revision, folder = place.revision, path.strip("/")
    form = UploadForm(request.POST or None, request.FILES or None, initial={"folder": folder}, ways=place.ways)
    status = 200
    if request.method == "POST" and form.is_valid():
        file, target = form.cleaned_data["file"], form.path()
        try:
            put = receive_file(
                repo=repo,
                user=request.user,
                path=target,
                stream=file,
                length=file.size,
                rule=LargeFileRule.at(repo, revision.commit),
            )
            pull_request = place.commit(
                request,
                [put],
                title=form.cleaned_data["title"] or _default_title([target]),
                description=form.cleaned_data["description"],
                proposes=form.proposes(),
                draft=form.cleaned_data.get("draft", False),
                done=_("“%(path)s” is uploaded.") % {"path": target},
            )
        except HubError as error:
            form.add_error("folder" if error.field == "path" else None, error.message)
            status = error.status
        else:
            return redirect(pull_request or _folder(place, target.rpartition("/")[0]))
    return repo_page(
        request,
        "web/repo/upload.html",
        repo,
        tab="files",
        status=status,
        form=form,
        place=place,
        revision=revision,
        path=folder,
        crumbs=crumbs_of(folder),
        max_form_file=UploadForm.MAX_FILE,
        max_file=settings.MAX_LFS_FILE,
        texts=upload_texts(),
    )


def upload_texts() -> dict[str, str]:
    """What the page's script says. Words in braces are filled in there."""
    return {
        "waiting": _("waiting"),
        "done": _("sent"),
        "failed": _("not sent"),
        "percent": _("{percent} %"),
        "remove": _("Remove {name}"),
        "retryNamed": _("Send {name} again"),
        "broken": _("The connection broke. Check your network, then send it again."),
        "refused": _("The hub answered {status}. Try again."),
        "nothing": _("No file chosen yet."),
        "sending": _("Sending: {sent} of {size}."),
        "ready": _("Ready to commit: {count} files, {size}."),
        "someFailed": _("{failed} not sent. Send again, or remove what is not sent."),
    }
