"""Git LFS: locks on files (https://github.com/git-lfs/git-lfs/blob/main/docs/api/locking.md).

The rules are in `hub.repos.file_locks`.
"""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, writer
from hub.api.git.lfs import MEDIA_TYPE
from hub.api.hf.paging import number
from hub.api.hf.shapes import date
from hub.core.errors import Invalid
from hub.core.text import MAX_ID
from hub.repos.errors import FileLocked
from hub.repos.file_locks import lock_file, unlock_file
from hub.repos.models import LargeFileLock, Repository
from hub.repos.permissions import get_repo_for_proposing, get_repo_for_read, get_repo_for_write

PER_PAGE = 100
MAX_PER_PAGE = 1000


@json_view("GET", "POST")
def locks(request: Request, namespace: str, name: str, kind: str = "model") -> Response:
    """GET {repo}.git/info/lfs/locks (`path`, `id`, `cursor`, `limit`) lists locks; POST with `path` makes one."""
    if request.method == "POST":
        repo = get_repo_for_write(request.user, kind, namespace, name)
        try:
            lock = lock_file(repo=repo, user=writer(request), path=text_of(read_object(request), "path"))
        except FileLocked as error:
            there = {"lock": _shape(error.lock), "message": error.message}
            return Response(there, status=error.status, content_type=MEDIA_TYPE, headers={"X-Error-Code": error.code})
        return Response({"lock": _shape(lock)}, status=201, content_type=MEDIA_TYPE)
    repo = get_repo_for_read(request.user, kind, namespace, name)
    query = request.query_params
    found = _locks_of(repo)
    if path := query.get("path"):
        found = found.filter(path=path)
    if "id" in query:
        found = found.filter(pk=number(query, "id", default=0, high=MAX_ID))
    page, following = _page(
        found,
        cursor=number(query, "cursor", default=0, high=MAX_ID),
        limit=number(query, "limit", default=PER_PAGE, low=1, high=MAX_PER_PAGE),
    )
    return Response({"locks": [_shape(lock) for lock in page], **following}, content_type=MEDIA_TYPE)


@json_view("POST")
def verify(request: Request, namespace: str, name: str, kind: str = "model") -> Response:
    """POST {repo}.git/info/lfs/locks/verify (`cursor`, `limit`): the caller's locks and those of others. git-lfs asks before
    it pushes, and does not push files that others have locked."""
    repo = get_repo_for_proposing(request.user, kind, namespace, name)
    body = read_object(request)
    page, following = _page(
        _locks_of(repo),
        cursor=_number(body, "cursor", default=0, low=0, high=MAX_ID),
        limit=_number(body, "limit", default=PER_PAGE, low=1, high=MAX_PER_PAGE),
    )
    ours = [_shape(lock) for lock in page if lock.owner_id == request.user.pk]
    theirs = [_shape(lock) for lock in page if lock.owner_id != request.user.pk]
    return Response({"ours": ours, "theirs": theirs, **following}, content_type=MEDIA_TYPE)


@json_view("POST")
def unlock(request: Request, namespace: str, name: str, lock_id: int, kind: str = "model") -> Response:
    """POST {repo}.git/info/lfs/locks/{id}/unlock (`force`, for administrators of the repository)."""
    repo = get_repo_for_write(request.user, kind, namespace, name)
    force = read_object(request).get("force", False)
    if not isinstance(force, bool):
        raise Invalid("force is true or false.", field="force")
    lock = unlock_file(repo=repo, user=writer(request), lock_id=lock_id, force=force)
    return Response({"lock": _shape(lock)}, content_type=MEDIA_TYPE)


def _locks_of(repo: Repository) -> QuerySet[LargeFileLock]:
    return LargeFileLock.objects.filter(repository=repo).select_related("owner").order_by("pk")


def _page(found: QuerySet[LargeFileLock], *, cursor: int, limit: int) -> tuple[list[LargeFileLock], dict[str, str]]:
    """Return the locks after the id `cursor`, and where the next page goes on if there is one."""
    rows = list(found.filter(pk__gt=cursor)[: limit + 1])
    following = {"next_cursor": str(rows[limit - 1].pk)} if len(rows) > limit else {}
    return rows[:limit], following


def _number(body: dict[str, Any], key: str, *, default: int, low: int, high: int) -> int:
    """Return the whole number at `key`, which clients send as a number or as text."""
    value = body.get(key)
    if value is None or value == "":
        return default
    text = str(value)
    if (
        isinstance(value, bool)
        or not text.isascii()
        or not text.isdecimal()
        or len(text) > 19
        or not low <= int(text) <= high
    ):
        raise Invalid(f"{key} is a whole number from {low} to {high}.", field=key)
    return int(text)


def _shape(lock: LargeFileLock) -> dict[str, Any]:
    return {
        "id": str(lock.pk),
        "path": lock.path,
        "locked_at": date(lock.locked_at),
        "owner": {"name": lock.owner.username},
    }
