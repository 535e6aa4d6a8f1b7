"""Telling webhooks: each message is written in the transaction of what it tells of."""

from collections.abc import Callable
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db.models import Count, Q

from hub.accounts.models import Namespace
from hub.community.models import Discussion, DiscussionEvent, Domain, PullRequest, Webhook, WebhookDelivery
from hub.community.webhooks.giving_up import MAX_WAITING
from hub.community.webhooks.messages import (
    about_comment,
    about_discussion,
    about_repository,
    about_webhook,
    head_of,
    owner_id,
)
from hub.community.webhooks.tasks import send_webhooks
from hub.core.background import queue_on_commit
from hub.repos.models import Repository

MAX_REFS = 500  # of one push that one message tells of

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
    said = {
        "event": {"action": action, "scope": scope},
        "repo": about_repository(repo),
        **(facts() if facts is not None else {}),
    }
    rows = [
        WebhookDelivery(
            webhook=hook,
            repository=repo,
            scope=scope,
            action=action,
            payload={**said, "webhook": about_webhook(hook)},
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
            row.payload["repo"]["headSha"] = head_of(repo)
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
            "repo": {**about_repository(repo), "name": old},
            "movedTo": {"name": repo.full_name, "owner": {"id": owner_id(repo.namespace)}},
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
        facts=lambda: {"discussion": about_discussion(discussion)},
    )


def announce_comment(comment: DiscussionEvent, action: str) -> None:
    """Tell that something was said (create), or that it has been changed or taken away (update)."""
    announce(
        comment.discussion.repository,
        domain=Domain.DISCUSSION,
        scope="discussion.comment",
        action=action,
        facts=lambda: {"discussion": about_discussion(comment.discussion), "comment": about_comment(comment)},
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
