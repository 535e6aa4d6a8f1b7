"""Background work of accounts. All of it can run twice."""

from celery import shared_task

from hub.accounts import sessions, sign_in, suspensions


@shared_task(soft_time_limit=300, time_limit=330, expires=600)
def prune() -> int:
    """Forget what tools asked and held, and sessions, once they are over; returns how many rows were forgotten."""
    return sign_in.prune() + sessions.prune()


@shared_task(soft_time_limit=60, time_limit=90, expires=60)
def end_suspensions() -> int:
    """Write down which suspensions are over; returns how many are."""
    return suspensions.end_suspensions()
