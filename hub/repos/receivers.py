"""What follows on decisions and changes, queued once they are committed; and names that accounts cannot take."""

from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.dispatch import receiver

from hub.accounts.services import name_taken
from hub.accounts.signals import name_wanted
from hub.core.background import queue, queue_on_commit
from hub.repos.models import Repository, RepositoryAlias
from hub.repos.signals import access_decided, access_requested, content_changed, content_waits, ref_updated
from hub.repos.tasks import chunk_large_files, count_usage, mail_decisions, mail_owners

REQUESTS_PER_TASK = 100
# How soon after a change a repository is counted: a push of many refs is one change.
COUNT_SECONDS = 5


@receiver(access_requested)
def tell_owners(repository: Repository, **_kwargs: Any) -> None:
    queue_on_commit(mail_owners, repository.pk)


@receiver(access_decided)
def tell_askers(requests: list[int], **_kwargs: Any) -> None:
    for start in range(0, len(requests), REQUESTS_PER_TASK):
        part = requests[start : start + REQUESTS_PER_TASK]
        queue_on_commit(mail_decisions, part)


@receiver(content_waits)
def cut_into_chunks(**_kwargs: Any) -> None:
    queue_on_commit(chunk_large_files)


@receiver(content_changed)
@receiver(ref_updated)
def count_again(repository: Repository, **_kwargs: Any) -> None:
    transaction.on_commit(lambda: _queue_count(repository.pk), robust=True)


def _queue_count(repo_id: int) -> None:
    """Have a repository counted soon, once for all that happens meanwhile. The day's count finds what was not queued."""
    if cache.add(f"count-{repo_id}", 1, COUNT_SECONDS):
        queue(count_usage, repo_id, seconds=COUNT_SECONDS)


@receiver(name_wanted)
def keep_short_names(name: str, **_kwargs: Any) -> None:
    """An account does not take the name by which everybody's scripts ask for a repository. Raises NameTaken."""
    if RepositoryAlias.objects.filter(full_name__iexact=name).exists():
        raise name_taken(name)
