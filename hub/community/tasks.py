"""Background work of the community. All of it can run twice."""

from celery import shared_task

from hub.accounts.models import User
from hub.community import release_changes
from hub.community.notifications import mails, telling
from hub.repos.models import Repository

# Seconds after which a task that sends begins nothing more; the next sweep goes on.
_SENDING = 40


@shared_task(soft_time_limit=60, time_limit=90)
def tell(activity_id: int) -> int:
    """Notify whom one activity concerns; returns how many were."""
    return telling.tell(activity_id)


@shared_task(soft_time_limit=240, time_limit=270, expires=300)
def tell_untold() -> int:
    """Tell what was written down and never queued, or whose task was lost; returns how many notifications came of it."""
    return sum(telling.tell(activity_id) for activity_id in telling.untold())


@shared_task(soft_time_limit=60, time_limit=90)
def compare_release(activity_id: int) -> bool:
    """Write down what a release changed since the one before."""
    return release_changes.keep_changes(activity_id)


@shared_task(soft_time_limit=80, time_limit=110)
def send_mails(activity_id: int) -> int:
    """Send the mails about one activity; returns how many went out."""
    return mails.send_for(activity_id, seconds=_SENDING)


@shared_task(soft_time_limit=80, time_limit=110, expires=60)
def send_waiting_mails() -> int:
    """Send the mails whose task was lost, or that the mail server did not take; returns how many went out."""
    return mails.send_waiting(seconds=_SENDING)


@shared_task(soft_time_limit=80, time_limit=110, expires=600)
def send_digests() -> int:
    """Send the daily mails that are due; returns how many went out."""
    return mails.send_digests(seconds=_SENDING)


@shared_task(soft_time_limit=120, time_limit=150, expires=60)
def send_webhooks() -> int:
    """Send what waits for webhooks; returns how many tries were made."""
    # It leads to services, which queue these tasks.
    from hub.community.webhooks import sending

    sending.give_up_on_full()
    return sending.send_due(_SENDING)


@shared_task(soft_time_limit=240, time_limit=270, expires=3600)
def prune() -> int:
    """Forget old notifications and what was sent to webhooks long ago; returns how many rows went."""
    from hub.community.webhooks import sending

    return telling.prune() + sending.prune()


@shared_task(soft_time_limit=120, time_limit=150)
def note_taken_in(repo_id: int, base: str, old: str, actor_id: int | None) -> int:
    """Call those pull requests merged whose commits a push has brought into their branch; returns how many."""
    # It leads to services, which queue these tasks.
    from hub.community.discussions import merging

    repo = Repository.objects.select_related("namespace").filter(pk=repo_id).first()
    if repo is None:
        return 0
    actor = User.objects.filter(pk=actor_id).first() if actor_id is not None else None
    return len(merging.note_taken_in(repo=repo, base=base, old=old, actor=actor))
