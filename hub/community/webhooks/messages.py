"""What webhooks are told: the messages of the client protocol."""

from collections.abc import Iterable
from typing import Any

from hub.accounts.models import Namespace
from hub.community.models import Discussion, DiscussionEvent, Webhook
from hub.core.links import base_url, repo_path
from hub.repos.models import GitRef, Repository
from hub.repos.models.git import MAIN

VERSION = 3
PING = "ping"
MAX_CONTENT = 10_000  # characters of a comment


def ping_payload(webhook: Webhook) -> dict[str, Any]:
    """Return a message that any receiver can read, and that is about nothing."""
    owner = webhook.namespace
    return {
        "event": {"action": "create", "scope": PING},
        "repo": {
            "type": "model",
            "name": f"{owner.name}/ping",
            "id": "0",
            "private": False,
            "url": {"web": f"{base_url()}/{owner.name}", "api": f"{base_url()}/api/models/{owner.name}/ping"},
            "owner": {"id": owner_id(owner)},
        },
        "webhook": about_webhook(webhook),
    }


def about_webhook(hook: Webhook) -> dict[str, Any]:
    """Return what a message says of the webhook that it goes to."""
    return {"id": hook.key, "version": VERSION}


def about_repository(repo: Repository) -> dict[str, Any]:
    """Return what a message says of a repository."""
    told: dict[str, Any] = {
        "type": repo.kind,
        "name": repo.full_name,
        "id": str(repo.pk),
        "private": repo.private,
        "url": {
            "web": f"{base_url()}{repo_path(repo.kind, repo.full_name)}",
            "api": f"{base_url()}/api/{repo.plural}/{repo.full_name}",
        },
        "owner": {"id": owner_id(repo.namespace)},
    }
    if head := head_of(repo):
        told["headSha"] = head
    return told


def head_of(repo: Repository) -> str | None:
    """Return the commit of its main branch, if it has one."""
    return GitRef.objects.filter(repository=repo, name=MAIN).values_list("oid", flat=True).first()


def owner_id(namespace: Namespace) -> str:
    """Users have the id that whoami tells; organizations one that no user has."""
    return str(namespace.user_id) if namespace.user_id else f"org-{namespace.organization_id}"


def _author_id(user_id: int | None) -> str:
    return str(user_id) if user_id else "deleted"


def about_discussion(discussion: Discussion) -> dict[str, Any]:
    """Return what a message says of a discussion or pull request."""
    repo = discussion.repository
    told: dict[str, Any] = {
        "id": str(discussion.pk),
        "num": discussion.number,
        "title": discussion.title,
        "status": discussion.status,
        "author": {"id": _author_id(discussion.author_id)},
        "isPullRequest": discussion.is_pull_request,
        "pinned": discussion.pinned_at is not None,
        "url": {
            "web": f"{base_url()}{discussion.get_absolute_url()}",
            "api": f"{base_url()}/api/{repo.plural}/{repo.full_name}/discussions/{discussion.number}",
        },
    }
    if discussion.is_pull_request:
        pull = discussion.pull_request
        told["changes"] = {"base": pull.base} | ({"mergeCommitId": pull.merge} if pull.merge else {})
    return told


def about_comment(comment: DiscussionEvent) -> dict[str, Any]:
    """Return what a message says of a comment: not its text, where that was taken away."""
    told: dict[str, Any] = {
        "id": str(comment.pk),
        "author": {"id": _author_id(comment.author_id)},
        "hidden": comment.hidden,
        "url": {"web": f"{base_url()}{comment.discussion.get_absolute_url()}#{comment.anchor}"},
    }
    if not comment.hidden:
        told["content"] = comment.text[:MAX_CONTENT]
    return told


def without_hidden(payloads: Iterable[dict[str, Any]]) -> None:
    """Take out of messages what was said in comments that have been taken away since."""
    told = [payload["comment"] for payload in payloads if "content" in payload.get("comment", {})]
    if not told:
        return
    comments = DiscussionEvent.objects.filter(pk__in={int(comment["id"]) for comment in told}, hidden_at=None)
    standing = {str(pk) for pk in comments.values_list("pk", flat=True)}
    for comment in told:
        if comment["id"] not in standing:
            comment.pop("content")
            comment["hidden"] = True
