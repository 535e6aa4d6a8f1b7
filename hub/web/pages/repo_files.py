"""Looking at files: folders, one file, and its plain content, at any revision."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from hub.core.highlight import highlight_file
from hub.core.links import repo_path
from hub.core.middleware import UPLOADED_FILE_POLICY
from hub.repos.content import open_content
from hub.repos.errors import EntryNotFound
from hub.repos.git.files import FileEntry, blob_of, find_file, find_files, list_folder, read_file, resolve_revision
from hub.repos.models import GitCommit, Repository
from hub.repos.permissions import may_fetch
from hub.repos.safetensors import Header, HeaderInvalid, read_header
from hub.web.pages.repo_head import Revision, crumbs_of, for_fetchers, for_readers, open_revision, repo_page
from hub.web.paging import page_number
from hub.web.proposing import may_change

ENTRIES_PER_PAGE = 300
# A text that is longer is not shown in the page: browsers slow down, and nobody reads it there.
MAX_SHOWN_TEXT = 1024 * 1024  # bytes
MAX_SHOWN_TENSORS = 2000

IMAGE_TYPES = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


@dataclass(frozen=True)
class Listed:
    """A line of a folder's table: the entry, and the commit that last changed it where that is known."""

    entry: FileEntry
    commit: GitCommit | None


@for_readers
@require_safe
def tree(request: HttpRequest, repo: Repository, rev: str, path: str = "") -> HttpResponse:
    """A folder. Raises RevisionNotFound, EntryNotFound."""
    path = path.strip("/")
    revision = open_revision(repo, rev)
    entries = list_folder(repo, revision.commit, path)
    page = page_number(request)
    shown = entries[(page - 1) * ENTRIES_PER_PAGE : page * ENTRIES_PER_PAGE]
    if page > 1 and not shown:
        raise EntryNotFound("")
    newest = max((e for e in entries if e.last_at), key=lambda e: e.last_at, default=None)  # type: ignore[arg-type, return-value]
    commits = _last_commits(repo, [*shown, newest] if newest else shown)
    return repo_page(
        request,
        "web/repo/tree.html",
        repo,
        tab="files",
        revision=revision,
        may_change=may_change(request.user, repo, revision),
        view="tree",
        path=path,
        crumbs=crumbs_of(path),
        parent=path.rpartition("/")[0],
        listed=[Listed(entry, commits.get(entry.last_commit or "")) for entry in shown],
        total=len(entries),
        knows_commits=newest is not None,
        last_commit=commits.get(newest.last_commit or "", revision.commit) if newest and path else revision.commit,
        previous=f"?page={page - 1}" if page > 1 else "",
        next=f"?page={page + 1}" if page * ENTRIES_PER_PAGE < len(entries) else "",
        first_shown=(page - 1) * ENTRIES_PER_PAGE + 1,
        last_shown=(page - 1) * ENTRIES_PER_PAGE + len(shown),
    )


def _last_commits(repo: Repository, entries: list[FileEntry]) -> dict[str, GitCommit]:
    """Return the commits that last changed the entries, by id."""
    wanted = {e.last_commit for e in entries if e.last_commit}
    return {c.oid: c for c in GitCommit.objects.filter(store=repo.store_id, oid__in=list(wanted))}


@for_readers
@require_safe
def blob(request: HttpRequest, repo: Repository, rev: str, path: str) -> HttpResponse:
    """One file, shown as what it is; of a gated repository, those who were not let in see its name, size and hash.

    Raises RevisionNotFound, EntryNotFound.
    """
    revision = open_revision(repo, rev)
    path = path.rstrip("/")
    found = find_files(repo, revision.commit, [path])
    if found and found[0].is_folder:
        return redirect(repo_path(repo.kind, repo.full_name, "tree", rev=rev, path=path))
    file = found[0] if found else find_file(repo, revision.commit, path)
    return repo_page(
        request,
        "web/repo/blob.html",
        repo,
        tab="files",
        revision=revision,
        may_change=may_change(request.user, repo, revision),
        view="blob",
        path=path,
        crumbs=crumbs_of(path),
        parent=path.rpartition("/")[0],
        file=file,
        last_commit=_last_commit(repo, revision, file),
        stored=blob_of(repo, file),
        **(_shown(repo, file) if may_fetch(request.user, repo) else {}),
    )


def _last_commit(repo: Repository, revision: Revision, file: FileEntry) -> GitCommit | None:
    if file.last_commit is None or file.last_commit == revision.commit.oid:
        return revision.commit if file.last_commit else None
    return GitCommit.objects.filter(store=repo.store_id, oid=file.last_commit).first()


def _shown(repo: Repository, file: FileEntry) -> dict[str, Any]:
    """Return how the page shows the content: `image`, `header`, `lines` or nothing but facts."""
    suffix = PurePosixPath(file.name).suffix.lower()
    if suffix in IMAGE_TYPES:
        return {"image": True}
    if suffix == ".safetensors":
        return _tensors(repo, file)
    if file.sha256 is not None:
        return {}
    if file.size > MAX_SHOWN_TEXT:
        return {"too_long": MAX_SHOWN_TEXT}
    text = as_text(read_file(repo, file))
    if text is None:
        return {}
    return {"source": highlight_file(file.name, text), "text": True}


def _tensors(repo: Repository, file: FileEntry) -> dict[str, Any]:
    try:
        header = read_header(repo, file)
    except (HeaderInvalid, EntryNotFound) as error:
        return {"header_error": error.message}
    largest = max((t.bytes for t in header.tensors), default=1) or 1
    shown = sorted(header.tensors, key=lambda t: natural_key(t.name))[:MAX_SHOWN_TENSORS]
    return {
        "header": header,
        "tensors": [(tensor, max(1, round(100 * tensor.bytes / largest))) for tensor in shown],
        "metadata": _metadata(header),
    }


def _metadata(header: Header) -> list[tuple[str, str]]:
    return [(key[:80], value[:400]) for key, value in sorted(header.metadata.items())[:50]]


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Order `layers.2` before `layers.10`."""
    return [(0, int(part)) if part.isascii() and part.isdigit() else (1, part) for part in name.split(".")]


def as_text(content: bytes) -> str | None:
    """Return UTF-8 text, None for what is not text."""
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


@for_fetchers
@require_safe
def raw(request: HttpRequest, repo: Repository, rev: str, path: str) -> HttpResponseBase:
    """The content alone: text and images for the browser to show, everything else to save. Raises EntryNotFound."""
    file = find_file(repo, resolve_revision(repo, rev), path)
    image_type = IMAGE_TYPES.get(PurePosixPath(file.name).suffix.lower())
    if image_type is None and file.sha256 is not None:
        return redirect(repo_path(repo.kind, repo.full_name, "resolve", rev=rev, path=path))
    response: HttpResponseBase
    if image_type is not None:
        response = StreamingHttpResponse(open_content(repo, file), content_type=image_type)
        response["Content-Length"] = str(file.size)
    else:
        content = read_file(repo, file)
        is_text = as_text(content) is not None
        response = HttpResponse(
            content, content_type="text/plain; charset=utf-8" if is_text else "application/octet-stream"
        )
        if not is_text:
            response["Content-Disposition"] = content_disposition_header(True, file.name) or "attachment"
    response["Content-Security-Policy"] = UPLOADED_FILE_POLICY
    # The commit may be a moving name, and a private file must not stay in a shared cache.
    response["Cache-Control"] = "private, no-cache"
    return response
