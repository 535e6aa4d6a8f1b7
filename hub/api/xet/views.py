"""The calls of the Xet protocol. Formats: the Xet specification; rules: `hub.repos.xet`."""

import json
import logging
import re
import time
from collections.abc import Iterator
from itertools import chain
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from hub.api.bodies import parse_object
from hub.api.concurrency import ConcurrencyLimit
from hub.api.edge import plain_view
from hub.api.errors import named
from hub.api.xet.edge import Body, reader, upload
from hub.core.blobs import store, xorb_key
from hub.core.database import give_back_connection
from hub.core.errors import Invalid, NotFound
from hub.core.links import base_url
from hub.repos.errors import LinkRefused
from hub.repos.storage.quotas import require_quota_of_xorb
from hub.repos.xet import reading, tokens
from hub.repos.xet.access import Access, get_file_for_read, open_for
from hub.repos.xet.dedup import answer_dedup
from hub.repos.xet.errors import RangeNotSatisfiable
from hub.repos.xet.grants import check_offered, finish_grant, offer_grant
from hub.repos.xet.hashing import from_hex
from hub.repos.xet.layouts import check_sound
from hub.repos.xet.services import Progress, register_shard, store_xorb
from hub.repos.xet.tokens import LINK_SECONDS, Holder, StoredRange, holder_of, sign_range

log = logging.getLogger(__name__)

# Seconds between progress lines. The client gives up after 300 s of silence.
_LINE_EVERY = 1.0
# Shards that one web process takes in at a time, of one account.
_SHARDS = 8
_shards = ConcurrencyLimit(
    "As many shards are being checked as this hub checks at once. Try again in a few seconds.", retry_after=5
)
# Bytes of what is said about a xorb before it is sent.
_MAX_ASKED = 64 * 1024
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


@upload
def upload_xorb(body: Body, access: Access, prefix: str, name: str) -> HttpResponseBase:
    """POST v1/xorbs/{prefix}/{hash}: store one xorb."""
    require_quota_of_xorb(repo=access.repository, user=access.user, name=_checked(name), size=body.length)
    inserted = store_xorb(
        stream=body,
        length=body.length,
        expected_hash=_checked(name),
        repository=access.repository,
        user=access.user,
    )
    return JsonResponse({"was_inserted": inserted})


@upload
def grant_xorb(body: Body, access: Access, prefix: str, name: str) -> HttpResponseBase:
    """POST v1/xorb-grants/{prefix}/{hash}: where to send a xorb straight to the store; 404 where it comes to the hub."""
    check_offered()
    size = parse_object(body.read_all(_MAX_ASKED)).get("length")
    if not isinstance(size, int):
        raise Invalid("Tell the xorb's length, in bytes.", field="length")
    require_quota_of_xorb(repo=access.repository, user=access.user, name=_checked(name), size=size)
    offer = offer_grant(repository=access.repository, user=access.user, name=_checked(name), size=size)
    if offer is None:
        return JsonResponse({"was_inserted": False})
    return JsonResponse({"id": str(offer.grant), "method": "PUT", "url": offer.url, "headers": {}}, status=201)


@upload
def commit_xorb(body: Body, access: Access, prefix: str, name: str, grant: UUID) -> HttpResponseBase:
    """POST v1/xorb-commits/{prefix}/{hash}/grant/{id}: have checked what was sent with a grant, and stored."""
    inserted = finish_grant(repository=access.repository, user=access.user, name=_checked(name), grant_id=grant)
    return JsonResponse({"was_inserted": inserted})


@upload
def upload_shard(body: Body, access: Access, prefix: str = "", name: str = "") -> HttpResponseBase:
    """POST v1/shards: register files, in one answer at the end. Older clients name the shard, which nobody needs."""
    for _ in _registration(body, access):
        pass
    return JsonResponse({"result": 1})


@upload
def upload_shard_with_progress(body: Body, access: Access) -> HttpResponseBase:
    """POST v2/shards: register files, with a line of progress now and then and one at the end."""
    progress = _registration(body, access)
    # The first step reads and checks the body, so what is wrong with it is still a status code.
    first = next(progress)
    lines = _progress_lines(chain([first], progress))
    answer = StreamingHttpResponse(lines, content_type="application/x-ndjson")
    # A proxy that gathered lines would make a client believe that the hub has stopped.
    answer["X-Accel-Buffering"] = "no"
    return answer


@reader
def find_chunk(request: HttpRequest, access: Access, prefix: str, name: str) -> HttpResponseBase:
    """GET v1/chunks/{prefix}/{hash}: a shard of xorbs that hold this chunk, or 404."""
    answer = answer_dedup(access=access, chunk_hash=_checked(name))
    if answer is None:
        raise NotFound("This chunk is not known here.")
    return HttpResponse(answer, content_type="application/octet-stream")


@reader
def reconstruction_v1(request: HttpRequest, access: Access, name: str) -> HttpResponseBase:
    """GET v1/reconstructions/{hash}: terms of a file, and an address for each run of bytes."""
    plan, holder = _plan(request, access, name), holder_of(access.repository, access.user)
    fetch = {
        xorb: [
            {
                "range": {"start": run.first_chunk, "end": run.end_chunk},
                "url": _address(request, run, holder),
                "url_range": {"start": run.start, "end": run.end - 1},
            }
            for run in runs
        ]
        for xorb, runs in plan.ranges.items()
    }
    return _kept_to_oneself({**_terms(plan), "fetch_info": fetch})


