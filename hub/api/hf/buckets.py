"""Buckets in the client protocol (`hf buckets`, `hf://buckets/`): making them, what is in them, changing that, fetching it.

Content comes and goes by the Xet protocol; the calls here name it by its Xet hash.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.permissions import check_may_read_hub, get_namespace
from hub.api.bodies import open_body, parse_object, read_object, text_of
from hub.api.edge import json_view, stream_view, writer
from hub.api.errors import PLAIN_QUOTES
from hub.api.hf import repos, shapes
from hub.api.hf.files import file_headers
from hub.api.hf.paging import flag, number, page
from hub.api.hf.xet_tokens import token_response
from hub.api.sending import blob_content, direct_address, send
from hub.core.errors import Invalid, SignInNeeded, TooLarge
from hub.core.links import base_url
from hub.repos.bucket_files import EMPTY_XET_HASH, Entry, find_files, get_file, list_at, list_below
from hub.repos.buckets import (
    MAX_CONTENT_TYPE,
    MAX_OPERATIONS,
    Failure,
    Operation,
    Put,
    Remove,
    change_files,
    create_bucket,
)
from hub.repos.errors import RepoExists
from hub.repos.models import Kind, Repository, Visibility
from hub.repos.permissions import (
    get_namespace_for_create,
    get_repo_for_admin,
    get_repo_for_content,
    get_repo_for_read,
    get_repo_for_write,
)
from hub.repos.services import delete_repo, set_visibility

# What the protocol calls the caller's own namespace.
ME = "me"
BUCKETS_PER_PAGE = 100
ENTRIES_PER_PAGE = 1000
PATHS_PER_CALL = 1000
MAX_LINE = 16 * 1024  # bytes: a path, a hash, the name of a source
MAX_SEARCH = 200  # characters
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Milliseconds of the year 9999: later ones are no times.
_LAST_MOMENT = 253_402_300_799_000
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


@json_view("GET", "POST", "DELETE")
def bucket(request: Request, namespace: str, name: str) -> Response:
    """GET /api/buckets/{ns}/{name}: what it is; POST, also with `me` for a namespace, makes it; DELETE ends it."""
    if request.method == "POST":
        return _create(request, namespace, name)
    if request.method == "DELETE":
        delete_repo(repo=get_repo_for_admin(request.user, Kind.BUCKET, namespace, name), actor=writer(request))
        return Response({})
    repo = get_repo_for_read(request.user, Kind.BUCKET, namespace, name)
    return Response(_described(Repository.objects.select_related("namespace", "bucket_totals").get(pk=repo.pk)))


def _create(request: Request, namespace: str, name: str) -> Response:
    """Make a bucket. One that is there already answers 409 with its `url`, which `exist_ok` reads."""
    body = read_object(request)
    owner = get_namespace_for_create(request.user, None if namespace == ME else namespace)
    visibility = repos.visibility_of(body) or Visibility.PUBLIC
    try:
        repo = create_bucket(actor=writer(request), namespace=owner, name=name, visibility=visibility)
    except RepoExists as error:
        return repos.there_already(request, error, Kind.BUCKET, owner.name, name)
    return repos.made(request, repo, body)


@json_view("GET")
def buckets(request: Request, namespace: str) -> Response:
    """GET /api/buckets/{ns}: those of an account that the caller may know of, with `search` and Link pages. `me`: one's own."""
    check_may_read_hub(request.user)
    if namespace == ME and not request.user.is_authenticated:
        raise SignInNeeded("Whose buckets these are only an access token tells. Send one.")
    owner = get_namespace(request.user.get_username() if namespace == ME else namespace)
    query = request.query_params
    limit = number(query, "limit", default=BUCKETS_PER_PAGE, low=1, high=BUCKETS_PER_PAGE)
    found = Repository.objects.visible_to(request.user).filter(kind=Kind.BUCKET, namespace=owner)
    if search := query.get("search", "")[:MAX_SEARCH].replace("\0", ""):
        found = found.filter(name__icontains=search)
    if start := number(query, "cursor", default=0, high=10**15 - 1):
        found = found.filter(pk__gt=start)
    rows = list(found.select_related("namespace", "bucket_totals").order_by("pk")[: limit + 1])
    following = rows[limit - 1].pk if len(rows) > limit else None
    return page(request, [_described(row) for row in rows[:limit]], cursor=following)


