"""How each file of a commit will have to be sent: within the commit, or apart as large content."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view
from hub.api.hf.paging import flag
from hub.api.hf.targets import get_target_for_commit
from hub.core.blobs.scratch import require_room
from hub.core.errors import Invalid, TooLarge
from hub.repos.attributes import LargeFileRule
from hub.repos.errors import EntryNotFound
from hub.repos.git.files import find_file, find_files, read_file
from hub.repos.models import GitCommit, Repository
from hub.repos.names import check_path
from hub.repos.patterns import IgnoreRules
from hub.repos.storage.quotas import require_quota_of_commit

FILES_PER_CALL = 2000
MAX_IGNORE = 100_000  # characters
IGNORE_FILE = ".gitignore"


@json_view("POST")
def preupload(request: Request, kind: str, namespace: str, name: str, revision: str) -> Response:
    """POST /api/{kind}s/{repo}/preupload/{rev}: refuses here what the commit would refuse, before bytes are sent."""
    opens = flag(request.query_params, "create_pr")
    target = get_target_for_commit(request.user, kind, namespace, name, revision, opens=opens)
    repo, commit = target.repo, target.head
    body = read_object(request)
    files = body.get("files")
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise Invalid("files is a list of objects with path, size and sample.", field="files")
    if len(files) > FILES_PER_CALL:
        raise Invalid(f"Ask about at most {FILES_PER_CALL} files at a time.", field="files")
    asked = {text_of(file, "path"): _size(file) for file in files}
    for path in asked:
        check_path(path)
    rule = LargeFileRule.at(repo, commit)
    ignored = _ignored(repo, commit, body)
    present = {file.path: file for file in find_files(repo, commit, list(asked)) if not file.is_folder}
    # A file of the same size is most likely the same file, which will not be sent again.
    new = sum(n for path, n in asked.items() if path not in present or present[path].size != n)
    require_room(new)
    require_quota_of_commit(repo=repo, user=request.user, new=new)
    answers = []
    for path, size in asked.items():
        answer: dict[str, Any] = {
            "path": path,
            "uploadMode": "lfs" if rule.is_large(path, size) else "regular",
            "shouldIgnore": ignored.ignores(path),
        }
        if path in present:
            answer["oid"] = present[path].sha256 or present[path].oid
        answers.append(answer)
    return Response({"files": answers})


def _size(file: dict[str, Any]) -> int:
    size = file.get("size", 0)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Invalid("size is a number of bytes.", field="size")
    if size > settings.MAX_LFS_FILE:
        raise TooLarge(
            f"{text_of(file, 'path')} has {size} bytes; this hub takes files of up to {settings.MAX_LFS_FILE} bytes.",
            field="size",
        )
    return size


def _ignored(repo: Repository, commit: GitCommit, body: dict[str, Any]) -> IgnoreRules:
    """Return the ignore rules: those that come with the upload, else those that the repository has."""
    text = text_of(body, "gitIgnore", limit=MAX_IGNORE)
    if "gitIgnore" not in body:
        try:
            file = find_file(repo, commit, IGNORE_FILE)
        except EntryNotFound:
            return IgnoreRules()
        if file.sha256 is None and file.size <= MAX_IGNORE:
            text = read_file(repo, file).decode("utf-8", "replace")
    return IgnoreRules(text)
