"""What the catalogue does when repositories change: it queues a task on commit, and never stands in the way. Its sweeps find
what was not queued."""

from typing import Any

from django.dispatch import receiver

from hub.catalog.tasks import count_likes, index_repo, rate, rate_some, score_some
from hub.community.signals import likes_changed, reviews_changed, voice_changed
from hub.core.background import queue_on_commit
from hub.repos.models import Repository
from hub.repos.models.git import MAIN
from hub.repos.signals import ref_updated, repository_changed

# Repositories that one task brings up to date.
PIECE = 100


@receiver(ref_updated)
def index_after_push(repository: Repository, name: str, **_kwargs: Any) -> None:
    if name == MAIN:
        queue_on_commit(index_repo, repository.pk)


@receiver(repository_changed)
def index_after_change(repository: Repository, **_kwargs: Any) -> None:
    queue_on_commit(index_repo, repository.pk)


@receiver(likes_changed)
def count_after_like(repository: Repository, **_kwargs: Any) -> None:
    queue_on_commit(count_likes, repository.pk)


@receiver(reviews_changed)
def rate_after_review(repository: Repository, **_kwargs: Any) -> None:
    queue_on_commit(rate, repository.pk)


@receiver(voice_changed)
def count_voice_anew(reviewed: list[int], liked: list[int], **_kwargs: Any) -> None:
    for task, repositories in ((rate_some, reviewed), (score_some, liked)):
        for start in range(0, len(repositories), PIECE):
            queue_on_commit(task, repositories[start : start + PIECE])
