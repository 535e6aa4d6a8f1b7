"""Sending a file's bytes: `HEAD` and `GET .../resolve/{rev}/{path}`.

The headers are what clients keep in their caches: commit, ETag (git's blob id, or the sha256 of large content), size, and
where the Xet protocol can be used instead.
"""

import mimetypes
import re

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from hub.api.edge import stream_view
from hub.api.hf.downloads import note_download
from hub.api.hf.paths import api_path
from hub.api.sending import blob_content, direct_address, send
from hub.core.highlight import BIDI_CONTROLS
from hub.core.links import base_url
from hub.core.middleware import UPLOADED_FILE_POLICY
from hub.repos.content import missing_content
from hub.repos.git.files import FileEntry, blob_of, find_file, read_file, resolve_revision
from hub.repos.git.objects import open_object
from hub.repos.models import Blob, GitCommit, Repository
from hub.repos.permissions import get_repo_for_content

IN_ONE_PIECE = 256 * 1024  # bytes
# What a name must not bring into a header, or hide from whoever saves the file: `exe.gpj` read backwards, letters unseen.
_CONTROL = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b\u2060\ufeff\ud800-\udfff{BIDI_CONTROLS}]")
# What a browser may show as it is: it runs nothing. Every other text is shown as plain text, everything else is saved.
_SHOWN = re.compile(r"image/(png|jpeg|gif|webp|avif|bmp)|(audio|video)/[\w.+-]+", re.ASCII)
_TEXT = re.compile(r"text/.*|application/(json|javascript|xml|x-sh|x-yaml|yaml|toml|x-tex|.+\+xml|.+\+json)", re.ASCII)
_TEXT_NAMES = re.compile(r"(.*\.(md|jinja|ipynb|jsonl|toml|cfg|ini|yaml|yml|gitignore|gitattributes|py|rst)|[A-Z]+)")


@stream_view("GET", "HEAD", session=True)
def resolve(request: HttpRequest, kind: str, namespace: str, name: str, revision: str, path: str) -> HttpResponseBase:
    """GET or HEAD [/{kind}s]/{repo}/resolve/{rev}/{path}. A browser's log-in counts, so that links on the site work."""
    repo = get_repo_for_content(request.user, kind, namespace, name)
    commit = resolve_revision(repo, revision)
    file = find_file(repo, commit, path)
    blob = blob_of(repo, file)
    if file.sha256 and blob is None:
        raise missing_content(file)
    if request.method == "GET":
        note_download(request, repo, used=[commit.oid] if blob is not None and not is_picture(file.name) else ())

    def content(start: int, end: int) -> HttpResponseBase:
        if blob is not None:
            return blob_content(blob, start, end)
        if file.size <= IN_ONE_PIECE:
            return HttpResponse(read_file(repo, file)[start:end])
        return StreamingHttpResponse(open_object(repo.store_id, file.oid, start, end))

    headers = _headers(request, repo, commit, file, blob)

    def direct() -> str | None:
        if blob is None:
            return None
        return direct_address(blob, content_type=headers["Content-Type"], disposition=headers["Content-Disposition"])

    return send(request, size=file.size, headers=headers, content=content, direct=direct)


def _headers(
    request: HttpRequest, repo: Repository, commit: GitCommit, file: FileEntry, blob: Blob | None
) -> dict[str, str]:
    etag = f'"{file.sha256 or file.oid}"'
    headers = file_headers(request, file.name, etag) | {"X-Repo-Commit": commit.oid}
    if file.sha256:
        headers["X-Linked-Etag"] = etag
        headers["X-Linked-Size"] = str(file.size)
    if blob is not None and blob.xet_file_id:
        headers["X-Xet-Hash"] = blob.xet_file_id
        address = base_url(request) + api_path(repo, "xet-read-token", commit.oid)
        headers["Link"] = f'<{address}>; rel="xet-auth"'
    return headers


def file_headers(request: HttpRequest, name: str, etag: str) -> dict[str, str]:
    """Return what is said of an uploaded file of that name whatever it is kept in: how a browser takes it, and for how long."""
    content_type, attached = _presentation(name)
    return {
        "ETag": etag,
        "Content-Type": content_type,
        "Content-Disposition": content_disposition_header(
            attached or request.GET.get("download", "") not in ("", "0", "false"), _CONTROL.sub("_", name)
        )
        or "attachment",
        "Content-Security-Policy": UPLOADED_FILE_POLICY,
        "X-Content-Type-Options": "nosniff",
        # To be kept, and asked about: the same name may hold something else a moment later, or be closed.
        "Cache-Control": "private, no-cache",
    }


def is_picture(name: str) -> bool:
    """Tell by a file's name whether it is there to be looked at or listened to."""
    return bool(_SHOWN.fullmatch(mimetypes.guess_type(name)[0] or ""))


def _presentation(name: str) -> tuple[str, bool]:
    """Return the content type to send for a file name, and whether a browser is to save the file."""
    guessed = mimetypes.guess_type(name)[0] or ""
    if guessed == "image/svg+xml":
        # Pages may show it as an image; opened by itself it is saved, since it can carry scripts.
        return guessed, True
    if _SHOWN.fullmatch(guessed):
        return guessed, False
    if _TEXT.fullmatch(guessed) or _TEXT_NAMES.fullmatch(name):
        return "text/plain; charset=utf-8", False
    return "application/octet-stream", True
