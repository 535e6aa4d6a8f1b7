"""What happens to repositories, written down for feeds and notifications."""

import logging
from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.models import ActivityKind
from hub.community.tasks import compare_release
from hub.repos.models import Release, Repository
from hub.repos.signals import release_published, repository_created

log = logging.getLogger(__name__)


@receiver(repository_created)
def note_repository(repository: Repository, actor: User, **_kwargs: Any) -> None:
    """A private one, too: who may not know of it sees nothing, and it is news once it is public."""
    note(ActivityKind.REPOSITORY, actor=actor, repository=repository)


@receiver(release_published)
def note_release(release: Release, actor: User, **_kwargs: Any) -> None:
    activity = note(ActivityKind.RELEASE, actor=actor, release=release)
    transaction.on_commit(partial(_queue, activity.pk))


def _queue(activity_id: int) -> None:
    """Have it compared with the release before. Without that, it is told all the same."""
    try:
        compare_release.apply_async((activity_id,), retry=False)
    except Exception:
        log.exception("the release of activity %d was not queued for its comparison", activity_id)
