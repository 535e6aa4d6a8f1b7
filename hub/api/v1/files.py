"""Files of a repository, one at a time: listed, put, deleted. A body is a file's bytes, whatever its size."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import content_length, open_body
from hub.api.edge import writer
from hub.api.errors import LengthRequired
from hub.api.paging import link_next
from hub.api.v1.bodies import Query
from hub.api.v1.operations import REPO, Refusal, operation
from hub.api.v1.paging import DEFAULT_LIMIT, LINK, Paged
from hub.core.errors import Invalid, TooLarge
from hub.core.links import base_url, repo_path
from hub.repos.attributes import LargeFileRule
from hub.repos.git.commits import Delete, create_commit
from hub.repos.git.files import FileEntry, find_file, list_folder, resolve_revision
from hub.repos.models import GitCommit, Repository
from hub.repos.models.git import BRANCH_PREFIX
from hub.repos.names import FULL_ID, check_path
from hub.repos.permissions import check_may_move, get_repo_for_read, get_repo_for_write
from hub.repos.uploads import receive_file

MAX_LIMIT = 1000
MAX_MESSAGE = 500  # characters


class FileShape(serializers.Serializer[Any]):
    """A file or folder. `sha256` is null for small files, which git itself holds, and for folders."""

    path = serializers.CharField()
    type = serializers.ChoiceField(choices=("file", "folder"))
    size = serializers.IntegerField(help_text=_("Bytes; 0 for folders."))
    oid = serializers.CharField(help_text=_("Its id in git."))
    sha256 = serializers.CharField(allow_null=True)
    url = serializers.CharField(allow_null=True, help_text=_("Where its content is; null for folders."))


class FolderShape(serializers.Serializer[Any]):
    """A page of a folder, at the commit that the revision meant."""

    count = serializers.IntegerField(help_text=_("Of all pages."))
    commit = serializers.CharField()
    items = FileShape(many=True)


class ChangeShape(serializers.Serializer[Any]):
    """A file as it is now, null after a deletion, and the commit that made it so."""

    commit = serializers.CharField()
    url = serializers.CharField()
    file = FileShape(allow_null=True)


class FolderQuery(Paged):
    """Which part of the tree."""

    folder = serializers.CharField(max_length=1024, default="", allow_blank=True, help_text=_("Empty: the root."))
    recursive = serializers.BooleanField(default=False, help_text=_("Everything below it, too."))
    limit = serializers.IntegerField(
        min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT, help_text=_("Rows on a page.")
    )


class ChangeQuery(Query):
    """What the commit says, and what it builds on."""

    message = serializers.CharField(max_length=MAX_MESSAGE, default="", allow_blank=True)
    parent = serializers.RegexField(  # type: ignore[assignment] # a field like the others, not DRF's own word
        FULL_ID,
        required=False,
        help_text=_("The commit that you build on. If the branch has moved on since, nothing is changed (412)."),
    )


_CHANGE_REFUSES = {403: Refusal, 404: Refusal, 411: Refusal, 412: Refusal, 507: Refusal}


@operation(
    "GET",
    tag="files",
    summary=_("What a folder holds"),
    answer=FolderShape,
    query=FolderQuery,
    parts=(*REPO, "revision"),
    headers=(LINK,),
)
def list_the_files(
    request: Request, kind: str, namespace: str, name: str, revision: str, query: dict[str, Any]
) -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    commit, start = _place(repo, revision, query["cursor"])
    found = list_folder(repo, commit, query["folder"].strip("/"), recursive=query["recursive"])
    end = start + query["limit"]
    shown = [_shape(request, repo, revision, file) for file in found[start:end]]
    response = Response({"count": len(found), "commit": commit.oid, "items": shown})
    if end < len(found):
        link_next(request, response, cursor=f"{commit.oid}-{end}")
    return response


def _place(repo: Repository, revision: str, cursor: str) -> tuple[GitCommit, int]:
    """Return the commit and the place in its listing: later pages are of the commit of the first. Raises Invalid."""
    if not cursor:
        return resolve_revision(repo, revision), 0
    oid, _hyphen, start = cursor.partition("-")
    if not FULL_ID.fullmatch(oid) or not start.isascii() or not start.isdecimal() or len(start) > 9:
        raise Invalid("This cursor does not fit the list. Start from its first page.", field="cursor")
    return resolve_revision(repo, oid), int(start)


@operation(
    "GET", tag="files", summary=_("One file, without its content"), answer=FileShape, parts=(*REPO, "revision", "path")
)
def read_file_facts(
    request: Request, kind: str, namespace: str, name: str, revision: str, path: str, query: dict[str, Any]
) -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    file = find_file(repo, resolve_revision(repo, revision), path)
    return Response(_shape(request, repo, revision, file))


@operation(
    "PUT",
    tag="files",
    summary=_("Put a file on a branch"),
    description=_(
        "The body is the file. It is stored as it comes, then committed; what is large, or what .gitattributes says is, "
        "is kept outside git. The same content again changes nothing."
    ),
    answer=ChangeShape,
    query=ChangeQuery,
    content=True,
    refuses=_CHANGE_REFUSES,
    parts=(*REPO, "revision", "path"),
)
def put_file(
    request: Request, kind: str, namespace: str, name: str, revision: str, path: str, query: dict[str, Any]
) -> Response:
    repo, commit, ref_name = _branch_to_change(request, kind, namespace, name, revision)
    check_path(path)
    length = content_length(request._request)
    if length is None:
        raise LengthRequired("Say how long the file is (Content-Length): send it from a file, not from a pipe.")
    if request.headers.get("Content-Encoding", "identity").lower() not in ("identity", ""):
        raise Invalid("Send the file as it is, without Content-Encoding.", field="Content-Encoding")
    if length > settings.MAX_LFS_FILE:
        raise TooLarge(f"This file has {length} bytes; the hub takes files of up to {settings.MAX_LFS_FILE} bytes.")
    put = receive_file(
        repo=repo,
        user=writer(request),
        path=path,
        stream=open_body(request),
        length=length,
        rule=LargeFileRule.at(repo, commit),
    )
    made = create_commit(
        repo=repo,
        actor=writer(request),
        operations=[put],
        title=query["message"] or f"Upload {path}",
        ref_name=ref_name,
        parent=query.get("parent"),
    )
    return _changed(request, repo, made, _shape(request, repo, revision, find_file(repo, made, path)))


@operation(
    "DELETE",
    tag="files",
    summary=_("Delete a file from a branch"),
    answer=ChangeShape,
    query=ChangeQuery,
    refuses=_CHANGE_REFUSES,
    parts=(*REPO, "revision", "path"),
)
def delete_file(
    request: Request, kind: str, namespace: str, name: str, revision: str, path: str, query: dict[str, Any]
) -> Response:
    repo, _commit, ref_name = _branch_to_change(request, kind, namespace, name, revision)
    made = create_commit(
        repo=repo,
        actor=writer(request),
        operations=[Delete(path.rstrip("/"))],
        title=query["message"] or f"Delete {path}",
        ref_name=ref_name,
        parent=query.get("parent"),
    )
    return _changed(request, repo, made, None)


def _branch_to_change(
    request: Request, kind: str, namespace: str, name: str, revision: str
) -> tuple[Repository, GitCommit, str]:
    """Return what is needed to commit to a branch; all that can be refused is refused before any byte is read."""
    repo = get_repo_for_write(request.user, kind, namespace, name)
    ref_name = BRANCH_PREFIX + revision.removeprefix(BRANCH_PREFIX)
    check_may_move(request.user, repo, ref_name)
    return repo, resolve_revision(repo, ref_name), ref_name


def _changed(request: Request, repo: Repository, made: GitCommit, file: dict[str, Any] | None) -> Response:
    url = base_url(request._request) + repo_path(repo.kind, repo.full_name, "commit", made.oid)
    return Response({"commit": made.oid, "url": url, "file": file})


def _shape(request: Request, repo: Repository, revision: str, file: FileEntry) -> dict[str, Any]:
    url = base_url(request._request) + repo_path(repo.kind, repo.full_name, "resolve", rev=revision, path=file.path)
    return {
        "path": file.path,
        "type": "folder" if file.is_folder else "file",
        "size": file.size,
        "oid": file.oid,
        "sha256": file.sha256,
        "url": None if file.is_folder else url,
    }
