"""What webhooks are told: the messages of the client protocol, written in the transaction of what they tell of."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db.models import Count, Q

from hub.accounts.models import Namespace
from hub.community.models import Discussion, DiscussionEvent, Domain, PullRequest, Webhook, WebhookDelivery
from hub.community.tasks import send_webhooks
from hub.core.background import queue_on_commit
from hub.core.links import base_url, repo_path
from hub.repos.models import GitRef, Repository
from hub.repos.models.git import MAIN

VERSION = 3
PING = "ping"
# Messages that wait for one webhook. The hub switches off what has so many.
MAX_WAITING = 1000
# Refs of one push that one message tells of, and characters of a comment.
MAX_REFS = 500
MAX_CONTENT = 10_000

Facts = Callable[[], dict[str, Any]]


def announce(
    repo: Repository,
    *,
    domain: Domain,
    scope: str,
    action: str,
    facts: Facts | None = None,
    former_owner: Namespace | None = None,
) -> None:
    """Write one message for each webhook that hears of it, in the caller's transaction; they are sent when it commits.

    facts: what the message says beside event, repository and webhook; asked only where somebody listens. One query where
    nobody does.
    """
    namespaces = [former_owner.pk] if former_owner is not None else []
    waiting = Count("deliveries", filter=Q(deliveries__state=WebhookDelivery.State.WAITING))
    hooks = [
        hook
        for hook in Webhook.objects.hearing(repo, domain, namespaces=namespaces).annotate(waiting=waiting)
        if hook.waiting < MAX_WAITING
    ]
    if not hooks:
        return
    said = {"event": {"action": action, "scope": scope}, "repo": _repo(repo), **(facts() if facts is not None else {})}
    rows = [
        WebhookDelivery(
            webhook=hook,
            repository=repo,
            scope=scope,
            action=action,
            payload={**said, "webhook": _webhook(hook)},
            # One moment for all of a transaction, by which what belongs together is found again.
            created_at=TransactionNow(),
        )
        for hook in hooks
    ]
    WebhookDelivery.objects.bulk_create(rows)
    queue_on_commit(send_webhooks)


# --- repositories -------------------------------------------------------------------------------------------------------


def announce_refs(repo: Repository, name: str, old: str | None, new: str | None) -> None:
    """Tell of a ref that was made, moved or deleted. Those of one push go into one message."""
    if not Webhook.objects.hearing(repo, Domain.REPO).exists():
        return
    updated = {"ref": name, "oldSha": old, "newSha": new}
    same_push = WebhookDelivery.objects.filter(
        repository=repo, scope="repo.content", state=WebhookDelivery.State.WAITING, tries=0, created_at=TransactionNow()
    )
    begun = list(same_push)
    for row in begun:
        if len(row.payload["updatedRefs"]) < MAX_REFS:
            row.payload["updatedRefs"].append(updated)
            row.payload["repo"]["headSha"] = _head(repo)
    if begun:
        WebhookDelivery.objects.bulk_update(begun, ["payload"])
        return
    announce(repo, domain=Domain.REPO, scope="repo.content", action="update", facts=lambda: {"updatedRefs": [updated]})


def announce_move(repo: Repository, old: str) -> None:
    """Tell of another name, or owner; `old` is the full name that it had."""
    former = Namespace.objects.named(old.partition("/")[0]).first()
    announce(
        repo,
        domain=Domain.REPO,
        scope="repo",
        action="move",
        former_owner=former,
        facts=lambda: {
            "repo": {**_repo(repo), "name": old},
            "movedTo": {"name": repo.full_name, "owner": {"id": _owner_id(repo.namespace)}},
        },
    )


def announce_config(repo: Repository) -> None:
    """Tell that the settings of a repository have changed, and what they are now."""
    announce(
        repo,
        domain=Domain.REPO,
        scope="repo.config",
        action="update",
        facts=lambda: {"updatedConfig": {"private": repo.private, "gated": repo.gate or False}},
    )


# --- discussions --------------------------------------------------------------------------------------------------------


def announce_discussion(discussion: Discussion, action: str) -> None:
    """Tell that a discussion was opened (create) or has another title, state… (update)."""
    announce(
        discussion.repository,
        domain=Domain.DISCUSSION,
        scope="discussion",
        action=action,
        facts=lambda: {"discussion": _discussion(discussion)},
    )


def announce_comment(comment: DiscussionEvent, action: str) -> None:
    """Tell that something was said (create), or that it has been changed or taken away (update)."""
    announce(
        comment.discussion.repository,
        domain=Domain.DISCUSSION,
        scope="discussion.comment",
        action=action,
        facts=lambda: {"discussion": _discussion(comment.discussion), "comment": _comment(comment)},
    )


def amend_opening(pull: PullRequest) -> None:
    """Say in the message of a discussion that was just opened that it is a pull request: its row comes after that."""
    discussion = pull.discussion
    rows = WebhookDelivery.objects.filter(
        repository=discussion.repository_id,
        scope="discussion",
        action="create",
        created_at=TransactionNow(),
        payload__discussion__num=discussion.number,
    )
    begun = list(rows)
    for row in begun:
        row.payload["discussion"] |= {"isPullRequest": True, "changes": {"base": pull.base}}
    if begun:
        WebhookDelivery.objects.bulk_update(begun, ["payload"])


# --- shapes -------------------------------------------------------------------------------------------------------------


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
            "owner": {"id": _owner_id(owner)},
        },
        "webhook": _webhook(webhook),
    }


def _webhook(hook: Webhook) -> dict[str, Any]:
    return {"id": hook.key, "version": VERSION}


def _repo(repo: Repository) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": repo.kind,
        "name": repo.full_name,
        "id": str(repo.pk),
        "private": repo.private,
        "url": {
            "web": f"{base_url()}{repo_path(repo.kind, repo.full_name)}",
            "api": f"{base_url()}/api/{repo.plural}/{repo.full_name}",
        },
        "owner": {"id": _owner_id(repo.namespace)},
    }
    if head := _head(repo):
        told["headSha"] = head
    return told


def _head(repo: Repository) -> str | None:
    return GitRef.objects.filter(repository=repo, name=MAIN).values_list("oid", flat=True).first()


def _owner_id(namespace: Namespace) -> str:
    """Users have the id that whoami tells; organizations one that no user has."""
    return str(namespace.user_id) if namespace.user_id else f"org-{namespace.organization_id}"


def _author_id(user_id: int | None) -> str:
    return str(user_id) if user_id else "deleted"


def _discussion(discussion: Discussion) -> dict[str, Any]:
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


def _comment(comment: DiscussionEvent) -> dict[str, Any]:
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