@reader
def reconstruction_v2(request: HttpRequest, access: Access, name: str) -> HttpResponseBase:
    """GET v2/reconstructions/{hash}: the same, in the newer shape."""
    plan, holder = _plan(request, access, name), holder_of(access.repository, access.user)
    xorbs = {
        xorb: [
            {
                "url": _address(request, run, holder),
                "ranges": [
                    {
                        "chunks": {"start": run.first_chunk, "end": run.end_chunk},
                        "bytes": {"start": run.start, "end": run.end - 1},
                    }
                ],
            }
            for run in runs
        ]
        for xorb, runs in plan.ranges.items()
    }
    return _kept_to_oneself({**_terms(plan), "xorbs": xorbs})


@plain_view("GET")
def stored_bytes(request: HttpRequest, name: str, generation: int = 0) -> HttpResponseBase:
    """GET data/{hash}?...: exactly the run of stored bytes that the address was signed for, to whom it was signed for."""
    wanted, holder = tokens.read_range(_checked(name), request.GET.dict())
    open_for(holder)
    if request.headers.get("Range") != f"bytes={wanted.start}-{wanted.end - 1}":
        raise LinkRefused("This address opens one range of bytes; ask for exactly that one.")
    blocks = reading.open_stored(wanted)
    # The first block is read before the answer begins, so that damage in it is a status code.
    first = next(blocks)
    give_back_connection()
    answer = StreamingHttpResponse(chain([first], blocks), status=206, content_type="application/octet-stream")
    answer["Content-Length"] = str(wanted.end - wanted.start)
    answer["Content-Range"] = f"bytes {wanted.start}-{wanted.end - 1}/*"
    answer["Cache-Control"] = "private, no-store"
    return answer


@csrf_exempt
def absent(request: HttpRequest, **parts: str) -> HttpResponseBase:
    """What clients try first and do without: the chunk hashes of a file."""
    return JsonResponse({"error": "This hub does not offer this call."}, status=404)


@csrf_exempt
def telemetry(request: HttpRequest) -> HttpResponseBase:
    """POST /v1/telemetry: clients report here by default. Nothing is kept."""
    return JsonResponse({})


def _checked(name: str) -> str:
    try:
        from_hex(name)
    except ValueError as error:
        raise Invalid(str(error)) from error
    return name


def _registration(body: Body, access: Access) -> Iterator[Progress]:
    # A few lines can have many gigabytes read back.
    with _shards.held_by(str(access.user.pk), each=_SHARDS, everybody=max(_SHARDS, settings.WEB_THREADS // 3)):
        yield from register_shard(stream=body, length=body.length, repository=access.repository, user=access.user)


def _progress_lines(progress: Iterator[Progress]) -> Iterator[bytes]:
    last = -_LINE_EVERY
    try:
        for verified, total in progress:
            if time.monotonic() - last >= _LINE_EVERY:
                last = time.monotonic()
                yield _line(type="validating", verified=verified, total=total)
    except Exception as error:
        refused = named(error)
        if refused.status >= 500:
            log.error("a shard could not be registered", exc_info=error)
        yield _line(type="error", message=refused.message, retryable=refused.status >= 500)
    else:
        yield _line(type="result")


def _line(**values: str | int | bool) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _plan(request: HttpRequest, access: Access, name: str) -> reading.Reconstruction:
    file = get_file_for_read(access, _checked(name))
    start, end = _range(request)
    plan = reading.reconstruct(file, start, end)
    check_sound(plan.ranges)
    return plan


def _range(request: HttpRequest) -> tuple[int, int | None]:
    wanted = request.headers.get("Range")
    if wanted is None:
        return 0, None
    match = _RANGE.fullmatch(wanted)
    if match is None:
        raise RangeNotSatisfiable("Ask for one range, as bytes=first-last.")
    return int(match[1]), int(match[2]) + 1 if match[2] else None


def _terms(plan: reading.Reconstruction) -> dict[str, object]:
    return {
        "offset_into_first_range": plan.skip,
        "terms": [
            {
                "hash": run.xorb,
                "unpacked_length": inflated,
                "range": {"start": run.first_chunk, "end": run.end_chunk},
            }
            for run, inflated in plan.terms
        ],
    }


def _kept_to_oneself(answer: dict[str, object]) -> HttpResponseBase:
    """Answer with addresses that open to whoever has them."""
    return JsonResponse(answer, headers={"Cache-Control": "private, no-store"})


def _address(request: HttpRequest, run: StoredRange, holder: Holder) -> str:
    """Return where exactly these bytes are: in the store itself where clients reach it, else here. Never where a whole xorb is,
    which may hold chunks of other files."""
    signed = store().sign_get(xorb_key(run.xorb), seconds=LINK_SECONDS, span=(run.start, run.end))
    return signed or f"{base_url(request)}/xet/data/{run.xorb}?{sign_range(run, holder)}"
