"""What webhooks hear of: signals of repositories, and rows of discussions, whichever service wrote them."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from hub.community.models import DiscussionEvent, Domain, EventKind, PullRequest
from hub.community.webhooks import announcing
from hub.repos.models import Repository
from hub.repos.signals import (
    ref_updated,
    repository_changed,
    repository_created,
    repository_deleted,
    repository_moved,
)


@receiver(repository_created)
def tell_created(repository: Repository, **_kwargs: Any) -> None:
    announcing.announce(repository, domain=Domain.REPO, scope="repo", action="create")


@receiver(repository_deleted)
def tell_deleted(repository: Repository, **_kwargs: Any) -> None:
    announcing.announce(repository, domain=Domain.REPO, scope="repo", action="delete")


@receiver(repository_moved)
def tell_moved(repository: Repository, old: str, **_kwargs: Any) -> None:
    announcing.announce_move(repository, old)


@receiver(repository_changed)
def tell_changed(repository: Repository, **_kwargs: Any) -> None:
    announcing.announce_config(repository)


@receiver(ref_updated)
def tell_refs(repository: Repository, name: str, old: str | None, new: str | None, **_kwargs: Any) -> None:
    announcing.announce_refs(repository, name, old, new)


@receiver(post_save, sender=DiscussionEvent)
def tell_event(instance: DiscussionEvent, created: bool, **_kwargs: Any) -> None:
    """Commits of a pull request are told as updates of its ref, and what other texts mention is no news of this one."""
    if instance.kind == EventKind.COMMENT:
        if created and instance.is_opening:
            announcing.announce_discussion(instance.discussion, "create")
        announcing.announce_comment(instance, "create" if created else "update")
    elif created and instance.kind not in (EventKind.COMMIT, EventKind.REFERENCE):
        announcing.announce_discussion(instance.discussion, "update")


@receiver(post_save, sender=PullRequest)
def tell_pull_request(instance: PullRequest, created: bool, **_kwargs: Any) -> None:
    if created:
        announcing.amend_opening(instance)
