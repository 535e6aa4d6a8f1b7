"""The pages of one bucket: its files by folder, sending and deleting some, and what its owner decides."""

from pathlib import PurePosixPath
from typing import Any

from django.conf import settings as site_settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from hub.core.errors import HubError, Invalid
from hub.core.links import repo_path
from hub.core.markdown import Rendered
from hub.core.markdown import render as render_markdown
from hub.repos.bucket_files import Entry, find_files, get_file, list_below, list_folder
from hub.repos.buckets import MAX_OPERATIONS, Failure, Put, Remove, change_files
from hub.repos.cards import CARD_FILE, parse
from hub.repos.content import open_blob
from hub.repos.errors import EntryNotFound
from hub.repos.git.commits import PutBlob
from hub.repos.large_uploads import receive_whole
from hub.repos.models import BucketTotals, Kind, Repository
from hub.repos.names import check_path
from hub.repos.permissions import may_administer, may_write
from hub.repos.uploads import Receipts
from hub.web.forms.repositories import FileForm, MoveForm, VisibilityForm
from hub.web.kinds import words_of
from hub.web.pages.repo_head import crumbs_of, for_admins, for_fetchers, for_writers
from hub.web.pages.repo_settings import try_to_move
from hub.web.requests import MemberRequest
from hub.web.uploading import answers_json, open_content, read_commit, upload_texts, upload_view

ENTRIES_PER_PAGE = 300
MAX_SHOWN_README = 256 * 1024  # bytes
# Of operations that failed, those that the page names.
_NAMED_FAILURES = 3


def bucket_page(
    request: HttpRequest, template: str, repo: Repository, *, tab: str, status: int = 200, **more: Any
) -> HttpResponse:
    """Render a page of the bucket under its head. `tab`: the one that is open, files or settings."""
    context = {
        "repo": repo,
        "nav": repo.plural,
        "words": words_of(Kind.BUCKET),
        "tab": tab,
        "totals": BucketTotals.objects.get(repository=repo),
        "may_write": may_write(request.user, repo),
        "may_administer": request.user.is_authenticated and may_administer(request.user, repo),
        **more,
    }
    return render(request, template, context, status=status)


@for_fetchers
@require_safe
def files(request: HttpRequest, repo: Repository, path: str = "") -> HttpResponse:
    """A folder, by pages: `?after=` is where one begins. The address of a file leads to it. Raises EntryNotFound."""
    path = path.strip("/")
    if path and find_files(repo, [path]):
        return redirect(repo_path(repo.kind, repo.full_name, "resolve", path=path))
    after = request.GET.get("after", "").replace("\0", "")
    found = list_folder(repo, path, after=after, limit=ENTRIES_PER_PAGE + 1)
    if path and not found:
        raise EntryNotFound(_("There is no folder “%(path)s” in this bucket.") % {"path": path[:200]})
    return bucket_page(
        request,
        "web/buckets/files.html",
        repo,
        tab="files",
        path=path,
        crumbs=crumbs_of(path),
        parent=path.rpartition("/")[0],
        entries=found[:ENTRIES_PER_PAGE],
        after=after,
        next=found[ENTRIES_PER_PAGE - 1].cursor if len(found) > ENTRIES_PER_PAGE else "",
        readme=None if after else _readme(repo, path, found),
    )


def _readme(repo: Repository, folder: str, entries: list[Entry]) -> Rendered | None:
    """Return the README of a folder, None where there is none, or none that can be shown."""
    there = next((entry for entry in entries if entry.name == CARD_FILE and not entry.is_folder), None)
    if there is None or not 0 < there.size <= MAX_SHOWN_README:
        return None
    blob = get_file(repo, there.path).blob
    try:
        text = b"".join(open_blob(blob, 0, blob.size)).decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return render_markdown(
        parse(text).body,
        link_base=repo_path(repo.kind, repo.full_name, "tree", path=folder),
        raw_base=repo_path(repo.kind, repo.full_name, "resolve", path=folder),
        scope="readme",
    )


# --- sending --------------------------------------------------------------------------------------------------


@answers_json
@for_writers
def _receive(request: MemberRequest, repo: Repository, path: str = "") -> HttpResponse:
    """Store one file. Answers its receipt."""
    stream, length = open_content(request)
    check_path(path)
    blob = receive_whole(repo=repo, user=request.user, stream=stream, length=length)
    receipt = Receipts(repo, request.user).issue(PutBlob(path, blob.sha256, blob.size))
    return JsonResponse({"receipt": receipt}, status=201)


