"""Git LFS: the batch call, which tells for each object where to send it or where it is, and the check of what was sent.

Protocol: https://github.com/git-lfs/git-lfs/tree/main/docs/api. Besides the `basic` transfer there is the `multipart` one of
the client family, for large files: an upload's `header` holds `chunk_size` and the address of each part under its number, and
nothing else. Numbers have leading zeros, since git-lfs hands the header on in the order of its keys as text.
"""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, writer
from hub.api.git import lfs_transfers
from hub.community.permissions import get_pull_request_for_push
from hub.core.blobs.scratch import require_room
from hub.core.errors import Conflict, Invalid, NotFound
from hub.core.links import base_url, repo_path
from hub.repos.large_files import restore_content
from hub.repos.large_uploads import begin_upload, part_size_for, parts_of
from hub.repos.models import Blob, BlobClaim, RepoBlob, Repository
from hub.repos.models.blobs import BlobQuerySet
from hub.repos.models.git import number_of_ref
from hub.repos.names import SHA256
from hub.repos.permissions import get_repo_for_content, get_repo_for_proposing, get_repo_for_write, may_write

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
        sizes = dict(_held_by(repo).filter(pk__in=list(wanted)).values_list("sha256", "size"))
        transfer, objects = BASIC, [_download(request, repo, oid, sizes.get(oid)) for oid in wanted]
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
    usable = Blob.objects.usable_in(repo, request.user).filter(pk__in=list(wanted))
    there = dict(usable.values_list("sha256", "size"))
    if there and may_write(request.user, repo):
        # It will not be sent, and commits may point at it already.
        restore_content(repo=repo, sha256s=there)
    missing = {oid: size for oid, size in wanted.items() if oid not in there and size <= settings.MAX_LFS_FILE}
    require_room(sum(missing.values()))
    part_size = part_size_for(missing.values()) if MULTIPART in transfers else None
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


def _whole(request: Request, repo: Repository, oid: str, size: int) -> dict[str, Any]:
    grant = lfs_transfers.grant(lfs_transfers.UPLOADS, request.user, repo, oid, size)
    return {"href": f"{_address(request, repo)}/{oid}?grant={grant}", "expires_in": lfs_transfers.LINK_SECONDS}


def _in_parts(request: Request, repo: Repository, oid: str, size: int, part_size: int) -> dict[str, Any]:
    upload = begin_upload(repo=repo, user=writer(request), sha256=oid, size=size, part_size=part_size)
    grant = lfs_transfers.grant(lfs_transfers.PARTS, request.user, repo, oid, upload.pk)
    address = f"{_address(request, repo)}/{oid}/parts"
    header = {"chunk_size": str(part_size)}
    header |= {f"{number:06}": f"{address}/{number}?grant={grant}" for number in range(1, parts_of(upload) + 1)}
    return {"href": f"{address}?grant={grant}", "header": header, "expires_in": lfs_transfers.PART_SECONDS}


def _download(request: Request, repo: Repository, oid: str, size: int | None) -> dict[str, Any]:
    if size is None:
        return {"oid": oid, "size": 0, "error": {"code": 404, "message": "This repository has no such object."}}
    grant = lfs_transfers.grant(lfs_transfers.DOWNLOADS, request.user, repo, oid)
    action = {"href": f"{_address(request, repo)}/{oid}?grant={grant}", "expires_in": lfs_transfers.LINK_SECONDS}
    return {"oid": oid, "size": size, "authenticated": True, "actions": {"download": action}}


def _address(request: Request, repo: Repository) -> str:
    return f"{base_url(request._request)}{repo_path(repo.kind, repo.full_name)}.git/info/lfs/objects"


@json_view("POST")
def verify(request: Request, namespace: str, name: str, kind: str = "model") -> Response:
    """POST {repo}.git/info/lfs/objects/verify: confirms that an upload has arrived whole."""
    repo = get_repo_for_proposing(request.user, kind, namespace, name)
    body = read_object(request)
    ((oid, size),) = _objects({"objects": [body]}).items()
    claimed = BlobClaim.objects.standing(repo, request.user).values("blob")
    if not (Blob.objects.filter(pk__in=claimed) | _held_by(repo)).filter(pk=oid, size=size).exists():
        raise NotFound("This object has not arrived. Send it again.")
    return Response({}, content_type=MEDIA_TYPE)


def _held_by(repo: Repository) -> BlobQuerySet:
    return Blob.objects.filter(pk__in=RepoBlob.objects.filter(repository=repo).values("blob"))
