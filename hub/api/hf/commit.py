"""A commit as lines of JSON: read one at a time, so that a large one never lies in memory as a whole.

Format: one object per line, `{"key": "header" | "file" | "lfsFile" | "deletedFile" | "deletedFolder", "value": {...}}`.
"""

import base64
import binascii
import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from hub.api.bodies import open_body, parse_object, text_of
from hub.api.edge import stream_view, writer
from hub.api.hf.preupload import refuse_pull_request
from hub.core.errors import Invalid, TooLarge
from hub.core.links import base_url, repo_path
from hub.repos.git.commits import Delete, Operation, PutBlob, Stage, create_commit
from hub.repos.models.git import BRANCH_PREFIX
from hub.repos.names import FULL_ID, SHA256
from hub.repos.permissions import get_repo_for_write

# A line holds one file in base64, and its path.
MAX_LINE = settings.MAX_REGULAR_FILE * 4 // 3 + 64 * 1024  # bytes
MAX_DESCRIPTION = 100_000  # characters


@stream_view("POST")
def commit(request: HttpRequest, kind: str, namespace: str, name: str, revision: str) -> HttpResponseBase:
    """POST /api/{kind}s/{repo}/commit/{rev}: answers with the new commit, or the head where nothing changes."""
    repo = get_repo_for_write(request.user, kind, namespace, name)
    refuse_pull_request(request.GET.get("create_pr", "") not in ("", "0", "false"))
    refuse_pull_request(revision.startswith("refs/pr/"))
    stage = Stage(repo)
    header: dict[str, Any] = {}
    operations: list[Operation] = []
    for key, value in _lines(open_body(request)):
        if key == "header":
            header = value
        elif key in _READERS:
            operations.append(_READERS[key](stage, value))
        else:
            raise Invalid(f"A commit has no line called {key[:40]}. Update your client, or this hub.")
        if len(operations) > settings.MAX_COMMIT_OPERATIONS:
            raise TooLarge(
                f"A commit has at most {settings.MAX_COMMIT_OPERATIONS} operations. Split it into several commits."
            )
    if not header:
        raise Invalid("The commit has no header line with its summary.")
    stage.finish()
    made = create_commit(
        repo=repo,
        actor=writer(request),
        operations=operations,
        title=text_of(header, "summary"),
        description=text_of(header, "description", limit=MAX_DESCRIPTION),
        ref_name=revision if revision.startswith("refs/") else BRANCH_PREFIX + revision,
        parent=_parent(header),
    )
    url = base_url(request) + repo_path(repo.kind, repo.full_name, "commit", made.oid)
    return JsonResponse({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""})


def _lines(body: BinaryIO) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (key, value) of each line. Raises Invalid, and TooLarge for a long line or a long commit."""
    total = 0
    # One more than the operations for the header, and as many again for blank lines between them: a few kB of gzip may
    # hold hundreds of millions.
    for _number in range(2 * settings.MAX_COMMIT_OPERATIONS + 2):
        line = _read_line(body)
        if not line:
            return
        total += len(line)
        if len(line) > MAX_LINE:
            raise TooLarge(
                f"A file within a commit has at most {settings.MAX_REGULAR_FILE} bytes. Upload larger ones as large files."
            )
        if total > settings.MAX_COMMIT_BYTES:
            raise TooLarge(
                f"A commit's request has at most {settings.MAX_COMMIT_BYTES} bytes. Split it into several commits."
            )
        if not line.strip():
            continue
        item = parse_object(line)
        # A line may be of megabytes; while its content is stored it need not lie here as well.
        del line
        value = item.get("value")
        if not isinstance(value, dict):
            raise Invalid("Each line of a commit is an object with a key and a value.")
        yield text_of(item, "key"), value
    raise TooLarge(f"A commit has at most {settings.MAX_COMMIT_OPERATIONS} operations, each on a line of its own.")


def _read_line(body: BinaryIO) -> bytes:
    try:
        return body.readline(MAX_LINE + 1)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise Invalid("The commit is said to be gzip, and cannot be unpacked.") from error


def _parent(header: dict[str, Any]) -> str | None:
    parent = text_of(header, "parentCommit")
    if parent and not FULL_ID.fullmatch(parent):
        raise Invalid("parentCommit is the full id of a commit: 40 hexadecimal digits.", field="parentCommit")
    return parent or None


def _file(stage: Stage, value: dict[str, Any]) -> Operation:
    path = text_of(value, "path")
    encoding = text_of(value, "encoding", default="utf-8")
    text = text_of(value, "content", limit=MAX_LINE)
    if encoding == "base64":
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Invalid(f"The content of {path} is not valid base64.", field="content") from error
    elif encoding == "utf-8":
        content = text.encode()
    else:
        raise Invalid(f"The content of {path} has an unknown encoding. Use base64.", field="encoding")
    if len(content) > settings.MAX_REGULAR_FILE:
        raise TooLarge(
            f"{path} has {len(content)} bytes. Files above {settings.MAX_REGULAR_FILE} bytes are uploaded as large files."
        )
    return stage.file(path, content)


def _large_file(stage: Stage, value: dict[str, Any]) -> Operation:
    oid = text_of(value, "oid").lower()
    if text_of(value, "algo", default="sha256") != "sha256" or not SHA256.fullmatch(oid):
        raise Invalid("The oid of a large file is its sha256: 64 hexadecimal digits.", field="oid")
    size = value.get("size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool)):
        raise Invalid("size is a number of bytes.", field="size")
    return PutBlob(text_of(value, "path"), oid, size)


def _deleted_file(stage: Stage, value: dict[str, Any]) -> Operation:
    return Delete(text_of(value, "path").rstrip("/"))


def _deleted_folder(stage: Stage, value: dict[str, Any]) -> Operation:
    return Delete(text_of(value, "path").rstrip("/") + "/")


_READERS: dict[str, Callable[[Stage, dict[str, Any]], Operation]] = {
    "file": _file,
    "lfsFile": _large_file,
    "deletedFile": _deleted_file,
    "deletedFolder": _deleted_folder,
}