@answers_json
@for_writers
def _put(request: MemberRequest, repo: Repository, path: str = "") -> HttpResponse:
    """Put `{"title", "description", "files": [{"path", "receipt"}]}` into the bucket. Answers where the result is seen."""
    sent = read_commit(request)["files"]
    if len(sent) > MAX_OPERATIONS:
        raise Invalid(_("One upload takes up to %(max)d files. Send the others afterwards.") % {"max": MAX_OPERATIONS})
    receipts, now = Receipts(repo, request.user), timezone.now()
    puts = []
    for file in sent:
        stored = receipts.redeem(file["receipt"], file["path"])
        assert isinstance(stored, PutBlob)  # Receipts are for one repository, and a bucket gives no others.
        puts.append(Put(file["path"], now, sha256=stored.sha256))
    _refuse_if_any(change_files(repo=repo, actor=request.user, operations=puts), len(puts))
    done = ngettext("%(count)d file is uploaded.", "%(count)d files are uploaded.", len(puts)) % {"count": len(puts)}
    messages.success(request, done)
    return JsonResponse({"address": _folder_address(repo, path)}, status=201)


def _refuse_if_any(failures: list[Failure], count: int) -> None:
    if failures:
        told = " ".join(failure.error for failure in failures[:_NAMED_FAILURES])
        raise Invalid(
            _("%(failed)d of %(count)d files were left out. %(why)s")
            % {"failed": len(failures), "count": count, "why": told}
        )


@for_writers
def _upload_page(request: MemberRequest, repo: Repository, path: str = "") -> HttpResponse:
    """The page; without a script its form takes one file."""
    folder = path.strip("/")
    form = FileForm(request.POST or None, request.FILES or None, initial={"folder": folder})
    status = 200
    if request.method == "POST" and form.is_valid():
        file, target = form.cleaned_data["file"], form.path()
        try:
            check_path(target)
            blob = receive_whole(repo=repo, user=request.user, stream=file, length=file.size)
            put = Put(target, timezone.now(), sha256=blob.sha256)
            _refuse_if_any(change_files(repo=repo, actor=request.user, operations=[put]), 1)
        except HubError as error:
            form.add_error("folder" if error.field == "path" else None, error.message)
            status = error.status
        else:
            messages.success(request, _("“%(path)s” is uploaded.") % {"path": target})
            return redirect(_folder_address(repo, target.rpartition("/")[0]))
    return bucket_page(
        request,
        "web/buckets/upload.html",
        repo,
        tab="files",
        status=status,
        form=form,
        path=folder,
        max_form_file=FileForm.MAX_FILE,
        max_file=site_settings.MAX_LFS_FILE,
        texts={**upload_texts(), "ready": _("Ready: {count} files, {size}.")},
    )


upload = upload_view(receive=_receive, commit=_put, page=_upload_page)


def _folder_address(repo: Repository, folder: str) -> str:
    parts = ("tree",) if folder else ()
    return repo_path(repo.kind, repo.full_name, *parts, path=folder)


# --- deleting -------------------------------------------------------------------------------------------------


@require_POST
@for_writers
def remove(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Delete the files `path`, which may be repeated; one that ends in a slash is a folder with all that is below it."""
    chosen = request.POST.getlist("path")[:MAX_OPERATIONS]
    folder = PurePosixPath(chosen[0].rstrip("/")).parent.as_posix() if chosen else ""
    paths = [path for path in chosen if not path.endswith("/")]
    for each in (path for path in chosen if path.endswith("/")):
        room = MAX_OPERATIONS - len(paths)
        paths += [entry.path for entry in list_below(repo, each.replace("\0", ""), limit=room)] if room else []
    failures = change_files(repo=repo, actor=request.user, operations=[Remove(path) for path in paths])
    count = len(paths) - len(failures)
    if count:
        done = ngettext("%(count)d file is deleted.", "%(count)d files are deleted.", count) % {"count": count}
        messages.success(request, done)
    elif not chosen:
        messages.error(request, _("No file was chosen, so nothing was deleted."))
    if len(paths) == MAX_OPERATIONS:
        messages.info(request, _("There may be more of them: delete the folder once more."))
    for failure in failures[:_NAMED_FAILURES]:
        messages.error(request, failure.error)
    folder = "" if folder == "." else folder
    return redirect(_folder_address(repo, folder if folder and list_folder(repo, folder, limit=1) else ""))


# --- settings -------------------------------------------------------------------------------------------------


@require_safe
@for_admins
def settings(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Its name and owner, who sees it, its end."""
    return _settings_page(request, repo)


@require_POST
@for_admins
def move(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Another name or owner. The old address leads to the new one."""
    form = MoveForm(request.POST, user=request.user)
    done = try_to_move(request, repo, form)
    return _settings_page(request, repo, move=form, status=done) if isinstance(done, int) else done


def _settings_page(
    request: MemberRequest, repo: Repository, *, move: MoveForm | None = None, status: int = 200
) -> HttpResponse:
    place = {"owner": repo.namespace.name, "name": repo.name}
    return bucket_page(
        request,
        "web/buckets/settings.html",
        repo,
        tab="settings",
        status=status,
        move=move or MoveForm(user=request.user, initial=place),
        visibility=VisibilityForm(initial={"visibility": repo.visibility}),
    )
