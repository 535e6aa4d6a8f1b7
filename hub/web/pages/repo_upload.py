"""Uploading from the browser: each file by itself, then one commit that names them all."""

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hub.core.errors import HubError, Invalid
from hub.core.links import repo_path
from hub.repos.attributes import LargeFileRule
from hub.repos.models import Repository
from hub.repos.uploads import Receipts, receive_file
from hub.web.forms.repositories import CommitForm, UploadForm
from hub.web.pages.repo_head import crumbs_of, for_proposers, repo_page
from hub.web.proposing import Place, open_place
from hub.web.requests import MemberRequest
from hub.web.uploading import answers_json, open_content, read_commit, upload_texts, upload_view


@answers_json
@for_proposers
def _receive(request: MemberRequest, repo: Repository, rev: str, path: str = "") -> HttpResponse:
    """Store one file. Answers its receipt, and whether it is kept outside git."""
    stream, length = open_content(request)
    place = open_place(request, repo, rev)
    put = receive_file(
        repo=repo,
        user=request.user,
        path=path,
        stream=stream,
        length=length,
        rule=LargeFileRule.at(repo, place.revision.commit),
    )
    return JsonResponse({"receipt": Receipts(repo, request.user).issue(put)}, status=201)


@answers_json
@for_proposers
def _commit(request: MemberRequest, repo: Repository, rev: str, path: str = "") -> HttpResponse:
    """Commit `{"title", "description", "way", "draft", "files": [{"path", "receipt"}]}`. Answers where the result is seen."""
    wanted = read_commit(request)
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


upload = upload_view(receive=_receive, commit=_commit, page=_page)
