"""Taking a repository down, and putting it back. It keeps its rows and its content, which nobody reaches meanwhile.

The doors and `visible_to` leave out what is taken down, so nothing else has to know. Who may do so is decided above.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core.models import record
from hub.repos.errors import TakedownUnchanged
from hub.repos.models import Repository
from hub.repos.signals import repository_changed, repository_taken_down


@transaction.atomic
def take_down_repo(*, repo: Repository, actor: User, reason: str) -> None:
    """Have nobody reach a repository by any path, and tell whoever could have read it why. Raises TakedownUnchanged."""
    now = timezone.now()
    if not Repository.objects.filter(pk=repo.pk, taken_down_at=None).update(taken_down_at=now, takedown_reason=reason):
        raise TakedownUnchanged(_("%(name)s is taken down already.") % {"name": repo.full_name})
    repo.taken_down_at, repo.takedown_reason = now, reason
    record(actor=actor, verb="repo.take_down", target=repo.audit_name, reason=reason)
    repository_taken_down.send(sender=Repository, repository=repo)
    repository_changed.send(sender=Repository, repository=repo)


@transaction.atomic
def restore_repo(*, repo: Repository, actor: User) -> None:
    """Put a repository back as it was. Raises TakedownUnchanged."""
    down = Repository.objects.filter(pk=repo.pk, taken_down_at__isnull=False)
    if not down.update(taken_down_at=None, takedown_reason=""):
        raise TakedownUnchanged(_("%(name)s is not taken down.") % {"name": repo.full_name})
    repo.taken_down_at, repo.takedown_reason = None, ""
    record(actor=actor, verb="repo.restore", target=repo.audit_name)
    repository_changed.send(sender=Repository, repository=repo)
