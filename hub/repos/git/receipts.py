"""Commits that may be asked for twice: with an `Idempotency-Key`, a request that is sent again is answered with the commit
that it led to the first time (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/)."""

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core import locks
from hub.repos.errors import KeyReused
from hub.repos.models import CommitReceipt, Repository

MAX_KEY = 200  # characters
# How long a receipt is kept; after that the same key makes another commit.
KEPT = timedelta(hours=24)


@transaction.atomic
def commit_once(
    *, repo: Repository, user: User, key: str, request: str, make: Callable[[], tuple[str, str]]
) -> tuple[str, str]:
    """Return (full ref name, commit id) of the commit that `key` stands for; `make` makes it where it does not yet.

    key: the caller's own, one for each user and repository. request: sha256 (hex) of all that was asked. Requests with one
    key wait for each other, so that the later one finds what the earlier one has done; one that failed leaves nothing.
    Raises KeyReused where the key was used for something else, and what `make` raises.
    """
    locks.lock(f"receipt {repo.pk} {user.pk} {key}")
    known = CommitReceipt.objects.filter(repository=repo, user=user, key=key, at__gt=timezone.now() - KEPT).first()
    if known is not None:
        if known.request != request:
            raise KeyReused(
                _("This Idempotency-Key was sent with another commit. Use a new key for each commit."),
                field="Idempotency-Key",
            )
        return known.ref, known.commit
    ref, commit = make()
    CommitReceipt.objects.update_or_create(
        repository=repo,
        user=user,
        key=key,
        defaults={"request": request, "ref": ref, "commit": commit, "at": timezone.now()},
    )
    return ref, commit


def sweep_receipts() -> int:
    """Forget receipts that are past their time; returns how many."""
    return CommitReceipt.objects.filter(at__lte=timezone.now() - KEPT).delete()[0]
