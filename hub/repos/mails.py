"""Mails about access to gated repositories, and to administrators about damaged content."""

from django.core.cache import cache
from django.db.models import Max
from django.utils import timezone

from hub.accounts.mails import send_mail
from hub.accounts.models import Membership, Role, User
from hub.core.links import base_url, repo_path
from hub.repos.models import AccessRequest, Gate, Repository

Status = AccessRequest.Status

# Owners hear of one repository at most this often.
PAUSE_SECONDS = 3600
# Damages that a mail tells of one by one.
SHOWN_DAMAGES = 20


def tell_owners(repo_id: int) -> bool:
    """Mail the owner, or the organization's administrators, that somebody waits; returns whether there was news to tell.

    Does nothing within an hour of the last mail about this repository, nor where nobody has asked since.
    """
    repo = Repository.objects.select_related("namespace__user", "namespace__organization").filter(pk=repo_id).first()
    if repo is None or repo.gate != Gate.MANUAL:
        return False
    waiting = AccessRequest.objects.filter(repository=repo, status=Status.PENDING)
    newest = waiting.aggregate(newest=Max("requested_at"))["newest"]
    told_key = f"access-mail:told:{repo_id}"
    if newest is None or newest.timestamp() <= (cache.get(told_key) or 0):
        return False
    # Whoever takes the pause sends the mail, so that two tasks at once send one.
    if not cache.add(f"access-mail:pause:{repo_id}", True, PAUSE_SECONDS):
        return False
    cache.set(told_key, timezone.now().timestamp(), 30 * 24 * 3600)
    page = repo_path(repo.kind, repo.full_name, "settings", "access")
    facts = {"name": repo.full_name, "count": waiting.count(), "address": f"{base_url()}{page}"}
    for user in _owners(repo):
        send_mail(user, "access_requested", facts)
    return True


def tell_askers(request_ids: list[int]) -> None:
    """Mail those whose requests were decided, by what stands in their rows now."""
    decided = AccessRequest.objects.filter(pk__in=request_ids, status__in=[Status.ACCEPTED, Status.REJECTED])
    for request in decided.select_related("user", "repository__namespace"):
        repo = request.repository
        # It may have been hidden since they asked, under another name.
        if not Repository.objects.visible_to(request.user).filter(pk=repo.pk).exists():
            continue
        facts = {
            "name": repo.full_name,
            "accepted": request.status == Status.ACCEPTED,
            "reason": request.reason,
            "address": f"{base_url()}{repo.get_absolute_url()}",
        }
        send_mail(request.user, "access_decided", facts)


def tell_of_damages(texts: list[str]) -> None:
    """Tell the hub's administrators what is newly found to be damaged: a sentence for each."""
    facts = {"count": len(texts), "damages": texts[:SHOWN_DAMAGES], "address": f"{base_url()}/settings/storage"}
    for user in User.objects.filter(is_staff=True, is_active=True):
        send_mail(user, "damaged", facts)


def _owners(repo: Repository) -> list[User]:
    if repo.namespace.user is not None:
        return [repo.namespace.user]
    organization = repo.namespace.organization
    admins = Membership.objects.standing().filter(organization=organization, role=Role.ADMIN)
    return list(User.objects.filter(is_active=True, pk__in=admins.values("user")))
