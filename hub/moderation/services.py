"""Every change to cases: report, claim, release, act, dismiss. Appeals are in `appeals.py`.

Each change locks the case's row, so that one of two moderators who do the same is the first, and the other is told.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.limits import Act, check_pace
from hub.core.errors import Invalid
from hub.core.models import record
from hub.core.text import clean_line, clean_text
from hub.core.throttles import check_rate
from hub.moderation import notices
from hub.moderation.effects import carry_out, possible
from hub.moderation.errors import ActionInvalid, AlreadyClaimed, AlreadyReported, CaseClosed, CaseNotFound
from hub.moderation.models import MAX_REASON, MAX_TEXT, UNDOING, Action, ActionKind, Case, Ground, Report
from hub.moderation.permissions import check_impartial, check_may_decide
from hub.moderation.targets import Found
from hub.repos.permissions import check_may_act

# Reports of one person in an hour; of new accounts, fewer in a day: hub/community/limits.py.
REPORTS_PER_HOUR = 30
# What is not undone, and what needs no words for those whom it concerns.
_WITHOUT_REASON = (*UNDOING.values(), ActionKind.DISMISS)


@transaction.atomic
def report(*, found: Found, reporter: User, ground: str, text: str = "") -> Report:
    """Report what `find_target` found for the reporter. Who reports what others have reported joins their case.

    Raises Invalid, AlreadyReported, TooMany, NewAccount, Suspended, ReadOnlyToken.
    """
    check_may_act(reporter)
    if ground not in Ground.values:
        raise Invalid(_("Choose one of the reasons."), field="ground")
    if ground == Ground.OTHER and not text.strip():
        raise Invalid(_("Say what is wrong."), field="text")
    kept = clean_text(text, field="text", limit=MAX_TEXT, optional=True)
    if found.accused is not None and found.accused.pk == reporter.pk and not reporter.is_staff:
        raise Invalid(_("This is your own. You can change or delete it yourself."))
    check_rate("report", reporter.pk, limit=REPORTS_PER_HOUR, seconds=3600)
    check_pace(reporter, Act.REPORT)
    case = _open_case(found)
    try:
        with transaction.atomic():
            made = Report.objects.create(case=case, reporter=reporter, ground=ground, text=kept)
    except IntegrityError as error:
        raise AlreadyReported(_("You have reported this already. The moderators will look at it.")) from error
    # Not what was reported: whoever reads this record knows that somebody reported, and moderators know the rest.
    record(actor=reporter, verb="report.make", target=f"case {case.pk}", ground=ground)
    return made


def _open_case(found: Found) -> Case:
    """Return the open case of what was found, locked, or a new one."""
    snapshot = {name: value for name, value in vars(found).items() if name not in ("kind", "key")}
    for _attempt in range(3):
        case = Case.objects.unsettled().select_for_update().filter(kind=found.kind, key=found.key).first()
        if case is not None:
            return case
        try:
            with transaction.atomic():
                return Case.objects.create(kind=found.kind, key=found.key, **snapshot)
        except IntegrityError:
            # Somebody else has just reported it.
            continue
    raise CaseNotFound(_("This case is being closed just now. Report it again."))


@transaction.atomic
def claim_case(*, case: Case, moderator: User, take_over: bool = False) -> Case:
    """Take a case on. One claim wins; `take_over` takes it from another moderator, who is told.

    Raises NotModerator, ReadOnlyToken, AlreadyClaimed, CaseClosed, OwnCase.
    """
    check_may_decide(moderator)
    case = _locked(case)
    _check_open(case)
    check_impartial(moderator, case)
    former = case.claimed_by
    if former is not None and former.pk != moderator.pk:
        if not take_over:
            raise AlreadyClaimed(
                _("%(name)s is at this case. Take another, or take it over.") % {"name": former.username}
            )
        notices.tell_taken_over(case, former)
    _claim(case, moderator)
    record(actor=moderator, verb="case.claim", target=f"case {case.pk}", former=former.username if former else None)
    return case


@transaction.atomic
def release_case(*, case: Case, moderator: User) -> Case:
    """Leave a case to others. Raises NotModerator, ReadOnlyToken, AlreadyClaimed where it is somebody else's, CaseClosed."""
    check_may_decide(moderator)
    case = _locked(case)
    _check_open(case)
    if case.claimed_by_id not in (None, moderator.pk):
        raise AlreadyClaimed(_("This case is another moderator's."))
    case.state, case.claimed_by, case.claimed_at = Case.State.OPEN, None, None
    case.save(update_fields=["state", "claimed_by", "claimed_at"])
    record(actor=moderator, verb="case.release", target=f"case {case.pk}")
    return case


