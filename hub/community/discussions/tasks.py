"""Background work of discussions. All of it can run twice."""

from celery import shared_task

from hub.accounts.models import User
from hub.community.discussions import merging
from hub.repos.models import Repository


@shared_task(soft_time_limit=120, time_limit=150)
def note_taken_in(repo_id: int, base: str, old: str, actor_id: int | None) -> int:
    """Call those pull requests merged whose commits a push has brought into their branch; returns how many."""
    repo = Repository.objects.select_related("namespace").filter(pk=repo_id).first()
    if repo is None:
        return 0
    actor = User.objects.filter(pk=actor_id).first() if actor_id is not None else None
    return len(merging.note_taken_in(repo=repo, base=base, old=old, actor=actor))
