"""Git LFS: the batch call, and the addresses that it hands out (https://github.com/git-lfs/git-lfs/tree/main/docs/api).

The addresses are signed, since clients send no token to them. Who may what is asked again when they are used.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.services import user_of_grant
from hub.api.bodies import content_length, open_body, read_object, text_of
from hub.api.edge import json_view, stream_view, writer
from hub.api.sending import blob_content, send
from hub.core import blobstore
from hub.core.errors import Conflict, Forbidden, Invalid, NotFound
from hub.core.links import base_url, repo_path
from hub.repos.models import Blob, BlobClaim, RepoBlob, Repository
from hub.repos.models.blobs import BlobQuerySet
from hub.repos.names import SHA256
from hub.repos.permissions import get_repo_for_read, get_repo_for_write, may_write
from hub.repos.services import claim_blob

MEDIA_TYPE = "application/vnd.git-lfs+json"
OBJECTS_PER_CALL = 1000
# Long enough for a large file on a slow line.
LINK_SECONDS = 12 * 3600
_UPLOADS = "hub.api.git.lfs.upload"
_DOWNLOADS = "hub.api.git.lfs.download"


class LinkRefused(Forbidden):
    """A signed address is forged, has run out, or its owner has lost the right."""

    code = "LinkRefused"


@json_view("POST")
def batch(request: Request, namespace: str, name: str, kind: str = "model") -> Response:
    """POST {repo}.git/info/lfs/objects/batch: for each object where to send it, or where it is."""
    body = read_object(request)
    operation = text_of(body, "operation")
    if operation not in ("upload", "download"):
        raise Invalid("operation is upload or download.", field="operation")
    if text_of(body, "hash_algo", default="sha256") != "sha256":
        raise Conflict("This hub names objects by sha256 only.", field="hash_algo")
    transfers = body.get("transfers", ["basic"])
    if not isinstance(transfers, list) or "basic" not in transfers:
        raise Invalid("This hub offers the basic transfer only.", field="transfers")
    uploading = operation == "upload"
    repo = (get_repo_for_write if uploading else get_repo_for_read)(request.user, kind, namespace, name)
    wanted = _objects(body)
    present = Blob.objects.filter(pk__in=list(wanted))
    if uploading:
        there = set(present.usable_in(repo, request.user).values_list("sha256", flat=True))
        blobstore.require_room(sum(size for oid, size in wanted.items() if oid not in there))
        objects = [_upload(request, repo, oid, size, oid in there) for oid, size in wanted.items()]
    else:
        sizes = dict(_held_by(repo).filter(pk__in=list(wanted)).values_list("sha256", "size"))
        objects = [_download(request, repo, oid, sizes.get(oid)) for oid in wanted]
    return Response({"transfer": "basic", "objects": objects, "hash_algo": "sha256"}, content_type=MEDIA_TYPE)


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


def _upload(request: Request, repo: Repository, oid: str, size: int, there: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"oid": oid, "size": size}
    if size > settings.MAX_LFS_FILE:
        answer["error"] = {"code": 422, "message": f"This hub takes files of up to {settings.MAX_LFS_FILE} bytes."}
    elif not there:
        acting = writer(request).acting_token
        claims = [repo.pk, request.user.pk, acting.pk if acting else None, oid, size]
        address = _address(request, repo)
        answer["actions"] = {
            "upload": _action(f"{address}/{oid}?grant={signing.dumps(claims, salt=_UPLOADS)}"),
            "verify": {"href": f"{address}/verify"},
        }
    return answer


def _download(request: Request, repo: Repository, oid: str, size: int | None) -> dict[str, Any]:
    if size is None:
        return {"oid": oid, "size": 0, "error": {"code": 404, "message": "This repository has no such object."}}
    acting = getattr(request.user, "acting_token", None)
    grant = signing.dumps([repo.pk, request.user.pk, acting.pk if acting else None, oid], salt=_DOWNLOADS)
    href = f"{_address(request, repo)}/{oid}?grant={grant}"
    return {"oid": oid, "size": size, "authenticated": True, "actions": {"download": _action(href)}}


def _action(href: str) -> dict[str, Any]:
    return {"href": href, "expires_in": LINK_SECONDS}


def _address(request: Request, repo: Repository) -> str:
    return f"{base_url(request._request)}{repo_path(repo.kind, repo.full_name)}.git/info/lfs/objects"


@stream_view("PUT", "GET", "HEAD")
def object_bytes(request: HttpRequest, namespace: str, name: str, oid: str, kind: str = "model") -> HttpResponseBase:
    """PUT or GET {repo}.git/info/lfs/objects/{oid}: the bytes, by the grant in the address."""
    if request.method == "PUT":
        return _receive(request, oid)
    repo_id, user_id, token_id, granted = _grant(request, _DOWNLOADS, 4)
    user = AnonymousUser() if user_id is None else user_of_grant(user_id, token_id)
    if user is None or not Repository.objects.visible_to(user).filter(pk=repo_id).exists():
        raise LinkRefused("This download address is not valid any more. Ask for a new one.")
    blob = Blob.objects.filter(pk=granted).select_related("xet_file").first()
    if granted != oid or blob is None or not RepoBlob.objects.filter(repository=repo_id, blob=blob).exists():
        raise NotFound("This repository has no such object.")
    headers = {"ETag": f'"{oid}"', "Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
    return send(request, size=blob.size, headers=headers, content=lambda start, end: blob_content(blob, start, end))


def _receive(request: HttpRequest, oid: str) -> HttpResponse:
    repo_id, user_id, token_id, granted, size = _grant(request, _UPLOADS, 5)
    repo = Repository.objects.filter(pk=repo_id).first()
    user = user_of_grant(user_id, token_id)
    if granted != oid or repo is None or user is None or not may_write(user, repo):
        raise LinkRefused("This upload address is not valid any more. Ask for a new one.")
    if content_length(request) != size:
        raise Invalid(f"The upload was announced with {size} bytes. Send exactly those, with a Content-Length.")
    blobstore.store_stream(open_body(request), length=size, limit=settings.MAX_LFS_FILE, sha256=oid)
    claim_blob(repo=repo, user=user, sha256=oid, size=size)
    return HttpResponse()


def _grant(request: HttpRequest, salt: str, parts: int) -> list[Any]:
    try:
        claims = signing.loads(request.GET.get("grant", ""), salt=salt, max_age=LINK_SECONDS)
    except signing.BadSignature as error:
        raise LinkRefused("This address was not made by this hub, or has run out. Ask for a new one.") from error
    assert isinstance(claims, list)
    assert len(claims) == parts
    return claims


@json_view("POST")
def verify(request: Request, namespace: str, name: str, kind: str = "model") -> Response:
    """POST {repo}.git/info/lfs/objects/verify: confirms that an upload has arrived whole."""
    repo = get_repo_for_write(request.user, kind, namespace, name)
    body = read_object(request)
    ((oid, size),) = _objects({"objects": [body]}).items()
    claimed = BlobClaim.objects.filter(repository=repo).values("blob")
    if not (Blob.objects.filter(pk__in=claimed) | _held_by(repo)).filter(pk=oid, size=size).exists():
        raise NotFound("This object has not arrived. Send it again.")
    return Response({}, content_type=MEDIA_TYPE)


@json_view("POST", "GET")
def locks(request: Request, namespace: str, name: str, kind: str = "model", rest: str = "") -> Response:
    """{repo}.git/info/lfs/locks...: this hub has no locks, which git-lfs takes from a 404."""
    get_repo_for_read(request.user, kind, namespace, name)
    raise NotFound("This hub has no file locks.")


def _held_by(repo: Repository) -> BlobQuerySet:
    return Blob.objects.filter(pk__in=RepoBlob.objects.filter(repository=repo).values("blob"))
