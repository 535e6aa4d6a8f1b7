"""Discussions of a repository, and its pull requests, which share their addresses and numbers."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.models import Someone, User
from hub.api.bodies import MAX_JSON, read_object, text_of
from hub.api.edge import json_view, writer
from hub.api.hf.paging import number as number_of
from hub.api.hf.shapes import date
from hub.community.discussions import pull_requests, services
from hub.community.discussions.merging import merge_pull_request
from hub.community.discussions.standing import standing_of
from hub.community.models import Discussion, DiscussionEvent, EventKind, PullRequest, Status
from hub.community.permissions import get_comment, get_discussion, get_pull_request, get_repo_for_posting
from hub.community.writing.text import render_texts
from hub.core.errors import Invalid
from hub.core.markdown import Rendered
from hub.repos.diffs import diff_changes, unified
from hub.repos.models import Repository
from hub.repos.permissions import get_repo_for_proposing, get_repo_for_read, get_repo_for_write, may_fetch

PER_PAGE = 50
_TYPES = ("all", "discussion", "pull_request")
_STATUSES = ("all", *Status.values)
# What the details of a pull request show of its changes: characters of text, and files.
MAX_DIFF = 1_000_000
MAX_FILES = 300


@json_view("GET", "POST")
def discussions(request: Request, kind: str, namespace: str, name: str) -> Response:
    """GET (`p` from 0, `type`, `status`, `author`) or POST (`title`, `description`, `pullRequest`) .../discussions.

    `open` lists drafts as well, and `closed` what is merged: between them they list everything.
    """
    if request.method == "POST":
        return _open(request, kind, namespace, name)
    repo = get_repo_for_read(request.user, kind, namespace, name)
    query = request.query_params
    asked = _one_of(query.get("type") or "all", "type", _TYPES)
    status = _one_of(query.get("status") or "all", "status", _STATUSES)
    rows = Discussion.objects.filter(repository=repo).select_related("author", "pull_request").order_by("-number")
    if asked != "all":
        rows = rows.pull_requests(asked == "pull_request")
    if status == Status.OPEN:
        rows = rows.open()
    elif status == Status.CLOSED:
        rows = rows.closed()
    elif status != "all":
        rows = rows.filter(status=status)
    if author := query.get("author"):
        rows = rows.by(author)
    start = number_of(query, "p", default=0, high=10**6) * PER_PAGE
    shown = list(rows[start : start + PER_PAGE])
    # Clients ask for pages until they have `count`: an empty page beyond the end says that there is no more.
    count = rows.count() if shown else start
    return Response({"count": count, "start": start, "discussions": [_discussion(row, repo) for row in shown]})


def _open(request: Request, kind: str, namespace: str, name: str) -> Response:
    body = read_object(request)
    if body.get("pullRequest"):
        repo = get_repo_for_proposing(request.user, kind, namespace, name)
        pull = pull_requests.open_pull_request(
            repo=repo,
            actor=writer(request),
            title=_text(body, "title"),
            description=_text(body, "description"),
            # Its commits come next; whoever opened it publishes it then.
            draft=True,
        )
        return Response(_discussion(pull.discussion, repo))
    repo = get_repo_for_posting(request.user, kind, namespace, name)
    discussion = services.open_discussion(
        repo=repo, actor=writer(request), title=_text(body, "title"), text=_text(body, "description")
    )
    return Response(_discussion(discussion, repo))


@json_view("GET")
def discussion(request: Request, kind: str, namespace: str, name: str, number: int) -> Response:
    """GET /api/{kind}s/{repo}/discussions/{number}: all that happened in it, and what a pull request would change.

    `diff` is for whoever may fetch the files.
    """
    repo = get_repo_for_read(request.user, kind, namespace, name)
    found = get_discussion(repo, number)
    readable = found.events.readable_by(request.user).order_by("pk")
    events = list(readable.select_related("author").prefetch_related("edits"))
    answer = _discussion(found, repo) | {"events": _events(events, repo, request.user)}
    if found.is_pull_request:
        answer |= _pull_request(found.pull_request, show_diff=may_fetch(request.user, repo))
    return Response(answer)


def _pull_request(pull: PullRequest, *, show_diff: bool) -> dict[str, Any]:
    standing = standing_of(pull)
    told: dict[str, Any] = {"base": pull.base}
    if standing.head is not None:
        told["headSha"] = standing.head.oid
    if standing.first is not None:
        told["baseSha"] = standing.first.oid
    if pull.merge is not None:
        told["mergeCommitId"] = pull.merge
    conflicts = standing.paths
    # Names of files are for whoever may fetch them, too; the others learn whether there are any.
    answer: dict[str, Any] = {"changes": told, "filesWithConflicts": conflicts if show_diff else bool(conflicts)}
    if show_diff:
        diffs = diff_changes(pull.discussion.repository, standing.changes[:MAX_FILES])
        answer["diff"] = unified(diffs, limit=MAX_DIFF)
    return answer


@json_view("POST")
def merge(request: Request, kind: str, namespace: str, name: str, number: int) -> Response:
    """POST (`comment`, `headSha`) .../discussions/{number}/merge: takes a pull request into its base as one commit.

    With `headSha`, only while that is its head.
    """
    repo = get_repo_for_write(request.user, kind, namespace, name)
    found = get_pull_request(repo, number)
    body = read_object(request)
    commit = merge_pull_request(
        pull=found, actor=writer(request), text=_text(body, "comment"), expected=_text(body, "headSha") or None
    )
    return Response({"success": True, "mergeCommitId": commit.oid})


@json_view("POST")
def comment(request: Request, kind: str, namespace: str, name: str, number: int) -> Response:
    """POST (`comment`) .../discussions/{number}/comment."""
    repo = get_repo_for_posting(request.user, kind, namespace, name)
    found = get_discussion(repo, number)
    posted = services.post_comment(discussion=found, actor=writer(request), text=_text(read_object(request), "comment"))
    return Response({"newMessage": _event(posted, repo, request.user)})


@json_view("POST")
def edit(request: Request, kind: str, namespace: str, name: str, number: int, comment_id: str) -> Response:
    """POST (`content`) .../discussions/{number}/comment/{id}/edit."""
    repo = get_repo_for_posting(request.user, kind, namespace, name)
    found = get_comment(get_discussion(repo, number), comment_id)
    edited = services.edit_comment(comment=found, actor=writer(request), text=_text(read_object(request), "content"))
    return Response({"updatedComment": _event(edited, repo, request.user)})


@json_view("POST")
def hide(request: Request, kind: str, namespace: str, name: str, number: int, comment_id: str) -> Response:
    """POST .../discussions/{number}/comment/{id}/hide. It cannot be undone."""
    repo = get_repo_for_posting(request.user, kind, namespace, name)
    found = get_comment(get_discussion(repo, number), comment_id)
    hidden = services.take_comment_away(comment=found, actor=writer(request))
    return Response({"updatedComment": _event(hidden, repo, request.user)})


@json_view("POST")
def title(request: Request, kind: str, namespace: str, name: str, number: int) -> Response:
    """POST (`title`) .../discussions/{number}/title."""
    repo = get_repo_for_posting(request.user, kind, namespace, name)
    found = get_discussion(repo, number)
    change = services.rename_discussion(
        discussion=found, actor=writer(request), title=_text(read_object(request), "title")
    )
    return Response({"newTitle": _event(change, repo, request.user)})


@json_view("POST")
def status(request: Request, kind: str, namespace: str, name: str, number: int) -> Response:
    """POST (`status`, `comment`) .../discussions/{number}/status."""
    repo = get_repo_for_posting(request.user, kind, namespace, name)
    found, body = get_discussion(repo, number), read_object(request)
    change = services.set_status(
        discussion=found, actor=writer(request), status=_text(body, "status"), text=_text(body, "comment")
    )
    return Response({"newStatus": _event(change, repo, request.user)})


def _discussion(row: Discussion, repo: Repository) -> dict[str, Any]:
    return {
        "num": row.number,
        "title": row.title,
        "status": row.status,
        "isPullRequest": row.is_pull_request,
        "createdAt": date(row.created_at),
        "repo": {"name": repo.full_name, "type": repo.kind},
        **_by(row.author),
    }


def _event(event: DiscussionEvent, repo: Repository, reader: Someone) -> dict[str, Any]:
    return _events([event], repo, reader)[0]


def _events(events: list[DiscussionEvent], repo: Repository, reader: Someone) -> list[dict[str, Any]]:
    # Nobody reads a hidden comment any more, and clients read its text all the same.
    texts = {event.anchor: "" if event.hidden else event.text for event in events if event.is_comment}
    rendered = render_texts(repo, texts, reader=reader)
    return [_shape(event, texts.get(event.anchor, ""), rendered.get(event.anchor)) for event in events]


def _shape(event: DiscussionEvent, text: str, rendered: Rendered | None) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": str(event.pk),
        "type": event.kind,
        "createdAt": date(event.created_at),
        **_by(event.author),
    }
    match event.kind:
        case EventKind.COMMENT:
            shape["data"] = _comment(event, text, str(rendered.html) if rendered else "")
        case EventKind.STATUS:
            shape["data"] = {"status": event.after}
        case EventKind.TITLE:
            shape["data"] = {"from": event.before, "to": event.after}
        case EventKind.LOCK:
            shape["data"] = {"locked": event.after == "locked"}
        case EventKind.PIN:
            shape["data"] = {"pinned": event.after == "pinned"}
        case EventKind.ANSWER if event.source_id is not None:
            shape["data"] = {"commentId": str(event.source_id)}
        case EventKind.COMMIT:
            shape["data"] = {"subject": event.text, "oid": event.after}
    return shape


def _comment(event: DiscussionEvent, text: str, html: str) -> dict[str, Any]:
    """Return what a comment says now. `history` tells when it was edited; earlier texts are not kept."""
    edits = [] if event.hidden else [edit.at for edit in event.edits.all()]
    by = _by(event.author)
    return {
        "edited": bool(edits),
        "hidden": event.hidden,
        "latest": {
            "raw": text,
            "html": html,
            "updatedAt": date(edits[-1] if edits else event.created_at),
            **by,
        },
        "numEdits": len(edits),
        "history": [{"updatedAt": date(moment), **by} for moment in edits],
    }


def _by(user: User | None) -> dict[str, Any]:
    """Return `author`, or nothing for a deleted account: clients fail at a null and know what a missing key means."""
    if user is None:
        return {}
    return {"author": {"name": user.username, "fullname": user.shown_name, "type": "user"}}


def _text(body: dict[str, Any], key: str) -> str:
    # How long it may be, the services say in their own words.
    return text_of(body, key, limit=MAX_JSON)


def _one_of(value: str, key: str, words: tuple[str, ...]) -> str:
    if value not in words:
        raise Invalid(f"{key} is one of {', '.join(words)}.", field=key)
    return value