@transaction.atomic
def act(
    *,
    case: Case,
    moderator: User,
    kind: str,
    reason: str = "",
    note: str = "",
    until: datetime | None = None,
    close: bool = True,
) -> Action:
    """Do something about a case, and, unless `close` is false, settle it, which the reporters are told.

    reason: for those whom it concerns, and the public. note: for moderators. until: the end of a suspension. A closed case only
    takes what undoes. Raises NotModerator, ReadOnlyToken, AlreadyClaimed, CaseClosed, OwnCase, ActionInvalid, Invalid, and
    what the effect raises: NothingChanged, TakedownUnchanged, NotSuspendable, NotSuspended.
    """
    check_may_decide(moderator)
    case = _locked(case)
    if kind not in possible(case):
        raise ActionInvalid(_("That cannot be done to this, or it is gone. Look at the case again."), field="kind")
    undoes = kind in UNDOING.values()
    if not undoes:
        _check_open(case)
    check_impartial(moderator, case)
    if case.claimed_by_id not in (None, moderator.pk) and not case.closed:
        raise AlreadyClaimed(_("This case is another moderator's. Take it over first."))
    reason = clean_line(reason, field="reason", limit=MAX_REASON)
    note = clean_text(note, field="note", limit=MAX_TEXT, optional=True)
    if not reason and kind not in _WITHOUT_REASON:
        raise Invalid(_("Say why. Whom it concerns reads this, and so does the public."), field="reason")
    if until is not None and kind != ActionKind.SUSPEND:
        until = None
    action = _write(case, moderator, kind, reason, note, until)
    if not case.closed:
        _claim(case, moderator)
        if close or kind == ActionKind.DISMISS:
            _close(case)
    return action


def dismiss_cases(*, cases: Collection[Case], moderator: User, note: str = "") -> int:
    """Close many cases in which nothing is wrong; returns how many. Those that are closed, or somebody else's, are left out."""
    check_may_decide(moderator)
    done = 0
    for case in sorted(cases, key=lambda case: case.pk):
        try:
            act(case=case, moderator=moderator, kind=ActionKind.DISMISS, note=note)
        except (AlreadyClaimed, CaseClosed):
            continue
        done += 1
    return done


def undo(*, action: Action, moderator: User, reason: str) -> Action | None:
    """Take back what an action did, in the caller's transaction; None where that holds no more, or holds by a later one."""
    undoing = UNDOING.get(ActionKind(action.kind))
    case = _locked(action.case)
    later = Action.objects.filter(kind=action.kind, pk__gt=action.pk)
    if action.kind == ActionKind.SUSPEND:
        later = later.filter(case__accused=case.accused)
    else:
        later = later.filter(case__kind=case.kind, case__key=case.key)
    if undoing is None or undoing not in possible(case) or later.exists():
        return None
    return _write(case, moderator, undoing, reason, "", None)


def _write(case: Case, moderator: User, kind: str, reason: str, note: str, until: datetime | None) -> Action:
    action = Action.objects.create(case=case, moderator=moderator, kind=kind, reason=reason, note=note, until=until)
    carry_out(action, moderator)
    record(actor=moderator, verb=f"case.{kind}", target=f"case {case.pk}", action=action.pk, reason=reason)
    if kind != ActionKind.DISMISS:
        notices.tell_decided(action)
    return action


def _claim(case: Case, moderator: User) -> None:
    case.state, case.claimed_by, case.claimed_at = Case.State.CLAIMED, moderator, timezone.now()
    case.save(update_fields=["state", "claimed_by", "claimed_at"])


def _close(case: Case) -> None:
    case.state, case.closed_at = Case.State.CLOSED, timezone.now()
    case.save(update_fields=["state", "closed_at"])
    acted = case.actions.exclude(kind__in=_WITHOUT_REASON).exists()
    notices.tell_reporters(case, acted=acted)


def _locked(case: Case) -> Case:
    """Return the case as it is now, its row locked."""
    # Nothing joined: of what is joined, the database shows the state of before it waited for the lock.
    locked = Case.objects.select_for_update().filter(pk=case.pk).first()
    if locked is None:
        raise CaseNotFound(_("There is no case of that number."))
    return locked


def _check_open(case: Case) -> None:
    if case.closed:
        raise CaseClosed(_("This case is closed. What was done can be undone; a new report opens a new case."))
