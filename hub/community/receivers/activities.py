"""What happens to repositories, written down for feeds and notifications."""

from typing import Any

from django.dispatch import receiver

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.models import ActivityKind
from hub.community.tasks import compare_release
from hub.core.background import queue_on_commit
from hub.repos.models import Release, Repository
from hub.repos.signals import release_published, repository_created


@receiver(repository_created)
def note_repository(repository: Repository, actor: User, **_kwargs: Any) -> None:
    """A private one, too: who may not know of it sees nothing, and it is news once it is public."""
    note(ActivityKind.REPOSITORY, actor=actor, repository=repository)


@receiver(release_published)
def note_release(release: Release, actor: User, **_kwargs: Any) -> None:
    activity = note(ActivityKind.RELEASE, actor=actor, release=release)
    # Without the comparison, it is told all the same.
    queue_on_commit(compare_release, activity.pk)