def _described(repo: Repository) -> dict[str, Any]:
    return {
        "id": repo.full_name,
        "author": repo.namespace.name,
        "private": repo.private,
        "visibility": repo.visibility,
        "createdAt": shapes.date(repo.created_at),
        "updatedAt": shapes.date(repo.updated_at),
        "size": repo.bucket_totals.size,
        "totalFiles": repo.bucket_totals.files,
    }


@json_view("PUT")
def settings(request: Request, namespace: str, name: str) -> Response:
    """PUT /api/buckets/{id}/settings: `private`, or `visibility`."""
    repo = get_repo_for_admin(request.user, Kind.BUCKET, namespace, name)
    if visibility := repos.visibility_of(read_object(request)):
        set_visibility(repo=repo, actor=writer(request), visibility=visibility)
    return Response({"private": repo.private})


@json_view("GET")
def tree(request: Request, namespace: str, name: str, path: str = "") -> Response:
    """GET /api/buckets/{id}/tree[/{prefix}]: files and folders there; with `recursive` all files whose path begins so."""
    repo = get_repo_for_content(request.user, Kind.BUCKET, namespace, name)
    query = request.query_params
    limit = number(query, "limit", default=ENTRIES_PER_PAGE, low=1, high=ENTRIES_PER_PAGE)
    after = query.get("cursor", "").replace("\0", "")
    path = path.lstrip("/").replace("\0", "")
    # One more than is shown tells whether there is another page.
    find = list_below if flag(query, "recursive") else list_at
    found = find(repo, path, after=after, limit=limit + 1)
    following = found[limit - 1].cursor if len(found) > limit else None
    return page(request, [_entry(entry) for entry in found[:limit]], cursor=following)


@json_view("POST")
def paths_info(request: Request, namespace: str, name: str) -> Response:
    """POST /api/buckets/{id}/paths-info: the files among `paths`; what is not there is not told."""
    repo = get_repo_for_content(request.user, Kind.BUCKET, namespace, name)
    paths = read_object(request).get("paths")
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise Invalid("paths is a list of paths.", field="paths")
    if len(paths) > PATHS_PER_CALL:
        raise Invalid(f"Ask for at most {PATHS_PER_CALL} paths at a time.", field="paths")
    return Response([_entry(entry) for entry in find_files(repo, paths)])


def _entry(entry: Entry) -> dict[str, Any]:
    if entry.is_folder:
        return {"type": "directory", "path": entry.path}
    assert entry.modified_at is not None and entry.uploaded_at is not None
    shape = {
        "type": "file",
        "path": entry.path,
        "size": entry.size,
        "xetHash": entry.xet_hash,
        "mtime": shapes.date(entry.modified_at),
        "uploadedAt": shapes.date(entry.uploaded_at),
    }
    return shape | ({"contentType": entry.content_type} if entry.content_type else {})


# --- changing files -------------------------------------------------------------------------------------------


@json_view("POST")
def batch(request: Request, namespace: str, name: str) -> Response:
    """POST /api/buckets/{id}/batch: lines of `addFile`, `copyFile` and `deleteFile`, done at one moment.

    200 with the operations that failed, 422 where all of them did.
    """
    repo = get_repo_for_write(request.user, Kind.BUCKET, namespace, name)
    operations = list(_operations(open_body(request)))
    failures = change_files(repo=repo, actor=writer(request), operations=operations)
    done = len(operations) - len(failures)
    answer = {
        "success": not failures,
        "processed": len(operations),
        "succeeded": done,
        "failed": [_failure(failure) for failure in failures],
    }
    return Response(answer, status=422 if failures and not done else 200)


def _failure(failure: Failure) -> dict[str, str]:
    return {"path": failure.path, "error": failure.error.translate(PLAIN_QUOTES)}


