"""Background work of the catalogue. All of it can run twice."""

import logging

from celery import shared_task
from django.db.models import F, Q, Value
from django.db.models.functions import Concat, Lower

from hub.catalog import ratings, services, trending
from hub.catalog.indexing import VERSION, index_repository
from hub.repos.models import Repository
from hub.repos.models.git import MAIN

log = logging.getLogger(__name__)

SWEEP_LIMIT = 500  # repositories in one sweep; the next one goes on


@shared_task(soft_time_limit=120, time_limit=150)
def index_repo(repo_id: int) -> None:
    """Make the search row of one repository anew."""
    index_repository(repo_id)


@shared_task(soft_time_limit=600, time_limit=660, expires=60)
def sweep() -> int:
    """Index every repository whose row is missing or behind: its message was lost, or the code has changed.

    Returns how many were indexed.
    """
    repositories = (
        Repository.objects.filter(refs__name=MAIN)
        .annotate(now=Lower(Concat("namespace__name", Value("/"), "name")))
        .filter(
            Q(search_row__isnull=True)
            | ~Q(search_row__head=F("refs__oid"))
            | ~Q(search_row__version=VERSION)
            | ~Q(search_row__name=F("now"))
        )
        .order_by("-updated_at")
        .values_list("pk", flat=True)[:SWEEP_LIMIT]
    )
    done = 0
    for repo_id in repositories:
        try:
            done += index_repository(repo_id)
        except Exception:
            # One repository that cannot be indexed must not keep the others from it.
            log.exception("repository %d could not be indexed", repo_id)
    return done


@shared_task(soft_time_limit=60, time_limit=90, expires=15)
def drain_downloads() -> int:
    """Move the counted downloads, and who has used what, from Valkey into the tables; returns how many were counted."""
    services.drain_uses()
    return services.drain_downloads()


@shared_task(soft_time_limit=30, time_limit=60)
def count_likes(repo_id: int) -> None:
    """Bring the number of likes in the search row of one repository up to date."""
    trending.count_likes(repo_id)


@shared_task(soft_time_limit=240, time_limit=270, expires=300)
def score_trending() -> int:
    """Bring trending scores and numbers of likes up to date; returns how many rows changed."""
    return trending.score()


@shared_task(soft_time_limit=60, time_limit=90)
def score_some(repo_ids: list[int]) -> int:
    """Bring trending scores and numbers of likes of these repositories up to date; returns how many rows changed."""
    return trending.score(repo_ids)


@shared_task(soft_time_limit=60, time_limit=90)
def rate(repo_id: int) -> None:
    """Bring the score of one model up to date."""
    ratings.rate(repo_id)


@shared_task(soft_time_limit=240, time_limit=270)
def rate_some(repo_ids: list[int]) -> int:
    """Bring the scores of these models up to date; returns how many have changed."""
    return ratings.rate_each(repo_ids)


@shared_task(soft_time_limit=840, time_limit=870, expires=3600)
def rate_all() -> int:
    """Bring the scores of all models up to date; returns how many have changed."""
    return ratings.rate_all()
