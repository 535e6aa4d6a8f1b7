"""Gated repositories: closing the gate, asking to be let in, and deciding about those who ask.

Who may fetch what follows from the rows alone (`permissions.check_may_fetch`), so every decision counts from the next
request on.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from hub.accounts.models import Someone, User
from hub.core.errors import Invalid
from hub.core.models import record
from hub.core.throttles import check_rate
from hub.repos.access_forms import form_of
from hub.repos.errors import (
    AccessPending,
    AccessRejected,
    AccessRequestNotFound,
    HasAccess,
    NotGated,
)
from hub.repos.models import AccessRequest, Gate, Repository
from hub.repos.permissions import check_may_act, may_fetch
from hub.repos.signals import access_decided, access_requested, repository_changed

Status = AccessRequest.Status

MAX_REASON = 1000  # characters
REQUESTS_PER_HOUR = 30  # of one person
# How long somebody who was turned down waits before they may ask again at a gate that a person watches.
ASK_AGAIN_AFTER = timedelta(days=7)


@transaction.atomic
def set_gate(*, repo: Repository, actor: User, gate: str) -> None:
    """Let everybody, whoever asks, or whoever is let in fetch the files. The caller has passed get_repo_for_admin.

    Those who were let in, wait or were turned down stay so, also while the repository is open; a gate that opens by itself
    lets in those who wait. Raises Invalid.
    """
    if gate not in Gate.values:
        raise Invalid(_("A gate is auto, manual, or false for none."), field="gated")
    repo.gate = gate
    repo.save(update_fields=["gate"])
    record(actor=actor, verb="repo.gate", target=repo.audit_name, gate=gate)
    if gate == Gate.AUTO:
        _let_all_in(repo, actor)
    repository_changed.send(sender=Repository, repository=repo)


def _let_all_in(repo: Repository, actor: User) -> None:
    waiting = AccessRequest.objects.filter(repository=repo, status=Status.PENDING)
    numbers = list(waiting.select_for_update().values_list("pk", flat=True))
    if numbers:
        AccessRequest.objects.filter(pk__in=numbers).update(
            status=Status.ACCEPTED, decided_at=timezone.now(), decided_by=actor
        )
        record(actor=actor, verb="access.accepted", target=repo.audit_name, requests=len(numbers))
        access_decided.send(sender=AccessRequest, requests=numbers)


# --- who asks ---------------------------------------------------------------------------------------------------


def own_request(repo: Repository, user: Someone) -> AccessRequest | None:
    """Return what `user` has asked of this repository, None where nothing."""
    if not user.is_authenticated:
        return None
    return AccessRequest.objects.filter(repository=repo, user=user).first()


def may_ask_from(request: AccessRequest) -> datetime | None:
    """Return when somebody who was turned down may ask again; None for never: then only the owner can let them in."""
    if request.repository.gate != Gate.MANUAL:
        # A gate that opens by itself would undo the decision at once.
        return None
    return (request.decided_at or request.requested_at) + ASK_AGAIN_AFTER


@transaction.atomic
def request_access(*, repo: Repository, user: Someone, answers: Mapping[str, Any]) -> AccessRequest:
    """Ask for the files of a gated repository; return the request, accepted at once where the gate opens by itself.

    answers: question -> answer of the card's form. The caller has loaded `repo` with get_repo_for_read. Raises
    WriteNeedsSignIn, ReadOnlyToken, NotGated, HasAccess, AccessPending, AccessRejected, AnswerInvalid, TooMany.
    """
    check_may_act(user)
    assert isinstance(user, User)
    check_gated(repo)
    if may_fetch(user, repo):
        raise HasAccess(_("You have access to %(name)s already.") % {"name": repo.full_name})
    there = AccessRequest.objects.select_for_update().select_related("repository").filter(repository=repo, user=user)
    request = there.first()
    if request is not None:
        _check_may_ask_again(request, repo)
    check_rate("access-request", user.pk, limit=REQUESTS_PER_HOUR, seconds=3600)
    fields = form_of(repo).checked(answers)
    now = timezone.now()
    opens = repo.gate == Gate.AUTO
    state = {
        "status": Status.ACCEPTED if opens else Status.PENDING,
        "fields": fields,
        "reason": "",
        "requested_at": now,
        "decided_at": now if opens else None,
        "decided_by": None,
    }
    if request is None:
        try:
            with transaction.atomic():
                request = AccessRequest.objects.create(repository=repo, user=user, **state)
        except IntegrityError as error:
            raise _waits(repo) from error
    else:
        for name, value in state.items():
            setattr(request, name, value)
        request.save()
    record(actor=user, verb="access.request", target=repo.audit_name, status=request.status)
    if not opens:
        access_requested.send(sender=AccessRequest, repository=repo)
    return request


@transaction.atomic
def withdraw_request(*, repo: Repository, user: Someone) -> None:
    """Take one's own request back, or give up the access that it gave. The caller has loaded `repo`, or the request is theirs.

    Whoever was turned down stays so. Raises WriteNeedsSignIn, ReadOnlyToken, AccessRequestNotFound, AccessRejected.
    """
    check_may_act(user)
    request = AccessRequest.objects.select_for_update().filter(repository=repo, user=user.pk).first()
    if request is None:
        raise AccessRequestNotFound(_("You have not asked for access to %(name)s.") % {"name": repo.full_name})
    if request.status == Status.REJECTED:
        raise AccessRejected(_("This request has been decided, so there is nothing to take back."))
    request.delete()
    record(actor=user, verb="access.withdraw", target=repo.audit_name, status=request.status)


def _check_may_ask_again(request: AccessRequest, repo: Repository) -> None:
    if request.status == Status.PENDING and repo.gate == Gate.MANUAL:
        raise _waits(repo)
    if request.status == Status.REJECTED:
        again = may_ask_from(request)
        if again is None:
            raise AccessRejected(
                _("You were turned down for %(name)s. Only its owner can let you in now.") % {"name": repo.full_name}
            )
        if timezone.now() < again:
            raise AccessRejected(
                _("You were turned down for %(name)s. You can ask again from %(day)s on.")
                % {"name": repo.full_name, "day": date_format(again, "Y-m-d")}
            )


def _waits(repo: Repository) -> AccessPending:
    return AccessPending(
        _("You have asked for access to %(name)s already. Its owner has not decided yet.") % {"name": repo.full_name}
    )


# --- who decides --------------------------------------------------------------------------------------------------
# The callers have passed get_repo_for_admin.


def get_request(repo: Repository, *, number: int | None = None, user: str = "") -> AccessRequest:
    """Return the request of that number, or of the user of that name. Raises AccessRequestNotFound."""
    requests = AccessRequest.objects.filter(repository=repo).select_related("user", "repository__namespace")
    found = requests.filter(pk=number) if number is not None else requests.filter(user__username__iexact=user)
    request = found.first()
    if request is None:
        raise AccessRequestNotFound(
            _("Nobody of that name has asked for access to %(name)s.") % {"name": repo.full_name}
        )
    return request


@transaction.atomic
def accept_request(*, request: AccessRequest, actor: User) -> None:
    """Let the person in who waits or was turned down. Raises NotGated, AccessRequestNotFound where they are in."""
    _decide(_locked(request, Status.ACCEPTED), actor, Status.ACCEPTED)


@transaction.atomic
def reject_request(*, request: AccessRequest, actor: User, reason: str = "") -> None:
    """Turn the person down, whom the reason is told. Raises NotGated, Invalid, AccessRequestNotFound where they were."""
    if len(reason) > MAX_REASON:
        raise Invalid(
            _("A reason has at most %(max)d characters.") % {"max": MAX_REASON},
            field="reason",
        )
    _decide(_locked(request, Status.REJECTED), actor, Status.REJECTED, reason.strip())


@transaction.atomic
def reopen_request(*, request: AccessRequest, actor: User) -> None:
    """Let the person wait again, without access. Raises NotGated, AccessRequestNotFound where they wait already."""
    locked = _locked(request, Status.PENDING)
    locked.status, locked.reason, locked.decided_at, locked.decided_by = Status.PENDING, "", None, None
    locked.save()
    record(actor=actor, verb="access.pending", target=locked.repository.audit_name, user=locked.user.username)


@transaction.atomic
def grant_access(*, repo: Repository, user: User, actor: User) -> AccessRequest:
    """Let somebody in, whether they have asked or not. Raises NotGated, HasAccess."""
    check_gated(repo)
    if may_fetch(user, repo):
        raise HasAccess(
            _("%(user)s has access to %(name)s already.") % {"user": user.username, "name": repo.full_name},
            field="user",
        )
    AccessRequest.objects.get_or_create(repository=repo, user=user)
    request = _locked(get_request(repo, user=user.username), None)
    _decide(request, actor, Status.ACCEPTED)
    return request


def _decide(request: AccessRequest, actor: User, status: str, reason: str = "") -> None:
    request.status, request.reason = status, reason
    request.decided_at, request.decided_by = timezone.now(), actor
    request.save()
    told = {"user": request.user.username} | ({"reason": reason} if reason else {})
    record(actor=actor, verb=f"access.{status}", target=request.repository.audit_name, **told)
    access_decided.send(sender=AccessRequest, requests=[request.pk])


def _locked(request: AccessRequest, becomes: str | None) -> AccessRequest:
    """Return the request under its row's lock, if it is not what it is to become."""
    check_gated(request.repository)
    found = (
        AccessRequest.objects.select_for_update(of=("self",))
        .select_related("user", "repository__namespace")
        .filter(pk=request.pk)
        .first()
    )
    if found is None:
        raise AccessRequestNotFound(_("This request has just been taken back."))
    if found.status == becomes:
        raise AccessRequestNotFound(
            {
                Status.ACCEPTED: _("%(user)s has been let in already."),
                Status.REJECTED: _("%(user)s has been turned down already."),
            }.get(Status(found.status), _("%(user)s waits for a decision already."))
            % {"user": found.user.username}
        )
    return found


def check_gated(repo: Repository) -> None:
    """Raise NotGated where there is nothing to ask for, and so nothing to decide."""
    if not repo.gated:
        raise NotGated(_("%(name)s is not gated: whoever can see it can fetch its files.") % {"name": repo.full_name})
