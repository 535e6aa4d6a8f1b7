"""Sending stored bytes: ranges and conditions; from the store itself where people reach it and content lies there whole."""

import re
from collections.abc import Callable, Iterator
from itertools import chain

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from hub.core.blobs import lfs_key, store
from hub.repos.chunking import stays_whole
from hub.repos.content import open_blob
from hub.repos.models import Blob

# How long a signed address of the store opens: long enough to begin with it, since what has begun goes on, and no longer, since
# nothing closes it before: not a takedown, nor a gate. What breaks off later comes back here, and gets another.
DIRECT_SECONDS = 900
# One range; a request for several is answered with the whole file, which is always allowed.
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", re.ASCII)


def send(
    request: HttpRequest,
    *,
    size: int,
    headers: dict[str, str],
    content: Callable[[int, int], HttpResponseBase],
    direct: Callable[[], str | None] = lambda: None,
) -> HttpResponseBase:
    """Answer a GET or HEAD for `size` bytes under `headers`, which hold the ETag. `content` gives bytes start to end; where
    `direct` gives an address, a GET is sent there.

    Ranges are for GET: a HEAD tells of the whole, as clients check what they got against it.
    """
    etag = headers["ETag"]
    if _is_known(request, etag):
        return HttpResponse(status=304, headers=headers)
    span = (0, size) if request.method == "HEAD" else _span(request, size, etag)
    if span is None:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    if request.method == "GET" and _may_leave(request) and (address := direct()):
        # The address opens to whoever has it, for a while: nobody keeps it.
        return HttpResponse(status=302, headers={**headers, "Location": address, "Cache-Control": "private, no-store"})
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
    """Return bytes `start` to `end` of large content, as a response without headers. Memory: a few pieces.

    What is damaged is a status code where that is in the first piece; later, the connection ends before all has come.
    """
    return StreamingHttpResponse(_begun(open_blob(blob, start, end)))


def direct_address(blob: Blob, *, content_type: str, disposition: str) -> str | None:
    """Return an address of the store that gives large content to whoever has it, for DIRECT_SECONDS; None where people do not
    reach the store, or it does not have the content whole and sound for that long."""
    if not store().is_direct or not blob.whole or blob.damaged_at or not stays_whole(blob, DIRECT_SECONDS):
        return None
    return store().sign_get(
        lfs_key(blob.sha256), seconds=DIRECT_SECONDS, content_type=content_type, disposition=disposition
    )


def _may_leave(request: HttpRequest) -> bool:
    """Tell whether the caller may be sent elsewhere: not what a page of ours loads, whose policy knows no other place, nor who
    asks for a range of what they have, since the store has other tags."""
    return "If-Range" not in request.headers and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"


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
