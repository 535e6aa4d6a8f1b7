"""Background work of discussions. All of it can run twice."""

from celery import shared_task

from hub.accounts.models import User
from hub.community.discussions import indexing, merging
from hub.repos.models import Repository


@shared_task(soft_time_limit=120, time_limit=150)
def note_taken_in(repo_id: int, base: str, old: str, actor_id: int | None) -> int:
    """Call those pull requests merged whose commits a push has brought into their branch; returns how many."""
    repo = Repository.objects.select_related("namespace").filter(pk=repo_id).first()
    if repo is None:
        return 0
    actor = User.objects.filter(pk=actor_id).first() if actor_id is not None else None
    return len(merging.note_taken_in(repo=repo, base=base, old=old, actor=actor))


@shared_task(soft_time_limit=240, time_limit=270, expires=240)
def index_comments() -> int:
    """Make what comments are found by where it is missing or of an earlier version: those of a time before there was a search,
    or before it changed. Returns how many."""
    total = 0
    while made := indexing.index_some():
        total += made
        if made < indexing.BATCH:
            break
    return total
