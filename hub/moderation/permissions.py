"""Who moderates, and the one way to a case."""

from django.utils.translation import gettext as _

from hub.accounts.models import Membership, Role, Someone, User
from hub.core.errors import SignInNeeded
from hub.core.text import MAX_ID
from hub.moderation.errors import ActionNotFound, CaseNotFound, NotModerator, OwnCase
from hub.moderation.models import APPEALABLE, Action, Case
from hub.repos.permissions import check_may_act


def may_moderate(user: Someone) -> bool:
    """Tell whether `user` sees the queue: the administrators of this hub do, suspended ones do not."""
    return isinstance(user, User) and user.is_active and user.is_staff and not user.suspended


def check_may_moderate(user: Someone) -> None:
    """Refuse whoever does not moderate. Raises SignInNeeded, NotModerator."""
    if not user.is_authenticated:
        raise SignInNeeded(_("Only moderators see this. Sign in first."))
    if not may_moderate(user):
        raise NotModerator(_("Only the administrators of this hub moderate."))


def check_may_decide(user: Someone) -> None:
    """As check_may_moderate, for what changes something. Raises ReadOnlyToken, too."""
    check_may_moderate(user)
    check_may_act(user)


def get_case(user: Someone, case_id: int) -> Case:
    """Return a case for a moderator. Raises SignInNeeded, NotModerator, CaseNotFound."""
    check_may_moderate(user)
    cases = Case.objects.select_related("accused", "claimed_by", "namespace", "repository__namespace")
    case = cases.filter(pk=case_id).first() if case_id <= MAX_ID else None
    if case is None:
        raise CaseNotFound(_("There is no case of that number."))
    return case


def check_impartial(moderator: User, case: Case, *, appellant: int | None = None, acted: int | None = None) -> None:
    """Refuse a moderator to whom a case is about themselves or an organization of theirs, while another one could decide.

    Of an appeal: its `appellant` decides neither, nor, while a third one could, who `acted`: ids of users. Raises OwnCase.
    """
    concerned = {pk for pk in (case.accused_id, appellant) if pk is not None}
    if case.namespace is not None and case.namespace.organization_id is not None:
        members = Membership.objects.filter(organization=case.namespace.organization_id)
        concerned |= set(members.filter(user__is_staff=True).values_list("user", flat=True))
    # First who is concerned: where all others are, too, whoever acted decides before they do.
    for involved in (concerned, concerned | ({acted} if acted is not None else set())):
        if moderator.pk not in involved:
            continue
        others = User.objects.filter(is_staff=True, is_active=True).exclude(pk__in=involved)
        if any(not other.suspended for other in others):
            raise OwnCase(_("This is about what you did yourself. Another moderator has to decide it."))


def people_of(case: Case) -> list[User]:
    """Return who is told what was done, and may appeal: the person, or the administrators of the organization."""
    if case.accused is not None:
        return [case.accused]
    if case.namespace is None or case.namespace.organization_id is None:
        return []
    admins = Membership.objects.standing().filter(organization=case.namespace.organization_id, role=Role.ADMIN)
    return [membership.user for membership in admins.select_related("user").order_by("pk")]


def get_action_for_appeal(user: User, action_id: int) -> Action:
    """Return an action that concerns `user` and that one may appeal against. Raises ActionNotFound."""
    action = None
    if action_id <= MAX_ID:
        rows = Action.objects.select_related("case__accused", "case__namespace__organization", "appeal")
        action = rows.filter(pk=action_id, kind__in=APPEALABLE).first()
    if action is None or user not in people_of(action.case):
        raise ActionNotFound(_("There is no such decision about you or what is yours."))
    return action
