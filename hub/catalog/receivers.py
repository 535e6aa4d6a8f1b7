"""What the catalogue does when repositories change: it queues a task on commit, and never stands in the way."""

import logging
from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from hub.catalog.tasks import index_repo
from hub.repos.models import Repository
from hub.repos.models.git import MAIN
from hub.repos.signals import ref_updated, repository_changed

log = logging.getLogger(__name__)


@receiver(ref_updated)
def index_after_push(repository: Repository, name: str, **_kwargs: Any) -> None:
    if name == MAIN:
        transaction.on_commit(partial(_queue, repository.pk))


@receiver(repository_changed)
def index_after_change(repository: Repository, **_kwargs: Any) -> None:
    transaction.on_commit(partial(_queue, repository.pk))


def _queue(repo_id: int) -> None:
    """Ask for a new search row. The commit stands whatever happens here; the sweep finds what was not queued."""
    try:
        index_repo.apply_async((repo_id,), retry=False)
    except Exception:
        log.exception("repository %d was not queued for indexing; the next sweep will index it", repo_id)
