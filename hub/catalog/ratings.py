"""The score of a model in its search row, which lists sort by. The formula: hub.community.reviews.scoring."""

import logging
from collections.abc import Iterable

from django.db.models import Count, Q

from hub.catalog.models import SearchRow
from hub.community.reviews.ratings import rating_of
from hub.community.reviews.scoring import ENOUGH
from hub.repos.models import Repository

log = logging.getLogger(__name__)


def rate(repo_id: int) -> bool:
    """Bring the score of one model up to date; returns whether it has changed. A model without a row gets it with the sweep."""
    repo = Repository.objects.filter(pk=repo_id).first()
    if repo is None:
        return False
    rating = rating_of(repo)
    # Rows carry indexes that make every update dear: what stays as it was is not written.
    rows = SearchRow.objects.filter(repository=repo)
    stale = rows.exclude(rating=None) if rating is None else rows.exclude(rating=rating) | rows.filter(rating=None)
    return bool(stale.update(rating=rating))


def rate_all() -> int:
    """Bring the score of every model up to date that has, or could have, one; returns how many have changed. Time passes over
    reviews without anything being said: the hub's mean moves, suspensions end, people join the owner, use is verified."""
    reviewed = SearchRow.objects.annotate(reviews=Count("repository__reviews"))
    return rate_each(reviewed.filter(Q(reviews__gte=ENOUGH) | Q(rating__isnull=False)).values_list("pk", flat=True))


def rate_each(repo_ids: Iterable[int]) -> int:
    """Bring the scores of these models up to date; returns how many have changed."""
    changed = 0
    for repo_id in repo_ids:
        try:
            changed += rate(repo_id)
        except Exception:
            # One model that cannot be rated must not keep the others from it.
            log.exception("repository %d could not be rated", repo_id)
    return changed
