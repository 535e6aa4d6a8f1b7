"""A commit as lines of JSON: read one at a time, so that a large one never lies in memory as a whole.

Format: one object per line, `{"key": "header" | "file" | "lfsFile" | "deletedFile" | "deletedFolder", "value": {...}}`.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from hub.accounts.models import User
from hub.api.bodies import open_body, parse_object, text_of
from hub.api.edge import stream_view, writer
from hub.api.errors import header_text
from hub.api.hf.paging import flag
from hub.api.hf.targets import Target, get_target_for_commit
from hub.community.discussions.pull_requests import commit_as_pull_request
from hub.core.errors import Invalid, TooLarge
from hub.core.links import base_url, repo_path
from hub.repos.card_checks import check_card
from hub.repos.cards import CARD_FILE, MAX_CARD_FILE
from hub.repos.git.commits import Delete, Operation, PutBlob, Stage, create_commit
from hub.repos.git.receipts import MAX_KEY, commit_once
from hub.repos.models.git import number_of_ref
from hub.repos.names import FULL_ID, SHA256

# A line holds one file in base64, and its path.
MAX_LINE = settings.MAX_REGULAR_FILE * 4 // 3 + 64 * 1024  # bytes
MAX_DESCRIPTION = 100_000  # characters
MAX_WARNINGS = 5


@stream_view("POST")
def commit(request: HttpRequest, kind: str, namespace: str, name: str, revision: str) -> HttpResponseBase:
    """POST /api/{kind}s/{repo}/commit/{rev}: answers with the new commit, or the head where nothing changes.

    `create_pr=1` puts it into a new pull request for that branch; `refs/pr/N` as revision, into one that is there. With an
    Idempotency-Key the same request can be sent again: it is answered with the commit that it has led to already.
    """
    opens = flag(request.GET, "create_pr")
    target = get_target_for_commit(request.user, kind, namespace, name, revision, opens=opens)
    key = _key(request)
    digest = hashlib.sha256(f"{target.ref_name}\n{opens}\n".encode())
    sent = _read(target, open_body(request), digest)
    actor = writer(request)
    make = partial(_make, target, sent, actor)
    if key:
        ref_name, oid = commit_once(repo=target.repo, user=actor, key=key, request=digest.hexdigest(), make=make)
    else:
        ref_name, oid = make()
    address = base_url(request) + repo_path(target.repo.kind, target.repo.full_name)
    answer = {"success": True, "commitOid": oid, "commitUrl": f"{address}/commit/{oid}", "hookOutput": ""}
    if opens:
        answer["pullRequestUrl"] = f"{address}/discussions/{number_of_ref(ref_name)}"
    response = JsonResponse(answer)
    if flag(request.GET, "hot_reload"):
        sent.warnings.append("Nothing runs on this hub, so there was nothing to reload. The commit is made.")
    if sent.warnings:
        response["X-HF-Warning"] = f"Commit; {header_text(' '.join(sent.warnings))}"
    return response


def _make(target: Target, sent: "Sent", actor: User) -> tuple[str, str]:
    """Make the commit; return the full name of its ref, and its id."""
    title = text_of(sent.header, "summary")
    description = text_of(sent.header, "description", limit=MAX_DESCRIPTION)
    parent = _parent(sent.header)
    if target.opens:
        pull, made = commit_as_pull_request(
            repo=target.repo,
            actor=actor,
            operations=sent.operations,
            title=title,
            description=description,
            base=target.ref_name,
            parent=parent,
        )
        return pull.ref, made.oid
    made = create_commit(
        repo=target.repo,
        actor=actor,
        operations=sent.operations,
        title=title,
        description=description,
        ref_name=target.ref_name,
        parent=parent,
    )
    return target.ref_name, made.oid


@dataclass
class Sent:
    """What a request asks for, its small files staged. warnings: what whoever sent it may want to mend."""

    header: dict[str, Any]
    operations: list[Operation]
    warnings: list[str]


def _key(request: HttpRequest) -> str:
    """Return the caller's Idempotency-Key, "" for none."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MAX_KEY or not key.isascii() or not key.isprintable():
        raise Invalid(f"An Idempotency-Key has at most {MAX_KEY} plain ASCII characters.", field="Idempotency-Key")
    return key


def _read(target: Target, body: BinaryIO, digest: "hashlib._Hash") -> Sent:
    """Read the lines and stage what they hold. `digest` is fed with every byte."""
    stage = Stage(target.repo)
    header: dict[str, Any] = {}
    operations: list[Operation] = []
    warnings: list[str] = []
    for key, value in _lines(body, digest):
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
        if key == "file" and value.get("path") == CARD_FILE:
            warnings = _warnings_of(value, target.repo.kind)
    if not header:
        raise Invalid("The commit has no header line with its summary.")
    stage.finish()
    return Sent(header, operations, warnings)


def _warnings_of(card: dict[str, Any], kind: str) -> list[str]:
    """Return what is wrong with the card that a line holds. It is committed all the same: clients asked before, and others
    may have their reasons."""
    content = _content(card)
    if len(content) > MAX_CARD_FILE:
        return []
    errors, warnings = check_card(content.decode("utf-8", "replace"), kind)
    return [f"{CARD_FILE}: {issue}" for issue in errors + warnings][:MAX_WARNINGS]


def _lines(body: BinaryIO, digest: "hashlib._Hash") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (key, value) of each line. Raises Invalid, and TooLarge for a long line or a long commit."""
    total = 0
    # One more than the operations for the header, and as many again for blank lines between them: a few kB of gzip may
    # hold hundreds of millions.
    for _number in range(2 * settings.MAX_COMMIT_OPERATIONS + 2):
        line = body.readline(MAX_LINE + 1)
        if not line:
            return
        total += len(line)
        digest.update(line)
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


def _parent(header: dict[str, Any]) -> str | None:
    parent = text_of(header, "parentCommit")
    if parent and not FULL_ID.fullmatch(parent):
        raise Invalid("parentCommit is the full id of a commit: 40 hexadecimal digits.", field="parentCommit")
    return parent or None


def _file(stage: Stage, value: dict[str, Any]) -> Operation:
    path = text_of(value, "path")
    content = _content(value)
    if len(content) > settings.MAX_REGULAR_FILE:
        raise TooLarge(
            f"{path} has {len(content)} bytes. Files above {settings.MAX_REGULAR_FILE} bytes are uploaded as large files."
        )
    return stage.file(path, content)


def _content(value: dict[str, Any]) -> bytes:
    path = text_of(value, "path")
    encoding = text_of(value, "encoding", default="utf-8")
    text = text_of(value, "content", limit=MAX_LINE)
    if encoding == "base64":
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Invalid(f"The content of {path} is not valid base64.", field="content") from error
    if encoding != "utf-8":
        raise Invalid(f"The content of {path} has an unknown encoding. Use base64.", field="encoding")
    return text.encode()


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
