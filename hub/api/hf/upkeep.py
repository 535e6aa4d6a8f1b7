"""What a repository takes up, and making it less: its large files, and its history as one commit."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, writer
from hub.api.hf.paging import number, page
from hub.api.hf.shapes import date
from hub.core.errors import Invalid
from hub.repos.git.squashing import squash_branch
from hub.repos.large_files import (
    MAX_DELETED,
    MAX_HANDED_OVER,
    LargeFile,
    delete_large_files,
    describe_large_files,
    hand_over,
    large_content_of,
)
from hub.repos.models import VERSIONED, Kind
from hub.repos.names import SHA256
from hub.repos.permissions import (
    get_repo_for_admin,
    get_repo_for_content,
    get_repo_for_proposing,
    get_repo_for_write,
)

PER_PAGE = 1000
MAX_MESSAGE = 10_000  # characters


@json_view("POST")
def super_squash(request: Request, kind: str, namespace: str, name: str, branch: str) -> Response:
    """POST /api/{kind}s/{repo}/super-squash/{branch}: `message`. Answers with the only commit that the branch now has."""
    repo = get_repo_for_write(request.user, kind, namespace, name)
    message = text_of(read_object(request), "message", limit=MAX_MESSAGE)
    commit = squash_branch(repo=repo, actor=writer(request), branch=branch, message=message)
    return Response({"commitId": commit.oid})


@json_view("GET")
def large_files(request: Request, kind: str, namespace: str, name: str) -> Response:
    """GET /api/{kind}s/{repo}/lfs-files, for whoever may write: finding where old files were reads a lot of history."""
    repo = get_repo_for_write(request.user, kind, namespace, name)
    after = number(request.query_params, "cursor", default=0, high=10**15 - 1)
    limit = number(request.query_params, "limit", default=PER_PAGE, low=1, high=PER_PAGE)
    rows = list(large_content_of(repo).filter(pk__gt=after)[: limit + 1])
    shown = describe_large_files(repo, rows[:limit])
    return page(request, [_shape(file) for file in shown], cursor=shown[-1].id if len(rows) > limit else None)


def _shape(file: LargeFile) -> dict[str, Any]:
    """Tools delete a file by its `fileOid`, so that is the sha256, too."""
    shape = {
        "fileOid": file.sha256,
        "oid": file.sha256,
        "filename": file.path or file.sha256,
        "pushedAt": date(file.pushed_at),
        "size": file.size,
    }
    return shape | ({"ref": file.ref} if file.ref else {})


@json_view("POST")
def delete_files(request: Request, kind: str, namespace: str, name: str) -> Response:
    """POST /api/{kind}s/{repo}/lfs-files/batch: `deletions.sha`, up to 1,000, and `deletions.rewriteHistory`. For whoever may
    delete the repository: there is no way back."""
    repo = get_repo_for_admin(request.user, kind, namespace, name)
    deletions = read_object(request).get("deletions")
    if not isinstance(deletions, dict):
        raise Invalid("deletions is an object with sha and rewriteHistory.", field="deletions")
    names, rewrite = deletions.get("sha"), deletions.get("rewriteHistory", False)
    if not isinstance(rewrite, bool):
        raise Invalid("rewriteHistory is true or false.", field="rewriteHistory")
    if not isinstance(names, list) or len(names) > MAX_DELETED or not all(_is_sha256(item) for item in names):
        raise Invalid(
            f"sha is a list of up to {MAX_DELETED} fileOid values of this repository's lfs-files.", field="sha"
        )
    deleted = delete_large_files(repo=repo, actor=writer(request), sha256s=names, rewrite_history=rewrite)
    return Response({"success": True, "deleted": deleted})


@json_view("POST")
def hand_over_files(request: Request, kind: str, namespace: str, name: str) -> Response:
    """POST /api/{kind}s/{repo}/lfs-files/duplicate: large `files` that the caller will commit to `target`."""
    source = get_repo_for_content(request.user, kind, namespace, name)
    body = read_object(request)
    target, files = body.get("target"), body.get("files")
    if not isinstance(target, dict):
        raise Invalid("target is an object with type and name.", field="target")
    if not isinstance(files, list) or len(files) > MAX_HANDED_OVER or not all(_names_content(file) for file in files):
        raise Invalid(f"files is a list of up to {MAX_HANDED_OVER} objects with a sha256.", field="files")
    target_kind = text_of(target, "type", default=Kind.MODEL)
    if target_kind not in VERSIONED:
        raise Invalid(f"type is one of {', '.join(VERSIONED)}.", field="type")
    owner, slash, last = text_of(target, "name").partition("/")
    if not slash:
        raise Invalid("The name of the target is a full name, such as ada/notes.", field="name")
    repo = get_repo_for_proposing(request.user, target_kind, owner, last)
    missing = hand_over(source=source, target=repo, actor=writer(request), sha256s={file["sha256"] for file in files})
    failed = [{"sha256": sha256, "error": f"{source.full_name} has no such file."} for sha256 in sorted(missing)]
    return Response({"failed": failed})


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def _names_content(value: object) -> bool:
    return isinstance(value, dict) and _is_sha256(value.get("sha256"))
