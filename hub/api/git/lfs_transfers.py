"""The bytes of git-lfs objects, to and from the addresses that the batch call hands out.

The addresses are signed, since clients send no token to them. Who may what is asked again whenever one is used.
"""

import re
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from hub.accounts.models import Someone, User
from hub.accounts.services import user_of_grant
from hub.api.bodies import content_length, open_body, read_object
from hub.api.concurrency import ConcurrencyLimit
from hub.api.edge import plain_view
from hub.api.sending import blob_content, direct_address, send
from hub.core.errors import Invalid, NotFound
from hub.repos.errors import LinkRefused
from hub.repos.large_files import restore_content
from hub.repos.large_uploads import finish_upload, is_finished, receive_part, receive_whole
from hub.repos.models import Blob, LargeUpload, RepoBlob, Repository
from hub.repos.permissions import may_propose, may_write

# Long enough for a large file on a slow line.
LINK_SECONDS = 12 * 3600
PART_SECONDS = 3 * 24 * 3600
UPLOADS = "hub.api.git.lfs.upload"
PARTS = "hub.api.git.lfs.part"
DOWNLOADS = "hub.api.git.lfs.download"
_TAG = re.compile(r'"?[!#-~]{1,128}"?')
# To put parts together and to read what came takes a thread for minutes; so does waiting for another who does.
_checks = ConcurrencyLimit(
    "As many uploads are being checked as this hub checks at once. Try again in a few seconds.", retry_after=5
)


def grant(purpose: str, user: Someone, repo: Repository, oid: str, number: int = 0) -> str:
    """Return the signed text that opens an object of a repository to `user`, while they may what it is for.

    number: the bytes of an upload, or the id of one in parts.
    """
    acting = getattr(user, "acting_token", None)
    return signing.dumps([repo.pk, user.pk, acting.pk if acting else None, oid, number], salt=purpose)


@plain_view("PUT", "GET", "HEAD")
def object_bytes(request: HttpRequest, namespace: str, name: str, oid: str, kind: str = "model") -> HttpResponseBase:
    """PUT or GET {repo}.git/info/lfs/objects/{oid}: the bytes, by the grant in the address."""
    if request.method == "PUT":
        return _receive(request, oid)
    repo_id, user_id, token_id, _number = _claims(request, DOWNLOADS, oid, LINK_SECONDS)
    user = AnonymousUser() if user_id is None else user_of_grant(user_id, token_id)
    if user is None or not Repository.objects.readable_by(user).filter(pk=repo_id).exists():
        raise LinkRefused("This download address is not valid any more. Ask for a new one.")
    blob = Blob.objects.filter(pk=oid).select_related("xet_file").first()
    if blob is None or not RepoBlob.objects.filter(repository=repo_id, blob=blob).exists():
        raise NotFound("This repository has no such object.")
    headers = {"ETag": f'"{oid}"', "Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
    return send(
        request,
        size=blob.size,
        headers=headers,
        content=lambda start, end: blob_content(blob, start, end),
        direct=lambda: direct_address(
            blob, content_type=headers["Content-Type"], disposition=headers["Content-Disposition"]
        ),
    )


def _receive(request: HttpRequest, oid: str) -> HttpResponse:
    repo, user, size = _uploader(request, UPLOADS, oid, LINK_SECONDS)
    if content_length(request) != size:
        raise Invalid(f"The upload was announced with {size} bytes. Send exactly those, with a Content-Length.")
    receive_whole(repo=repo, user=user, stream=open_body(request), length=size, sha256=oid)
    restore(repo, user, oid)
    return HttpResponse()


@plain_view("PUT")
def part(
    request: HttpRequest, namespace: str, name: str, oid: str, number: int, kind: str = "model"
) -> HttpResponseBase:
    """PUT {repo}.git/info/lfs/objects/{oid}/parts/{number}: one part. Its `ETag` names it when the upload is completed."""
    _repo, user, upload_id = _uploader(request, PARTS, oid, PART_SECONDS)
    upload = LargeUpload.objects.filter(pk=upload_id, user=user).select_related("repository").first()
    if upload is None:
        raise NotFound("This upload is over. Ask for a new one.")
    etag = receive_part(upload=upload, number=number, stream=open_body(request))
    return HttpResponse(headers={"ETag": f'"{etag}"'})


@plain_view("POST")
def complete(request: HttpRequest, namespace: str, name: str, oid: str, kind: str = "model") -> HttpResponseBase:
    """POST {repo}.git/info/lfs/objects/{oid}/parts: `parts`, each with its `partNumber` and `etag`, are the whole object."""
    repo, user, upload_id = _uploader(request, PARTS, oid, PART_SECONDS)
    parts = _parts(read_object(request))
    upload = LargeUpload.objects.filter(pk=upload_id, user=user).select_related("repository__namespace", "user").first()
    if upload is not None:
        with place_for_check(user):
            finish_upload(upload=upload, parts=parts)
        restore(repo, user, oid)
    elif not is_finished(repo, user, oid):
        raise NotFound("This upload is over. Ask for a new one.")
    return JsonResponse({})


def _parts(body: dict[str, Any]) -> list[str]:
    """Return the tags of the parts that a completion names, in order."""
    named = body.get("parts")
    shape = "parts is a list of objects with partNumber, from 1 on, and etag."
    if not isinstance(named, list) or not all(isinstance(item, dict) for item in named):
        raise Invalid(shape, field="parts")
    tags = {item.get("partNumber"): item.get("etag") for item in named if isinstance(item.get("partNumber"), int)}
    ordered = [tags.get(number) for number in range(1, len(named) + 1)]
    # Some stores cannot read other characters, and answer that nothing works.
    if not all(isinstance(tag, str) and _TAG.fullmatch(tag) for tag in ordered):
        raise Invalid(shape, field="parts")
    return [str(tag).strip('"') for tag in ordered]


def place_for_check(user: User) -> AbstractContextManager[None]:
    """Have one of the places of those whose uploads are being checked, or who wait for that. Raises TooMany."""
    return _checks.held_by(
        str(user.pk), each=max(1, settings.WEB_THREADS // 4), everybody=max(1, settings.WEB_THREADS // 2)
    )


def _uploader(request: HttpRequest, purpose: str, oid: str, seconds: int) -> tuple[Repository, User, int]:
    """Return (repository, user, number) of a grant to upload `oid`, if they may still. Raises LinkRefused."""
    repo_id, user_id, token_id, number = _claims(request, purpose, oid, seconds)
    user = user_of_grant(user_id, token_id)
    visible = Repository.objects.visible_to(user) if user else Repository.objects.none()
    repo = visible.filter(pk=repo_id).select_related("namespace").first()
    if user is None or repo is None or not may_propose(user, repo):
        raise LinkRefused("This upload address is not valid any more. Ask for a new one.")
    return repo, user, number


def _claims(request: HttpRequest, purpose: str, oid: str, seconds: int) -> tuple[int, Any, Any, int]:
    try:
        repo_id, user_id, token_id, granted, number = signing.loads(
            request.GET.get("grant", ""), salt=purpose, max_age=seconds
        )
    except (signing.BadSignature, ValueError) as error:
        raise LinkRefused("This address was not made by this hub, or has run out. Ask for a new one.") from error
    if granted != oid:
        raise LinkRefused("This address is for another object. Ask for a new one.")
    return repo_id, user_id, token_id, number


def restore(repo: Repository, user: User, oid: str) -> None:
    """Serve an object again that commits point at already, now that a writer has sent it."""
    if may_write(user, repo):
        restore_content(repo=repo, sha256s=[oid])
