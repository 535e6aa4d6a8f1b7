"""What the catalogue does when repositories change: it queues a task on commit, and never stands in the way."""

import logging
from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from hub.catalog.tasks import count_likes, index_repo, rate
from hub.community.signals import likes_changed, reviews_changed
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


@receiver(likes_changed)
def count_after_like(repository: Repository, **_kwargs: Any) -> None:
    transaction.on_commit(partial(_queue_likes, repository.pk))


def _queue_likes(repo_id: int) -> None:
    """Ask for the likes to be counted. The like stands whatever happens here; the next trending scores count all."""
    try:
        count_likes.apply_async((repo_id,), retry=False)
    except Exception:
        log.exception("the likes of repository %d were not queued to be counted", repo_id)


@receiver(reviews_changed)
def rate_after_review(repository: Repository, **_kwargs: Any) -> None:
    transaction.on_commit(partial(_queue_rating, repository.pk))


def _queue_rating(repo_id: int) -> None:
    """Ask for a new score. The review stands whatever happens here; the sweep rates what was not queued."""
    try:
        rate.apply_async((repo_id,), retry=False)
    except Exception:
        log.exception("repository %d was not queued to be rated", repo_id)


def _queue(repo_id: int) -> None:
    """Ask for a new search row. The commit stands whatever happens here; the sweep finds what was not queued."""
    try:
        index_repo.apply_async((repo_id,), retry=False)
    except Exception:
        log.exception("repository %d was not queued for indexing; the next sweep will index it", repo_id)
