"""What follows on decisions and changes, queued once they are committed; and names that accounts cannot take."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.dispatch import receiver

from hub.accounts.services import name_taken
from hub.accounts.signals import name_wanted
from hub.repos.models import Repository, RepositoryAlias
from hub.repos.signals import access_decided, access_requested, content_changed, content_waits, ref_updated
from hub.repos.tasks import chunk_large_files, count_usage, mail_decisions, mail_owners

log = logging.getLogger(__name__)

REQUESTS_PER_TASK = 100
# How soon after a change a repository is counted: a push of many refs is one change.
COUNT_SECONDS = 5


@receiver(access_requested)
def tell_owners(repository: Repository, **_kwargs: Any) -> None:
    transaction.on_commit(partial(_queue, mail_owners.apply_async, repository.pk))


@receiver(access_decided)
def tell_askers(requests: list[int], **_kwargs: Any) -> None:
    for start in range(0, len(requests), REQUESTS_PER_TASK):
        part = requests[start : start + REQUESTS_PER_TASK]
        transaction.on_commit(partial(_queue, mail_decisions.apply_async, part))


@receiver(content_waits)
def cut_into_chunks(**_kwargs: Any) -> None:
    transaction.on_commit(_begin_chunking)


def _begin_chunking() -> None:
    """Have a pass begin now; where that is not queued, the next one comes by itself."""
    try:
        chunk_large_files.apply_async(retry=False)
    except Exception:
        log.exception("a pass that cuts files into chunks was not queued")


@receiver(content_changed)
@receiver(ref_updated)
def count_again(repository: Repository, **_kwargs: Any) -> None:
    transaction.on_commit(partial(_queue_count, repository.pk))


def _queue_count(repo_id: int) -> None:
    """Have a repository counted soon, once for all that happens meanwhile. The day's count finds what was not queued."""
    try:
        if cache.add(f"count-{repo_id}", 1, COUNT_SECONDS):
            count_usage.apply_async((repo_id,), countdown=COUNT_SECONDS, retry=False)
    except Exception:
        log.exception("repository %d was not queued to be counted", repo_id)


@receiver(name_wanted)
def keep_short_names(name: str, **_kwargs: Any) -> None:
    """An account does not take the name by which everybody's scripts ask for a repository. Raises NameTaken."""
    if RepositoryAlias.objects.filter(full_name__iexact=name).exists():
        raise name_taken(name)


def _queue(send: Callable[..., Any], about: int | list[int]) -> None:
    """Queue a mail. What was decided stands whatever happens here."""
    try:
        send((about,), retry=False)
    except Exception:
        log.exception("a mail about access (%s) was not queued", about)
