"""Git LFS: the batch call, which tells for each object where to send it or where it is, and the check of what was sent.

Protocol: https://github.com/git-lfs/git-lfs/tree/main/docs/api. Besides the `basic` transfer there is the `multipart` one of
the client family, for large files: an upload's `header` holds `chunk_size` and the address of each part under its number, and
nothing else. Numbers have leading zeros, since git-lfs hands the header on in the order of its keys as text.

Where people reach the store itself, its own signed addresses are handed out. What is sent to them is checked when the client
says that it is there: by `verify`, or by completing the parts.
"""

from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, writer
from hub.api.git import lfs_transfers
from hub.api.sending import DIRECT_SECONDS, direct_address
from hub.community.permissions import get_pull_request_for_push
from hub.core.blobs import store
from hub.core.blobs.scratch import require_room
from hub.core.errors import Conflict, Invalid, NotFound
from hub.core.links import base_url, repo_path
from hub.repos.large_files import restore_content
from hub.repos.large_uploads import (
    MOST_IN_ONE_PIECE,
    begin_upload,
    check_may_begin,
    finish_direct,
    length_of,
    part_size_for,
    parts_of,
)
from hub.repos.models import Blob, BlobClaim, RepoBlob, Repository
from hub.repos.models.blobs import BlobQuerySet
from hub.repos.models.git import number_of_ref
from hub.repos.names import SHA256
from hub.repos.permissions import get_repo_for_content, get_repo_for_proposing, get_repo_for_write, may_write
from hub.repos.storage.keys import touch_blobs
from hub.repos.storage.quotas import require_quota

MEDIA_TYPE = "application/vnd.git-lfs+json"
OBJECTS_PER_CALL = 1000
BASIC, MULTIPART = "basic", "multipart"


@json_view("POST")
def batch(request: Request, namespace: str, name: str, kind: str = "model") -> Response:
    """POST {repo}.git/info/lfs/objects/batch. An upload is for the ref that `ref.name` tells, and for whoever may commit to it;
    one that tells none is for a pull request to come. What is sent is its sender's alone until a commit of theirs names it."""
    body = read_object(request)
    operation = text_of(body, "operation")
    if operation not in ("upload", "download"):
        raise Invalid("operation is upload or download.", field="operation")
    if text_of(body, "hash_algo", default="sha256") != "sha256":
        raise Conflict("This hub names objects by sha256 only.", field="hash_algo")
    transfers = body.get("transfers", [BASIC])
    if not isinstance(transfers, list) or not {BASIC, MULTIPART}.intersection(
        t for t in transfers if isinstance(t, str)
    ):
        raise Invalid("This hub offers the basic and multipart transfers.", field="transfers")
    wanted = _objects(body)
    if operation == "upload":
        repo = _repo_for_upload(request, kind, namespace, name, body)
        transfer, objects = _uploads(request, repo, wanted, transfers)
    else:
        repo = get_repo_for_content(request.user, kind, namespace, name)
        held = _held_by(repo).select_related("xet_file").defer("block_sums", "xet_file__terms").in_bulk(list(wanted))
        transfer, objects = BASIC, [_download(request, repo, oid, held.get(oid)) for oid in wanted]
    return Response({"transfer": transfer, "objects": objects, "hash_algo": "sha256"}, content_type=MEDIA_TYPE)


def _repo_for_upload(request: Request, kind: str, namespace: str, name: str, body: dict[str, Any]) -> Repository:
    ref = body.get("ref")
    if ref is not None and not isinstance(ref, dict):
        raise Invalid("ref is an object with the name of a ref.", field="ref")
    ref_name = text_of(ref, "name") if ref else ""
    if not ref_name:
        return get_repo_for_proposing(request.user, kind, namespace, name)
    number = number_of_ref(ref_name)
    if number is None:
        return get_repo_for_write(request.user, kind, namespace, name)
    repo = get_repo_for_content(request.user, kind, namespace, name)
    get_pull_request_for_push(request.user, repo, number)
    return repo


def _objects(body: dict[str, Any]) -> dict[str, int]:
    objects = body.get("objects")
    if not isinstance(objects, list) or len(objects) > OBJECTS_PER_CALL:
        raise Invalid(f"objects is a list of at most {OBJECTS_PER_CALL} objects.", field="objects")
    wanted: dict[str, int] = {}
    for item in objects:
        oid, size = (item.get("oid"), item.get("size")) if isinstance(item, dict) else (None, None)
        if type(size) is not int or size < 0 or not isinstance(oid, str) or not SHA256.fullmatch(oid):
            raise Invalid("Each object has an oid (its sha256, in lower-case hexadecimal) and a size.", field="objects")
        wanted[oid] = size
    return wanted


