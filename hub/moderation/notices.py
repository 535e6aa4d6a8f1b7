"""What people are told: those whom a decision concerns, those who reported, moderators whose case another took."""

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.models import ActivityKind
from hub.moderation.models import Action, Appeal, Case, Target
from hub.moderation.permissions import people_of
from hub.moderation.targets import title_for

STANDING = "/settings/standing"


def tell_decided(action: Action) -> None:
    """Tell whom an action concerns what was done, and why. Who moderated, and who reported, they do not learn."""
    until = action.until.isoformat(timespec="seconds") if action.until else ""
    for person in people_of(action.case):
        # What is about themselves needs no name.
        own = action.case.kind == Target.USER and action.case.key == str(person.pk)
        title = "" if own else title_for(person, action.case)
        _tell(person, action.kind, action.reason, title, STANDING, until)


def tell_appeal(appeal: Appeal) -> None:
    """Tell whoever appealed what came of it."""
    if appeal.user is not None:
        title = title_for(appeal.user, appeal.action.case)
        _tell(appeal.user, f"appeal_{appeal.state}", appeal.answer, title, STANDING)


def tell_reporters(case: Case, *, acted: bool) -> None:
    """Tell everybody who reported what came of it: whether something was done, and no more."""
    told = "report_acted" if acted else "report_dismissed"
    reports = case.reports.filter(reporter__is_active=True).select_related("reporter")
    for report in reports:
        assert report.reporter is not None
        title = title_for(report.reporter, case)
        _tell(report.reporter, told, "", title, case.path if title == case.title else "")


def tell_taken_over(case: Case, former: User) -> None:
    """Tell a moderator that another one took their case."""
    _tell(former, "case_taken_over", "", case.title, f"/moderation/{case.pk}")


def _tell(person: User, action: str, reason: str, target: str, path: str, until: str = "") -> None:
    note(
        ActivityKind.MODERATION,
        actor=None,
        to=person,
        action=action,
        reason=reason,
        target=target,
        path=path,
        until=until,
    )
