"""Sending stored bytes: ranges, conditions, and the system's own file sending where a blob lies whole."""

import re
from collections.abc import Callable, Iterator
from itertools import chain

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from hub.core.blobs import lfs_key, store
from hub.repos.models import Blob
from hub.repos.xet.reading import open_file

# One range; a request for several is answered with the whole file, which is always allowed.
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", re.ASCII)


def send(
    request: HttpRequest,
    *,
    size: int,
    headers: dict[str, str],
    content: Callable[[int, int], HttpResponseBase],
) -> HttpResponseBase:
    """Answer a GET or HEAD for `size` bytes under `headers`, which hold the ETag. `content` gives bytes start to end.

    Ranges are for GET: a HEAD tells of the whole, as clients check what they got against it.
    """
    etag = headers["ETag"]
    if _is_known(request, etag):
        return HttpResponse(status=304, headers=headers)
    span = (0, size) if request.method == "HEAD" else _span(request, size, etag)
    if span is None:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, end = span
    response = HttpResponse() if request.method == "HEAD" else content(start, end)
    for key, value in headers.items():
        response[key] = value
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(end - start)
    if (start, end) != (0, size):
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


def blob_content(blob: Blob, start: int, end: int) -> HttpResponseBase:
    """Return bytes `start` to `end` of large content, as a response without headers. Memory: one piece."""
    if blob.whole:
        handle = store().open_file(lfs_key(blob.sha256))
        if handle is None:
            return StreamingHttpResponse(store().read(lfs_key(blob.sha256), start, end))
        # The server sends from where the file stands, as many bytes as Content-Length says.
        handle.seek(start)
        return FileResponse(handle)
    assert blob.xet_file is not None
    return StreamingHttpResponse(_begun(open_file(blob.xet_file, start, end)))


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first piece now, so that damage in it is still a status code."""
    first = next(pieces, b"")
    return chain([first], pieces)


def _is_known(request: HttpRequest, etag: str) -> bool:
    """Tell whether the caller has this very content (If-None-Match)."""
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    return etag in known or known == ["*"]


def _span(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """Return the bytes asked for as (start, end), the end exclusive and within the file; None: there are none."""
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    same = request.headers.get("If-Range", etag).strip() == etag
    if found is None or not same or size == 0:
        return 0, size
    first, last, tail = found.groups()
    if tail is not None:
        return (max(0, size - int(tail)), size) if int(tail) else None
    start = int(first)
    if last and int(last) < start:
        # No range by the standard, so as if nothing had been asked.
        return 0, size
    return (start, min(int(last) + 1 if last else size, size)) if start < size else None