def _operations(body: BinaryIO) -> Iterator[Operation]:
    """Yield what the lines ask for. Raises Invalid for what is no such line, TooLarge for too many, or too long a one."""
    lines = 0
    # As many again for blank lines between them: a few kB of gzip may hold hundreds of millions.
    for _number in range(2 * MAX_OPERATIONS + 1):
        line = body.readline(MAX_LINE + 1)
        if not line:
            return
        if len(line) > MAX_LINE:
            raise TooLarge(f"A line of a batch has at most {MAX_LINE} bytes.")
        if not line.strip():
            continue
        lines += 1
        if lines > MAX_OPERATIONS:
            break
        yield _operation(parse_object(line))
    raise TooLarge(f"A batch has at most {MAX_OPERATIONS} operations, each on a line of its own. Send several.")


def _operation(line: dict[str, Any]) -> Operation:
    path = text_of(line, "path", limit=MAX_LINE)
    match text_of(line, "type"):
        case "deleteFile":
            return Remove(path)
        case "addFile":
            source = None
        case "copyFile":
            source = (text_of(line, "sourceRepoType"), text_of(line, "sourceRepoId"))
        case other:
            raise Invalid(
                f"A batch has no operation called {other[:40]}. Update your client, or this hub.", field="type"
            )
    return Put(
        path=path,
        modified_at=_moment(line),
        xet_hash=text_of(line, "xetHash").lower(),
        source=source,
        content_type=_content_type(line),
    )


def _moment(line: dict[str, Any]) -> datetime:
    match line.get("mtime"):
        case None:
            return timezone.now()
        case bool():
            pass
        case int() | float() as stamp if 0 <= stamp <= _LAST_MOMENT:
            return _EPOCH + timedelta(milliseconds=stamp)
    raise Invalid("mtime is a time in milliseconds since 1970.", field="mtime")


def _content_type(line: dict[str, Any]) -> str:
    given = text_of(line, "contentType")
    if len(given) > MAX_CONTENT_TYPE or not _PRINTABLE.fullmatch(given):
        raise Invalid(f"contentType has at most {MAX_CONTENT_TYPE} plain ASCII characters.", field="contentType")
    return given


# --- content --------------------------------------------------------------------------------------------------


@json_view("GET")
def read_token(request: Request, namespace: str, name: str) -> Response:
    """GET /api/buckets/{id}/xet-read-token."""
    return token_response(request, get_repo_for_content(request.user, Kind.BUCKET, namespace, name), "read")


@json_view("GET")
def write_token(request: Request, namespace: str, name: str) -> Response:
    """GET /api/buckets/{id}/xet-write-token: a GET that hands out the right to write, so it needs that right."""
    return token_response(request, get_repo_for_write(request.user, Kind.BUCKET, namespace, name), "write")


@stream_view("GET", "HEAD", session=True)
def resolve(request: HttpRequest, namespace: str, name: str, path: str) -> HttpResponseBase:
    """GET or HEAD /buckets/{id}/resolve/{path}. A browser's log-in counts, so that links on the site work."""
    repo = get_repo_for_content(request.user, Kind.BUCKET, namespace, name)
    blob = get_file(repo, path).blob
    etag = f'"{blob.sha256}"'
    headers = file_headers(request, path.rsplit("/", 1)[-1], etag)
    headers |= {"X-Linked-Etag": etag, "X-Linked-Size": str(blob.size)}
    if xet_hash := blob.xet_file_id or (EMPTY_XET_HASH if not blob.size else None):
        headers["X-Xet-Hash"] = xet_hash
        headers["Link"] = f'<{base_url(request)}/api/buckets/{repo.full_name}/xet-read-token>; rel="xet-auth"'

    def content(start: int, end: int) -> HttpResponseBase:
        return blob_content(blob, start, end)

    def direct() -> str | None:
        return direct_address(blob, content_type=headers["Content-Type"], disposition=headers["Content-Disposition"])

    return send(request, size=blob.size, headers=headers, content=content, direct=direct)