def _uploads(
    request: Request, repo: Repository, wanted: dict[str, int], transfers: list[Any]
) -> tuple[str, list[dict[str, Any]]]:
    """Return the transfer that all of them go by, and what to do with each."""
    there = _already_there(request, repo, wanted)
    if there and may_write(request.user, repo):
        # It will not be sent, and commits may point at it already.
        restore_content(repo=repo, sha256s=there)
    missing = {oid: size for oid, size in wanted.items() if oid not in there and size <= settings.MAX_LFS_FILE}
    require_quota(repo=repo, user=request.user, new=sum(missing.values()), besides=missing)
    check_may_begin(writer(request))
    part_size = part_size_for(missing.values()) if MULTIPART in transfers else None
    # What goes straight to the store takes no room here.
    require_room(sum(size for size in missing.values() if not _goes_direct(size, part_size)))
    objects = []
    for oid, size in wanted.items():
        answer: dict[str, Any] = {"oid": oid, "size": size}
        if size > settings.MAX_LFS_FILE:
            answer["error"] = {"code": 422, "message": f"This hub takes files of up to {settings.MAX_LFS_FILE} bytes."}
        elif oid in missing:
            upload = _in_parts(request, repo, oid, size, part_size) if part_size else _whole(request, repo, oid, size)
            answer["actions"] = {"upload": upload, "verify": {"href": f"{_address(request, repo)}/verify"}}
        elif there[oid] != size:
            answer["error"] = {"code": 422, "message": f"This object has {there[oid]} bytes, not {size}."}
        objects.append(answer)
    return MULTIPART if part_size else BASIC, objects


@transaction.atomic
def _already_there(request: Request, repo: Repository, wanted: dict[str, int]) -> dict[str, int]:
    """Return oid -> size of what need not be sent. It stays for whoever commits it next, though nothing may name it yet."""
    usable = Blob.objects.usable_in(repo, request.user).filter(pk__in=list(wanted))
    there = dict(usable.sound().values_list("sha256", "size"))
    kept = touch_blobs(there)
    return {oid: size for oid, size in there.items() if oid in kept}


def _goes_direct(size: int, part_size: int | None) -> bool:
    """Tell whether an object of `size` bytes goes straight to the store. An empty one has no part to go as."""
    return store().is_direct and (part_size is not None or 0 < size <= MOST_IN_ONE_PIECE)


def _whole(request: Request, repo: Repository, oid: str, size: int) -> dict[str, Any]:
    if _goes_direct(size, None):
        upload = begin_upload(repo=repo, user=writer(request), sha256=oid, size=size, part_size=size)
        if address := store().sign_part(upload.parts, 1, seconds=lfs_transfers.LINK_SECONDS, length=size):
            return {"href": address, "expires_in": lfs_transfers.LINK_SECONDS}
    grant = lfs_transfers.grant(lfs_transfers.UPLOADS, request.user, repo, oid, size)
    return {"href": f"{_address(request, repo)}/{oid}?grant={grant}", "expires_in": lfs_transfers.LINK_SECONDS}


def _in_parts(request: Request, repo: Repository, oid: str, size: int, part_size: int) -> dict[str, Any]:
    upload = begin_upload(repo=repo, user=writer(request), sha256=oid, size=size, part_size=part_size)
    grant = lfs_transfers.grant(lfs_transfers.PARTS, request.user, repo, oid, upload.pk)
    address = f"{_address(request, repo)}/{oid}/parts"
    header = {"chunk_size": str(part_size)}
    for number in range(1, parts_of(upload) + 1):
        length = length_of(upload, number)
        direct = store().sign_part(upload.parts, number, seconds=lfs_transfers.PART_SECONDS, length=length)
        header[f"{number:06}"] = direct or f"{address}/{number}?grant={grant}"
    return {"href": f"{address}?grant={grant}", "header": header, "expires_in": lfs_transfers.PART_SECONDS}


def _download(request: Request, repo: Repository, oid: str, blob: Blob | None) -> dict[str, Any]:
    if blob is None:
        return {"oid": oid, "size": 0, "error": {"code": 404, "message": "This repository has no such object."}}
    action: dict[str, Any]
    if address := direct_address(blob, content_type="application/octet-stream", disposition="attachment"):
        action = {"href": address, "expires_in": DIRECT_SECONDS}
    else:
        grant = lfs_transfers.grant(lfs_transfers.DOWNLOADS, request.user, repo, oid)
        action = {"href": f"{_address(request, repo)}/{oid}?grant={grant}", "expires_in": lfs_transfers.LINK_SECONDS}
    return {"oid": oid, "size": blob.size, "authenticated": True, "actions": {"download": action}}


def _address(request: Request, repo: Repository) -> str:
    return f"{base_url(request._request)}{repo_path(repo.kind, repo.full_name)}.git/info/lfs/objects"


@json_view("POST")
def verify(request: Request, namespace: str, name: str, kind: str = "model") -> Response:
    """POST {repo}.git/info/lfs/objects/verify: confirms that an upload has arrived whole; what came straight to the store is
    checked now."""
    repo = get_repo_for_proposing(request.user, kind, namespace, name)
    body = read_object(request)
    ((oid, size),) = _objects({"objects": [body]}).items()
    user = writer(request)
    with lfs_transfers.place_for_check(user):
        direct = finish_direct(repo=repo, user=user, sha256=oid, size=size)
    if direct:
        lfs_transfers.restore(repo, user, oid)
    claimed = BlobClaim.objects.standing(repo, request.user).values("blob")
    if not (Blob.objects.filter(pk__in=claimed) | _held_by(repo)).filter(pk=oid, size=size).exists():
        raise NotFound("This object has not arrived. Send it again.")
    return Response({}, content_type=MEDIA_TYPE)


def _held_by(repo: Repository) -> BlobQuerySet:
    return Blob.objects.filter(pk__in=RepoBlob.objects.filter(repository=repo).values("blob"))
